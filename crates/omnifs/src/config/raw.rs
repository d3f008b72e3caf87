//! The file as it is written: every key, its shape, and no other.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::problem::Problem;
use super::units::Quantity;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) host: RawHost,
    #[serde(default)]
    pub(super) provider: Vec<RawProvider>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHost {
    pub(super) ca_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) allow_other: bool,
    #[serde(default)]
    pub(super) cache: RawTotals,
    pub(super) stack: Option<Spanned<Quantity>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTotals {
    pub(super) memory: Option<Spanned<Quantity>>,
    pub(super) disk: Option<Spanned<Quantity>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    pub(super) name: Spanned<String>,
    pub(super) path: Spanned<String>,
    pub(super) mount: Spanned<String>,
    pub(super) enabled: Option<bool>,
    pub(super) errors: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) live: bool,
    #[serde(default)]
    pub(super) capabilities: RawCapabilities,
    #[serde(default)]
    pub(super) cache: RawCache,
    #[serde(default)]
    pub(super) limits: RawLimits,
    pub(super) config: Option<toml::Table>,
}

/// A provider under test: what stands in `[[provider]]` but for its name and its places.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTested {
    errors: Option<Spanned<String>>,
    #[serde(default)]
    live: bool,
    #[serde(default)]
    capabilities: RawCapabilities,
    #[serde(default)]
    cache: RawCache,
    #[serde(default)]
    limits: RawLimits,
    config: Option<toml::Table>,
}

impl RawTested {
    /// Returns the configuration of the one provider whose component is the file `path`.
    pub(super) fn of_component(self, path: &str) -> RawConfig {
        // Neither of these was written by anybody, so none of them has a place in the file.
        let text = |text: &str| Spanned::new(0..0, text.to_owned());
        let Self { errors, live, capabilities, cache, limits, config } = self;
        let (name, path, mount) = (text("provider"), text(path), text("/none/of/it"));
        let enabled = None;
        let provider = RawProvider {
            name,
            path,
            mount,
            enabled,
            errors,
            live,
            capabilities,
            cache,
            limits,
            config,
        };
        RawConfig { host: RawHost::default(), provider: vec![provider] }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCapabilities {
    pub(super) http: Option<RawHttp>,
    #[serde(default)]
    pub(super) secrets: BTreeMap<Spanned<String>, Spanned<RawSecret>>,
    #[serde(default)]
    pub(super) files: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    pub(super) allow: Vec<Spanned<RawAllow>>,
}

/// An entry of `http.allow`: a string or a table.
#[derive(Debug)]
pub(super) enum RawAllow {
    Host(String),
    Table(Box<RawAllowTable>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAllowTable {
    pub(super) host: Option<Spanned<String>>,
    pub(super) allow_private: Option<Spanned<bool>>,
    pub(super) unix: Option<Spanned<String>>,
    #[serde(rename = "as")]
    pub(super) alias: Option<Spanned<String>>,
    pub(super) methods: Option<Vec<Spanned<String>>>,
    pub(super) paths: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecret {
    pub(super) env: Option<Spanned<String>>,
    pub(super) file: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) hosts: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCache {
    pub(super) ttl: Option<Spanned<Quantity>>,
    pub(super) negative: Option<Spanned<Quantity>>,
    pub(super) stale_while_revalidate: Option<Spanned<Quantity>>,
    pub(super) stale_if_error: Option<Spanned<Quantity>>,
    pub(super) memory: Option<Spanned<Quantity>>,
    pub(super) disk: Option<Spanned<Quantity>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) answer: Option<Spanned<Quantity>>,
    pub(super) call: Option<Spanned<Quantity>>,
    pub(super) cpu: Option<Spanned<Quantity>>,
    pub(super) memory: Option<Spanned<Quantity>>,
    pub(super) instances: Option<Spanned<i64>>,
    pub(super) queue: Option<Spanned<i64>>,
    pub(super) file: Option<Spanned<Quantity>>,
    pub(super) names: Option<Spanned<i64>>,
    pub(super) http_in_flight: Option<Spanned<i64>>,
    pub(super) requests_per_minute: Option<Spanned<i64>>,
    pub(super) table: Option<Spanned<i64>>,
    pub(super) lift: Option<Spanned<Quantity>>,
    pub(super) traps: Option<Spanned<i64>>,
    pub(super) compile: Option<Spanned<Quantity>>,
    pub(super) component: Option<Spanned<Quantity>>,
    pub(super) log_call: Option<Spanned<Quantity>>,
    pub(super) log_minute: Option<Spanned<Quantity>>,
    pub(super) http_per_host: Option<Spanned<i64>>,
    pub(super) http_per_call: Option<Spanned<i64>>,
    pub(super) http_connect: Option<Spanned<Quantity>>,
    pub(super) http_first_byte: Option<Spanned<Quantity>>,
    pub(super) http_idle: Option<Spanned<Quantity>>,
    pub(super) http_total: Option<Spanned<Quantity>>,
    pub(super) http_body: Option<Spanned<Quantity>>,
    pub(super) http_headers: Option<Spanned<Quantity>>,
    pub(super) http_request: Option<Spanned<Quantity>>,
    pub(super) http_url: Option<Spanned<Quantity>>,
}

struct AllowVisitor;

impl<'de> Visitor<'de> for AllowVisitor {
    type Value = RawAllow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a string such as "api.example.com", or a table"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<RawAllow, E> {
        Ok(RawAllow::Host(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawAllow, A::Error> {
        let table = RawAllowTable::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawAllow::Table(Box::new(table)))
    }
}

impl<'de> Deserialize<'de> for RawAllow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AllowVisitor)
    }
}

/// Reads the text into its raw form.
///
/// # Errors
/// The first mistake: TOML's own, an unknown key, a missing one, a value of the wrong shape.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    toml::from_str(text).map_err(|error| explain(&error, text))
}

/// Puts the parser's message into the words of this file.
fn explain(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(0..text.len().min(1));
    let message = error.message();
    if let Some((key, known)) = unknown_key(message) {
        let problem = Problem::new(span, format!("unknown key `{key}`"), "no such key here");
        return match nearest(key, &known) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("the keys here are {}", known.join(", "))),
        };
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return Problem::new(span, format!("{key} is missing"), format!("needs {key}"));
    }
    let problem = Problem::new(span, message, "here");
    if message.starts_with("invalid type: map, expected a sequence") {
        return problem.help(
            "a provider begins with [[provider]], in two brackets, and its tables follow it",
        );
    }
    problem
}

/// Takes the parser's report of an unknown key apart into the key and those it knows.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

/// Returns the known key that a wrong one was probably meant to be.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, near) = known.iter().map(|name| (distance(key, name), *name)).min()?;
    // A third of the letters wrong is a typo, more is another word.
    (distance <= near.len().div_ceil(3)).then_some(near)
}

/// Returns how many letters have to be put in, taken out, changed or swapped with the next.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at =
                |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut best = at(&above, j) + usize::from(a != b);
            best = best.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && from.get(i - 1) == Some(b) && to.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_typos() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("mount", "mount", 0),
            ("moutn", "mount", 1),
            ("tll", "ttl", 1),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["name", "path", "mount"];
        assert_eq!(nearest("mont", &known), Some("mount"));
        assert_eq!(nearest("pathh", &known), Some("path"));
        assert_eq!(nearest("colour", &known), None);
    }
}
