//! What the items look like as files. Nothing here needs a host, so `cargo test` tests it.

use omnifs_provider::exports::omnifs::provider::filesystem::{LookupResult, NodeKind};
use omnifs_provider::http::{Error, Response};
use omnifs_provider::serde_json::{self, value::RawValue, Value};
use omnifs_provider::{escape_name, log, stable_inode};

/// The inode of `/`.
pub const ROOT: u64 = 0;

/// The inode of `/items`.
const ITEMS: u64 = stable_inode("items");

/// The file in `/items` that says why there are no items, and its inode.
const ERROR: &str = "error.txt";
const ERROR_INODE: u64 = stable_inode("error");

/// One object of the API.
pub struct Item {
    /// What stays when anything else of it changes: its number here comes from it.
    id: String,
    title: String,
    /// The object as the API wrote it.
    json: String,
}

/// Every item, or why there are none.
pub struct Tree {
    items: Vec<Item>,
    error: Option<String>,
}

/// Read the items of one page.
pub fn items(page: &Response) -> Result<Vec<Item>, Error> {
    let objects: Vec<Box<RawValue>> = page.json()?;
    Ok(objects.iter().filter_map(|json| item(json)).collect())
}

/// Read one item, or None if it has no id, without which it can have no name.
fn item(json: &RawValue) -> Option<Item> {
    let fields: Value = serde_json::from_str(json.get()).unwrap_or_default();
    let id = match &fields["id"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => {
            log::warn!("left out an item without an id: {json}");
            return None;
        }
    };
    Some(Item {
        id,
        title: fields["title"].as_str().unwrap_or_default().to_string(),
        json: json.get().to_string(),
    })
}

impl Item {
    fn inode(&self) -> u64 {
        stable_inode(&format!("item:{}", self.id))
    }

    /// Return the files in the item's directory: name, inode and content.
    fn files(&self) -> [(&'static str, u64, &str); 2] {
        let inode = |name: &str| stable_inode(&format!("item:{}/{name}", self.id));
        [
            ("title", inode("title"), &self.title),
            ("item.json", inode("item.json"), &self.json),
        ]
    }
}

impl Tree {
    pub fn of(items: Vec<Item>) -> Self {
        Self { items, error: None }
    }

    /// Return a tree with no items; the reason, if there is one, is shown in a file.
    pub fn without_items(error: Option<String>) -> Self {
        Self {
            items: Vec::new(),
            error,
        }
    }

    pub fn list(&self, inode: u64) -> Vec<String> {
        match inode {
            ROOT => vec!["items".to_string()],
            ITEMS => {
                let error = self.error.iter().map(|_| ERROR.to_string());
                // An id may hold what no name of a file can: "a/b" is shown as "a%2Fb".
                let ids = self.items.iter().map(|item| escape_name(&item.id));
                ids.chain(error).collect()
            }
            _ => {
                let files = self.item(inode).map(Item::files);
                let names = files.iter().flatten().map(|(name, _, _)| name.to_string());
                names.collect()
            }
        }
    }

    pub fn lookup(&self, parent: u64, name: &str) -> Option<LookupResult> {
        let (inode, kind) = match (parent, name) {
            (ROOT, "items") => (ITEMS, NodeKind::Directory),
            (ITEMS, ERROR) if self.error.is_some() => (ERROR_INODE, NodeKind::File),
            (ITEMS, _) => {
                let mut items = self.items.iter();
                let item = items.find(|item| escape_name(&item.id) == name)?;
                (item.inode(), NodeKind::Directory)
            }
            _ => {
                let mut files = self.item(parent)?.files().into_iter();
                let (_, inode, _) = files.find(|(there, _, _)| *there == name)?;
                (inode, NodeKind::File)
            }
        };
        Some(LookupResult { inode, kind })
    }

    pub fn read(&self, inode: u64) -> Option<Vec<u8>> {
        let text = match &self.error {
            Some(error) if inode == ERROR_INODE => error,
            _ => {
                let mut files = self.items.iter().flat_map(Item::files);
                files.find(|(_, there, _)| *there == inode)?.2
            }
        };
        Some(format!("{text}\n").into_bytes())
    }

    fn item(&self, inode: u64) -> Option<&Item> {
        self.items.iter().find(|item| item.inode() == inode)
    }
}

#[cfg(test)]
mod tests {
    use omnifs_provider::testing::Exchanges;

    use super::*;

    /// The answer of the API that `omnifs test` has, too.
    fn recorded() -> Response {
        let recorded = Exchanges::read("tests/exchanges").expect("recordings");
        let items = recorded.answer("https://api.example.com/items");
        items.expect("an answer")
    }

    fn tree() -> Tree {
        Tree::of(items(&recorded()).expect("items"))
    }

    /// Walk from the root as the host does.
    fn find(tree: &Tree, path: &str) -> Option<u64> {
        path.split('/').try_fold(ROOT, |parent, name| {
            tree.lookup(parent, name).map(|found| found.inode)
        })
    }

    fn read(tree: &Tree, path: &str) -> String {
        let content = tree.read(find(tree, path).expect(path)).expect(path);
        String::from_utf8(content).expect("text")
    }

    #[test]
    fn items_are_directories_named_by_id() {
        let tree = tree();
        assert_eq!(tree.list(ROOT), ["items"]);
        assert_eq!(tree.list(ITEMS), ["1", "2", "docs%2Fintro"]);
        let item = find(&tree, "items/docs%2Fintro").expect("an item");
        assert_eq!(tree.list(item), ["title", "item.json"]);
        assert_eq!(read(&tree, "items/1/title"), "Buy milk\n");
        assert_eq!(read(&tree, "items/docs%2Fintro/title"), "Introduction\n");
        assert_eq!(
            read(&tree, "items/2/item.json"),
            "{\"done\":true,\"id\":2,\"title\":\"Call home\"}\n"
        );
    }

    #[test]
    fn every_listed_name_is_found_and_no_other() {
        let tree = tree();
        let mut waiting = vec![ROOT];
        while let Some(directory) = waiting.pop() {
            for name in tree.list(directory) {
                let found = tree.lookup(directory, &name).expect("a listed name");
                match found.kind {
                    NodeKind::Directory => waiting.push(found.inode),
                    NodeKind::File => assert!(tree.read(found.inode).is_some()),
                }
            }
            assert!(tree.lookup(directory, "nothing").is_none());
        }
    }

    #[test]
    fn a_failure_that_the_host_cannot_know_is_a_file() {
        let page = Response {
            body: b"<html>".to_vec(),
            ..recorded()
        };
        let error = items(&page).err().expect("no JSON");
        assert!(!error.is_known_to_host());
        let tree = Tree::without_items(Some(error.to_string()));
        assert_eq!(tree.list(ITEMS), [ERROR]);
        assert!(read(&tree, "items/error.txt").starts_with("https://api.example.com/items: "));
        assert!(Tree::without_items(None).list(ITEMS).is_empty());
    }
}
