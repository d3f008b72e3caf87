//! `[provider.config]`: who is asked, and which domains are listed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use omnifs_provider::serde::Deserialize;
use omnifs_provider::{config, Error};

use crate::name::Domain;

/// The resolvers that are there without any configuration, the first of which answers.
const BUILT_IN: [(&str, &str); 2] = [
    ("cloudflare", "https://cloudflare-dns.com/dns-query"),
    ("google", "https://dns.google/dns-query"),
];

/// What may stand at the end of a URL that is written as a template (RFC 8484, section 3).
const TEMPLATE: &str = "{?dns}";

#[derive(Deserialize, Default)]
#[serde(crate = "omnifs_provider::serde", deny_unknown_fields, default)]
struct Raw {
    resolvers: BTreeMap<String, String>,
    resolver: Option<String>,
    domains: Vec<String>,
}

/// What the user configured, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// All resolvers, by name.
    pub(crate) resolvers: Vec<Resolver>,
    /// The one that answers where no other is named.
    pub(crate) chosen: Resolver,
    /// The domains that the root lists, as they were written and what they mean.
    pub(crate) domains: Vec<(String, Domain)>,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolver {
    /// What its directory is called after `@`.
    pub(crate) name: String,
    /// Where questions go.
    pub(crate) url: String,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// With the key that is wrong, and why.
    pub(crate) fn read() -> Result<Self, Error> {
        Self::of(config::parse()?)
    }

    fn of(raw: Raw) -> Result<Self, Error> {
        let mut urls: BTreeMap<String, String> =
            BUILT_IN.iter().map(|(name, url)| ((*name).into(), (*url).into())).collect();
        urls.extend(raw.resolvers);
        let resolvers: Vec<Resolver> = urls
            .into_iter()
            .map(|(name, url)| Resolver::of(name, &url))
            .collect::<Result<_, _>>()?;
        let [(first, _), ..] = BUILT_IN;
        let wanted = raw.resolver.as_deref().unwrap_or(first);
        let Some(chosen) = resolvers.iter().find(|resolver| resolver.name == wanted).cloned()
        else {
            let names: Vec<&str> = resolvers.iter().map(|one| one.name.as_str()).collect();
            let names = names.join(", ");
            return Err(wrong("resolver", wanted, &format!("is none of resolvers ({names})")));
        };
        let domain = |text: String| match text.parse() {
            Ok(domain) => Ok((text, domain)),
            Err(_) => Err(wrong("domains", &text, "cannot be the name of a domain")),
        };
        let domains = raw.domains.into_iter().map(domain).collect::<Result<_, _>>()?;
        Ok(Self { resolvers, chosen, domains })
    }
}

impl Resolver {
    fn of(name: String, url: &str) -> Result<Self, Error> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(good) {
            let why = "is no name: letters, digits, -, _ and . make one";
            return Err(wrong("resolvers", &name, why));
        }
        let url = url.strip_suffix(TEMPLATE).unwrap_or(url);
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(wrong("resolvers", url, "is no URL: it begins with https://"));
        }
        Ok(Self { name, url: url.to_string() })
    }
}

/// Takes the name of one that there is.
impl FromStr for Resolver {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Config::read()?.resolvers.into_iter().find(|one| one.name == name);
        found.ok_or_else(|| Error::new(format!("no resolver is called {name:?}")))
    }
}

/// As the file `resolvers` has it.
impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}", self.name, self.url)
    }
}

fn wrong(key: &str, value: &str, why: &str) -> Error {
    Error::new(format!("[provider.config] {key}: {value:?} {why}"))
}

#[cfg(test)]
mod tests {
    use omnifs_provider::serde_json;

    use super::*;

    fn config(json: &str) -> Result<Config, String> {
        Config::of(serde_json::from_str(json).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_any_the_first_that_is_built_in_answers() {
        let config = config("{}").unwrap();
        assert_eq!(config.chosen.to_string(), "cloudflare\thttps://cloudflare-dns.com/dns-query");
        let names: Vec<_> = config.resolvers.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["cloudflare", "google"]);
    }

    #[test]
    fn further_ones_are_added_and_may_be_chosen() {
        let json = r#"{ "resolvers": { "home": "https://dns.home.example/q{?dns}" },
                        "resolver": "home", "domains": ["Example.COM", "münchen.example"] }"#;
        let config = config(json).unwrap();
        assert_eq!(config.resolvers.len(), 3);
        assert_eq!(config.chosen.url, "https://dns.home.example/q");
        let [(as_written, meant), (_, munich)] = &config.domains[..] else { panic!("two") };
        assert_eq!(
            (as_written.as_str(), meant.to_string().as_str()),
            ("Example.COM", "example.com")
        );
        assert_eq!(munich.to_string(), "xn--mnchen-3ya.example");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, said) in [
            (r#"{ "resolver": "x" }"#, "resolver: \"x\" is none of resolvers (cloudflare, google)"),
            (r#"{ "resolvers": { "a/b": "https://x" } }"#, "resolvers: \"a/b\" is no name"),
            (r#"{ "resolvers": { "a": "x" } }"#, "resolvers: \"x\" is no URL"),
            (r#"{ "domains": ["a..b"] }"#, "domains: \"a..b\" cannot be the name of a domain"),
        ] {
            let error = config(json).unwrap_err();
            assert!(error.starts_with("[provider.config] ") && error.contains(said), "{error}");
        }
        assert!(serde_json::from_str::<Raw>(r#"{ "domain": [] }"#).is_err(), "an unknown key");
    }
}
