//! What fuzzers call; see `/fuzz`. Each function panics when a rule is broken.
#![expect(clippy::panic, reason = "a broken rule is what a fuzzer looks for")]

use crate::{Name, VfsError};

/// Names: what is accepted obeys the rule, and everything that obeys it is accepted.
pub fn names(data: &[u8]) {
    let text = std::str::from_utf8(data).ok();
    // The rule once more, by code points: controls are U+0000 to U+001F and U+007F to U+009F.
    let fits = |text: &&str| {
        let odd = |c: char| matches!(u32::from(c), 0x00..=0x1f | 0x7f..=0x9f | 0x2f);
        !text.is_empty() && text.len() <= 255 && !matches!(*text, "." | "..") && !text.contains(odd)
    };
    let expected = text.filter(fits);
    if let Some(text) = text {
        let name = Name::from_provider(text);
        assert_eq!(name.as_ref().map(Name::as_str), expected);
        assert_eq!(Name::is_valid(text), expected.is_some());
    }
    match Name::from_request(data) {
        Ok(name) => {
            assert_eq!(Some(name.as_str()), expected);
            assert_eq!((name.as_bytes(), name.to_string().as_bytes()), (data, data));
        }
        Err(VfsError::NameTooLong) => assert!(data.len() > 255),
        Err(VfsError::NotFound) => assert!(data.len() <= 255 && expected.is_none()),
        Err(error) => panic!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_of_names_replays() {
        vfs_testing::corpus::replay("names", super::names);
    }
}
