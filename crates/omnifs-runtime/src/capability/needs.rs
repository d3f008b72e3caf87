//! What a component says that it needs: its section `omnifs:needs`.

use serde::Deserialize;

use crate::LoadError;
use crate::http::AllowEntry;

/// The name of the section.
pub(crate) const SECTION: &str = "omnifs:needs";

/// The longest section, in bytes.
const LIMIT: usize = 64 << 10;

/// What a component declares; the user grants it, or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Where it wants to go; `None` leaves that to the user.
    pub http: Option<Vec<AllowEntry>>,
    /// Whether the user may let it go elsewhere as well.
    pub more_http: bool,
    /// The keys of its configuration whose values are URLs that it asks for.
    pub http_of: Vec<String>,
    /// The secrets that it asks for, by name; `None` leaves that to the user.
    pub secrets: Option<Vec<String>>,
    /// Whether its files may grow while they are open.
    pub live: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    http: Option<Vec<String>>,
    #[serde(default)]
    more_http: bool,
    #[serde(default)]
    http_of: Vec<String>,
    secrets: Option<Vec<String>>,
    #[serde(default)]
    live: bool,
}

impl Needs {
    /// Reads a section.
    ///
    /// # Errors
    /// [`LoadError`] when it is not as `needs!` writes it.
    pub(crate) fn parse(section: &[u8]) -> Result<Self, LoadError> {
        let unfit = |why: String| {
            LoadError::new(format!("its section {SECTION} cannot be used: {why}"))
                .remedy("declare needs with omnifs_provider::needs!, and build it again")
        };
        if section.len() > LIMIT {
            return Err(unfit(format!("it has {} bytes, over the limit of 64 KiB", section.len())));
        }
        let raw: Raw = serde_json::from_slice(section).map_err(|error| unfit(error.to_string()))?;
        let entry = |text: String| {
            AllowEntry::of_origin(&text).map_err(|why| unfit(format!("{text:?}: {why}")))
        };
        Ok(Self {
            http: raw
                .http
                .map(|hosts| hosts.into_iter().map(entry).collect::<Result<_, _>>())
                .transpose()?,
            more_http: raw.more_http,
            http_of: raw.http_of,
            secrets: raw.secrets,
            live: raw.live,
        })
    }

    /// Returns the only places where it may go if the user grants them; none leaves it to the user.
    pub(crate) fn bounds(&self) -> Option<Vec<AllowEntry>> {
        self.http.clone().filter(|_| !self.more_http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_sdk_writes_and_nothing_else() {
        let text = br#"{"http":["api.example.com"],"secrets":["K"],"live":false}"#;
        let needs = Needs::parse(text).unwrap();
        assert_eq!(needs.http.unwrap(), [AllowEntry::of_origin("api.example.com").unwrap()]);
        assert_eq!((needs.secrets.unwrap(), needs.live), (vec!["K".to_owned()], false));
        assert_eq!(Needs::parse(b"{}").unwrap(), Needs::default());
        assert!(Needs::parse(text).unwrap().bounds().is_some());
        let open = Needs::parse(br#"{"http":["api.example.com"],"more_http":true}"#).unwrap();
        assert_eq!((open.http.as_ref().map(Vec::len), open.bounds()), (Some(1), None));
        let needs = Needs::parse(br#"{"http_of":["url"]}"#).unwrap();
        assert_eq!((needs.http, needs.http_of), (None, vec!["url".to_owned()]));
        for bad in [&b"{"[..], br#"{"http":["*"]}"#, br#"{"https":[]}"#, &[b' '; LIMIT + 1]] {
            assert!(Needs::parse(bad).unwrap_err().reason.contains("omnifs:needs"));
        }
    }
}
