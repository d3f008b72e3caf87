//! Listings in JSON, as nginx makes them (`autoindex_format json`): an array with an object a name.

use std::fmt;

use omnifs_provider::serde::de::{SeqAccess, Visitor};
use omnifs_provider::serde::{Deserialize, Deserializer};
use omnifs_provider::serde_json;

/// One object of the array.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(crate = "omnifs_provider::serde")]
pub struct Item {
    /// The name, which no slash follows.
    pub name: String,
    /// `file`, `directory`, or `other`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was changed last, as headers write dates.
    pub mtime: Option<String>,
    /// The size of a file in bytes.
    pub size: Option<u64>,
}

/// Reads a page and gives every item of it to `each`, one after the other.
///
/// # Errors
/// Where it is no such array.
pub fn items(page: &[u8], each: impl FnMut(Item)) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(page);
    reader.deserialize_seq(Each(each))?;
    reader.end()
}

struct Each<F>(F);

impl<'de, F: FnMut(Item)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the names of a directory")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<(), A::Error> {
        while let Some(item) = array.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Result<Vec<Item>, serde_json::Error> {
        let mut all = Vec::new();
        items(page.as_bytes(), |item| all.push(item))?;
        Ok(all)
    }

    #[test]
    fn a_listing_of_nginx() {
        let page = "[\n\
            { \"name\":\"d\", \"type\":\"directory\", \"mtime\":\"Sat, 28 Nov 2026 15:00:00 GMT\" },\n\
            { \"name\":\"a\\\"\\u000ab\", \"type\":\"file\", \"mtime\":\"x\", \"size\":7 }\n]\n";
        let all = read(page).expect("good");
        assert_eq!((all[0].name.as_str(), all[0].size), ("d", None));
        assert_eq!((all[1].name.as_str(), all[1].size), ("a\"\nb", Some(7)));
        assert_eq!(read("[]").expect("empty"), []);
    }

    #[test]
    fn anything_else_is_an_error() {
        for page in
            ["", "{}", "[", "[1]", "[{}]", "[] x", "[{\"name\":1,\"type\":\"file\"}]", "null"]
        {
            assert!(read(page).is_err(), "{page}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&deep).is_err());
    }
}
