//! Keeps the contract but for one rule, which `breaks` of the configuration names as `omnifs test`
//! does: what a suite is worth shows on a provider that is wrong in one way.
//!
//! `note.txt` is the provider's own, `items/N.txt` come from `GET {base}/items`, a list of objects
//! with `id` and `title`, and are read from `GET {base}/items/N`, one such object.

use std::cell::Cell;

use omnifs_provider::http::{self, HttpError};
use omnifs_provider::projection::{
    ByteRange, Content, Entry, Error, FileFacts, Freshness, Guest, Node, NodeKind, Page,
};
use omnifs_provider::{
    config,
    serde_json::{self, Value},
};

struct Unruly;

thread_local! {
    /// How many calls this instance has answered.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn setting(key: &str) -> String {
    let config: Value = config::parse().unwrap_or_default();
    config[key].as_str().unwrap_or_default().to_string()
}

fn breaks(rule: &str) -> bool {
    setting("breaks") == rule
}

fn node(id: &str, kind: NodeKind) -> Node {
    Node { id: id.to_string(), kind, modified: None, freshness: Freshness::Inherit, source: None }
}

fn directory() -> Node {
    // Lists as `items` does, and reads as `note` does.
    node(if breaks("shared") { "note" } else { "items" }, NodeKind::Directory)
}

fn note() -> Node {
    let calls = CALLS.replace(CALLS.get() + 1);
    let id = if breaks("identities") { format!("note {calls}") } else { "note".to_string() };
    let size = if breaks("sizes") { 6 } else { 5 };
    let version = if breaks("versions") { calls } else { 1 };
    let (size, version) = (Some(size), Some(version.to_string()));
    node(
        &id,
        NodeKind::File(FileFacts { size, version, content: None, ranges: false, live: false }),
    )
}

fn item(item: &Value) -> Node {
    let title = item["title"].as_str().unwrap_or_default();
    let content = if breaks("contents") { title.to_uppercase() } else { title.to_string() };
    let content = Some(format!("{content}\n").into_bytes());
    let facts = FileFacts { size: None, version: None, content, ranges: false, live: false };
    node(&format!("item {}", item["id"]), NodeKind::File(facts))
}

/// Asks the upstream; what is said in place of an answer is wrong.
fn ask(path: &str) -> Result<Value, Error> {
    let answer = http::get(format!("{}{path}", setting("base"))).send();
    let instead = serde_json::json!([{ "id": 0, "title": "nothing" }]);
    match answer.and_then(|answer| answer.error_for_status()?.json()) {
        Ok(value) => Ok(value),
        Err(error) if error.is_timeout() && breaks("late") => Ok(instead),
        Err(error) if error.status() == Some(503) && breaks("unavailable") => Ok(instead),
        Err(error) => match error.host_error() {
            Some(HttpError::Connect(_)) if breaks("refused") => Ok(instead),
            _ => Err(Error::Unavailable(error.to_string())),
        },
    }
}

fn items() -> Result<Vec<Entry>, Error> {
    let items = ask("/items")?;
    let entry =
        |object: &Value| Entry { name: format!("{}.txt", object["id"]), node: item(object) };
    Ok(items.as_array().into_iter().flatten().map(entry).collect())
}

impl Guest for Unruly {
    fn lookup_child(parent: String, name: String) -> Result<Option<Node>, Error> {
        if parent.is_empty() {
            return Ok(match name.as_str() {
                "items" => Some(directory()),
                "note.txt" => Some(note()),
                "a/b" => Some(note()),
                _ => None,
            });
        }
        let found = items()?.into_iter().find(|entry| entry.name == name);
        let any = breaks("absence").then(|| item(&serde_json::json!({ "id": 1, "title": "one" })));
        Ok(found.map(|entry| entry.node).or(any))
    }

    fn list_children(directory_id: String, _cursor: Option<String>) -> Result<Page, Error> {
        let page = |entries| Page { entries, next: None, complete: true };
        let entry = |name: &str, node| Entry { name: name.to_string(), node };
        if !directory_id.is_empty() {
            let next = breaks("pages").then(|| "again".to_string());
            return Ok(Page { next, ..page(items()?) });
        }
        if breaks("load") {
            return Err(Error::Invalid("the routes /a and /a are the same".to_string()));
        }
        let mut entries = vec![entry("items", directory()), entry("note.txt", note())];
        if breaks("ghost") {
            entries.push(entry("ghost", note()));
        }
        if breaks("bad-name") {
            entries.push(entry("a/b", note()));
        }
        if breaks("kind") {
            entries[1].node.kind = NodeKind::Directory;
        }
        Ok(page(entries))
    }

    fn read_file(file: String, _range: Option<ByteRange>) -> Result<Content, Error> {
        let Some(id) = file.strip_prefix("item ") else {
            if breaks("exchanges") {
                // Asked for and forgotten.
                let _answer = ask("/extra");
            }
            return match breaks("walk") {
                true => Err(Error::Unavailable("not today".to_string())),
                false if breaks("lines") => Ok(Content::Bytes(b"notes".to_vec())),
                false => Ok(Content::Bytes(b"note\n".to_vec())),
            };
        };
        let item = ask(&format!("/items/{id}"))?;
        let title = item["title"].as_str().unwrap_or("nothing at all");
        Ok(Content::Bytes(format!("{title}\n").into_bytes()))
    }
}

omnifs_provider::export_projector!(Unruly with_types_in omnifs_provider::projector);
