//! Collections: entries with a file of all their records, and one of their number.

use super::entry::{Entry, Listing};

/// The name of the file with all records.
const INDEX: &str = "index.jsonl";

/// The name of the file with their number.
const COUNT: &str = "count";

/// The items of a list, each as an entry and as a record: its [`Listing`] has `index.jsonl`, one
/// record a line, and `count` beside the entries, all from the same answers of the upstream.
///
/// `jq`, `wc` and `grep` read the whole list in one file then, which costs what the listing does.
/// An item that is called like one of the two files takes its place.
///
/// ```
/// use omnifs_provider::router::{Collection, Entry, Listing};
///
/// let mut issues = Collection::new();
/// issues.push(Entry::text("7", "seven"), r#"{"id":7,"title":"seven"}"#);
/// let listing = Listing::from(issues);
/// assert!(listing.is_complete());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Collection {
    entries: Vec<Entry>,
    index: String,
    partial: bool,
}

impl Collection {
    /// Returns one without items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item, and its record: JSON without a line's end in it.
    pub fn push(&mut self, entry: Entry, record: impl AsRef<str>) {
        self.entries.push(entry);
        self.index.extend(record.as_ref().chars().map(|c| if c == '\n' { ' ' } else { c }));
        self.index.push('\n');
    }

    /// Adds an item that `serde` writes as its record.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    #[cfg(feature = "json")]
    pub fn add(&mut self, entry: Entry, item: &impl serde::Serialize) -> Result<(), crate::Error> {
        let record = serde_json::to_string(item);
        self.push(entry, record.map_err(|error| crate::Error::new(error.to_string()))?);
        Ok(())
    }

    /// Says that there are items which are not among these: they have no `count` then.
    #[must_use]
    pub fn partial(self) -> Self {
        Self { partial: true, ..self }
    }
}

impl From<Collection> for Listing {
    fn from(collection: Collection) -> Self {
        let Collection { mut entries, index, partial } = collection;
        let count = entries.len();
        let is_free = |entries: &[Entry], name: &str| entries.iter().all(|e| e.name != name);
        if is_free(&entries, INDEX) {
            entries.push(Entry::file(INDEX).content(index));
        }
        if !partial && is_free(&entries, COUNT) {
            entries.push(Entry::text(COUNT, count.to_string()));
        }
        Self { entries, partial, next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Kind;
    use super::*;

    fn files(listing: &Listing) -> Vec<(String, String)> {
        let file = |entry: &Entry| match &entry.kind {
            Kind::File(facts) => {
                let bytes = facts.content.clone().unwrap_or_default();
                Some((entry.name.clone(), String::from_utf8(bytes).expect("text")))
            }
            Kind::Directory | Kind::Link(_) => None,
        };
        listing.entries.iter().filter_map(file).collect()
    }

    #[test]
    fn all_records_and_their_number_lie_beside_the_entries() {
        let mut list = Collection::new();
        list.push(Entry::dir("a"), "{\"id\":1}");
        list.push(Entry::dir("b"), "{\"id\":\n2}");
        let listing = Listing::from(list.clone());
        let index = "{\"id\":1}\n{\"id\": 2}\n".to_string();
        let both = [("index.jsonl".to_string(), index.clone()), ("count".into(), "2\n".into())];
        assert_eq!(files(&listing), both);
        assert_eq!(files(&Listing::from(list.partial())), both[..1]);
    }

    #[test]
    fn an_item_takes_the_place_of_a_file_with_its_name() {
        let mut list = Collection::new();
        list.push(Entry::text("count", "an item"), "{}");
        let listing = Listing::from(list);
        assert_eq!(files(&listing)[0], ("count".to_string(), "an item\n".to_string()));
        assert_eq!(listing.entries.len(), 2);
    }
}
