//! Where the listings are: `url` of `[provider.config]`, and what is below it.

use omnifs_provider::http::encode;
use omnifs_provider::serde::Deserialize;
use omnifs_provider::{config, Error};

/// `[provider.config]`.
#[derive(Deserialize)]
#[serde(crate = "omnifs_provider::serde", deny_unknown_fields)]
struct Config {
    /// The URL of the directory that is the root.
    url: String,
}

/// The URL of the root, without a slash at its end.
pub struct Base(String);

impl Base {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Which key is missing or wrong, and what would be right.
    pub fn of_config() -> Result<Self, Error> {
        Self::parse(&config::parse::<Config>()?.url)
    }

    fn parse(url: &str) -> Result<Self, Error> {
        let unusable = |why: &str| {
            let right = "give the address of a directory, as in url = \"https://example.com/pub/\"";
            Err(Error::new(format!("[provider.config]: the url {url:?} {why}: {right}")))
        };
        let Some((scheme, rest)) = url.split_once("://") else { return unusable("has no scheme") };
        if !matches!(scheme, "http" | "https") {
            return unusable("is neither https:// nor http://");
        }
        if url.contains(['?', '#']) {
            return unusable("has a query or a fragment");
        }
        if rest.is_empty() || rest.starts_with('/') {
            return unusable("has no host");
        }
        Ok(Self(url.trim_end_matches('/').to_string()))
    }

    /// Returns the URL of a directory: names with `/` between them, none for the root.
    pub fn directory(&self, path: &str) -> String {
        let mut url = self.file(path);
        if !url.ends_with('/') {
            url.push('/');
        }
        url
    }

    /// Returns the URL of a file.
    pub fn file(&self, path: &str) -> String {
        let Self(base) = self;
        let mut url = format!("{base}/");
        for (place, name) in path.split('/').enumerate() {
            if place > 0 {
                url.push('/');
            }
            url.push_str(&encode(name));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lie_below_the_root_with_every_name_encoded() {
        for root in ["https://a.example/pub", "https://a.example/pub/"] {
            let base = Base::parse(root).expect("good");
            assert_eq!(base.directory(""), "https://a.example/pub/");
            assert_eq!(base.directory("a b/c"), "https://a.example/pub/a%20b/c/");
            assert_eq!(
                base.file("a/100%?#&'\"\n"),
                "https://a.example/pub/a/100%25%3F%23%26%27%22%0A"
            );
        }
        assert_eq!(Base::parse("http://[::1]:80").expect("good").file("x"), "http://[::1]:80/x");
    }

    #[test]
    fn what_is_no_directory_is_refused_with_what_would_be_one() {
        for (url, why) in [
            ("example.com", "has no scheme"),
            ("ftp://example.com/", "is neither"),
            ("https://", "has no host"),
            ("https:///pub", "has no host"),
            ("https://example.com/?dir=a", "has a query"),
        ] {
            let error = Base::parse(url).map(|_| ()).expect_err(url).to_string();
            assert!(error.contains(why) && error.contains("https://example.com/pub/"), "{error}");
        }
    }
}
