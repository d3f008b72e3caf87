//! What the user wrote for this provider in `[provider.config]`.

#[cfg(target_arch = "wasm32")]
use crate::bindings::omnifs::provider::config as raw;
#[cfg(feature = "json")]
use crate::Error;

/// Returns `[provider.config]` as JSON, `{}` when there is none.
///
/// It is the same for the whole life of an instance. Off wasm32 it is what
/// `testing` was told, and `{}` otherwise.
#[must_use]
pub fn get() -> String {
    #[cfg(target_arch = "wasm32")]
    {
        raw::get()
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::config()
    }
}

/// Returns `[provider.config]` as a value of any type that `serde` reads.
///
/// With the feature `derive` that may be a struct of the provider's own.
///
/// # Errors
/// When a key is missing or has another type; the text names the table and the key.
///
/// ```no_run
/// use omnifs_provider::{config, http::Error};
/// use std::collections::BTreeMap;
///
/// let config: BTreeMap<String, String> = config::parse()?;
/// let base = config.get("base_url").ok_or_else(|| Error::new("base_url is not set"))?;
/// # Ok::<(), Error>(())
/// ```
#[cfg(feature = "json")]
pub fn parse<T: serde::de::DeserializeOwned>() -> Result<T, Error> {
    read(&get())
}

#[cfg(feature = "json")]
fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        // The user wrote TOML: a line and a column of the JSON would mislead.
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
        Error::new(format!("[provider.config]: {reason}"))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_wrong_type_is_named_without_a_place_in_json() {
        type Texts = BTreeMap<String, String>;
        assert!(parse::<Texts>().expect("empty").is_empty());
        let texts: Texts = read(r#"{"a":"b"}"#).expect("good");
        assert_eq!(texts["a"], "b");
        let error = read::<Texts>(r#"{"a":1}"#).expect_err("a number").to_string();
        assert_eq!(error, "[provider.config]: invalid type: integer `1`, expected a string");
    }
}
