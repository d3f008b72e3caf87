//! Secrets that the user granted, as handles.
//!
//! A provider never holds a secret's bytes. It says where a request needs one, and the host
//! puts the value there after all its checks; see
//! [`RequestBuilder::bearer`](crate::http::RequestBuilder::bearer).

#[cfg(target_arch = "wasm32")]
use crate::bindings::omnifs::provider::secrets as raw;

pub use crate::bindings::omnifs::provider::secrets::Secret;

/// Returns the secret that the configuration calls `name`, or `None` if it was not granted.
///
/// A name has 1 to 64 letters, digits, `_`, `-` and `.`. Off wasm32 nothing is granted but
/// in `testing`, where everything is.
///
/// ```no_run
/// use omnifs_provider::{http, secrets};
///
/// let key = secrets::get("MY_API_KEY");
/// // Without the grant the request goes out without the header.
/// let answer = http::get("https://api.example.com/me").bearer(&key).send()?;
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn get(name: &str) -> Option<Secret> {
    #[cfg(target_arch = "wasm32")]
    {
        raw::get(name)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = name;
        crate::native::secret()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn without_a_host_nothing_is_granted() {
        assert!(super::get("MY_API_KEY").is_none());
    }
}
