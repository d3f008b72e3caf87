//! What fuzzers call; see `/fuzz`. It panics when a rule is broken.
#![expect(clippy::panic, reason = "a broken rule is what a fuzzer looks for")]

use std::path::Path;

use super::Config;
use super::edit::{Entry, add, remove};

const HOME: &str = "/home/u";
/// A provider that no text of the corpus has.
const ADDED: &str = "added-by-the-fuzzer";

/// `providers.toml`: a text is a configuration, or refused at a place inside of it. Of a
/// configuration every provider can be taken away, and one more added and taken away again.
pub(crate) fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parse = |text: &str| Config::parse(text, Path::new(HOME));
    let config = match parse(text) {
        Ok(config) => config,
        Err(problem) => {
            let place = text.get(problem.span.clone());
            assert!(place.is_some(), "{:?} is no place of {} bytes", problem.span, text.len());
            assert!(!problem.message.is_empty() && !problem.label.is_empty(), "{problem:?}");
            let shown = problem.in_file(Path::new("providers.toml"), text.to_owned()).render();
            assert!(!shown.is_empty());
            return;
        }
    };
    for provider in &config.providers {
        assert!(provider.mount.is_absolute() && provider.mount.parent().is_some());
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(provider.name.bytes().all(letter), "{:?}", provider.name);
        let without = remove(text, &provider.name).ok().flatten();
        let without = without.unwrap_or_else(|| panic!("{:?} cannot be removed", provider.name));
        let left = parse(&without).unwrap_or_else(|problem| panic!("{problem:?} in {without:?}"));
        let expected: Vec<_> =
            config.providers.iter().filter(|other| other.name != provider.name).collect();
        assert_eq!(left.providers.iter().collect::<Vec<_>>(), expected, "{without:?}");
    }
    let mount = format!("/{ADDED}");
    let around = |provider: &super::ProviderConfig| {
        provider.name == ADDED || provider.mount.starts_with(&mount)
    };
    if config.providers.iter().any(around) {
        return;
    }
    let entry = Entry {
        name: ADDED.to_owned(),
        path: "builtin:dns".to_owned(),
        mount,
        allow: vec!["*.example.com:8443".to_owned()],
        secrets: vec![("A_KEY".to_owned(), "A_VARIABLE".to_owned())],
        settings: toml::Table::from_iter([("url".to_owned(), "https://example.com/".into())]),
    };
    let longer = add(text, &entry).unwrap_or_else(|error| panic!("{error}"));
    let with = parse(&longer).unwrap_or_else(|problem| panic!("{problem:?} in {longer:?}"));
    let (last, others) = with.providers.split_last().unwrap_or_else(|| panic!("none was added"));
    assert_eq!((last.name.as_str(), others), (ADDED, config.providers.as_slice()));
    let shorter = remove(&longer, ADDED).ok().flatten().unwrap_or_default();
    let back = parse(&shorter).unwrap_or_else(|problem| panic!("{problem:?} in {shorter:?}"));
    assert_eq!(back.providers, config.providers, "{shorter:?}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_of_configurations_replays() {
        vfs_testing::corpus::replay("config", super::config);
    }
}
