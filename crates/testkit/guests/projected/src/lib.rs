//! A provider of the second face, for tests of what that can say.
//!
//! | path | what it is |
//! |---|---|
//! | `sized`, `unsized` | files whose size is told, and is not |
//! | `link`, `out` | symbolic links, to `dir/leaf` and out of the tree |
//! | `dir/leaf` | a file with a time and a version |
//! | `many/NNNN` | 1,000 files in ten pages, with their contents |
//! | `open/` | a listing that is not complete: `hidden` and `grows`, a live file, are not in it |
//! | `loop/` | a listing whose second page leads to itself |
//! | `open/heavy/`, `open/endless/` | pages without end, of files with long sources and of nothing |
//! | `wrong/` | lists nothing; `empty-id`, `long-id`, `time`, `length` are what no child may be |
//! | `errors/NAME` | files whose reading is that error |
//! | `objects/N/title` | objects of an upstream at `base` of the configuration, in pages of 100 |
//! | `blob`, `large` | 100,000 bytes and 20,000,000 that the host downloads from there |
//! | `parts` | 20,000,000 bytes, 0 to 250 over and over, of which only parts can be asked for |

use omnifs_provider::projection::{
    ByteRange, Content, Datetime, Entry, Error, FileFacts, Freshness, Guest, Node, NodeKind, Page,
};
use omnifs_provider::{config, http};
use serde_json::Value;

struct Projected;

const LARGE: u64 = 20_000_000;

const ERRORS: [&str; 7] = [
    "denied",
    "unauthenticated",
    "rate-limited",
    "unavailable",
    "timed-out",
    "too-large",
    "invalid",
];

fn error(name: &str) -> Error {
    let why = || "told to".to_string();
    match name {
        "denied" => Error::Denied(why()),
        "unauthenticated" => Error::Unauthenticated(why()),
        "rate-limited" => Error::RateLimited(Some(7)),
        "unavailable" => Error::Unavailable(why()),
        "timed-out" => Error::TimedOut,
        "too-large" => Error::TooLarge,
        _ => Error::Invalid(why()),
    }
}

fn facts() -> FileFacts {
    FileFacts { size: None, version: None, content: None, ranges: false, live: false }
}

fn node(id: &str, kind: NodeKind) -> Node {
    Node { id: id.to_string(), kind, modified: None, freshness: Freshness::Inherit, source: None }
}

fn directory(id: &str) -> Node {
    node(id, NodeKind::Directory)
}

fn file(id: &str, facts: FileFacts) -> Node {
    node(id, NodeKind::File(facts))
}

/// A file that comes with its bytes.
fn inline(id: &str, bytes: String) -> Node {
    file(id, FileFacts { content: Some(bytes.into_bytes()), ..facts() })
}

fn number(n: u32) -> String {
    format!("number {n}\n")
}

/// Returns what a name below the root or a directory with a fixed listing stands for.
fn fixed(id: &str) -> Option<Node> {
    Some(match id {
        "dir" | "many" | "open" | "loop" | "wrong" | "errors" | "objects" => directory(id),
        "open/heavy" | "open/endless" => directory(id),
        "sized" => file(id, FileFacts { size: Some(6), ..facts() }),
        "open/grows" => file(id, FileFacts { size: Some(6), live: true, ..facts() }),
        "unsized" | "open/hidden" => file(id, facts()),
        "blob" => file(id, FileFacts { size: Some(100_000), ..facts() }),
        "large" | "parts" => {
            let version = Some("v1".to_string());
            file(id, FileFacts { size: Some(LARGE), version, ranges: id == "parts", ..facts() })
        }
        "link" => node(id, NodeKind::Symlink("dir/leaf".to_string())),
        "out" => node(id, NodeKind::Symlink("../outside".to_string())),
        "dir/leaf" => Node {
            modified: Some(Datetime { seconds: 1_000_000_000, nanoseconds: 5 }),
            source: Some("https://example.com/leaf".to_string()),
            ..file(id, FileFacts { size: Some(5), version: Some("v1".to_string()), ..facts() })
        },
        "wrong/empty-id" => file("", facts()),
        "wrong/long-id" => file(&"x".repeat(5_000), facts()),
        "wrong/time" => {
            Node { modified: Some(Datetime { seconds: -1, nanoseconds: 0 }), ..file(id, facts()) }
        }
        "wrong/length" => {
            file(id, FileFacts { size: Some(9), content: Some(b"x".to_vec()), ..facts() })
        }
        id => match id.split_once('/')? {
            ("errors", name) if ERRORS.contains(&name) => file(id, facts()),
            ("many", name) => {
                let n = name.parse::<u32>().ok().filter(|n| *n < 1_000 && name.len() == 4)?;
                inline(id, number(n))
            }
            _ => return None,
        },
    })
}

/// Returns a page of names that are below `parent`.
fn page(parent: &str, names: &[&str], complete: bool) -> Page {
    let entry = |name: &&str| {
        let id = if parent.is_empty() { name.to_string() } else { format!("{parent}/{name}") };
        Some(Entry { name: name.to_string(), node: fixed(&id)? })
    };
    Page { entries: names.iter().filter_map(entry).collect(), next: None, complete }
}

fn base() -> Result<String, Error> {
    let config: Value = serde_json::from_str(&config::get()).unwrap_or_default();
    match config.get("base").and_then(Value::as_str) {
        Some(base) => Ok(base.to_string()),
        None => Err(Error::Invalid("[provider.config] has no `base`".to_string())),
    }
}

fn unavailable(error: &http::Error) -> Error {
    Error::Unavailable(error.to_string())
}

/// Asks the upstream for a page of objects: a list of `id` and `title`.
fn objects(page: u32) -> Result<Vec<(u64, String)>, Error> {
    let url = format!("{}/objects/{page}", base()?);
    let answer = http::get(url).send().and_then(http::Response::error_for_status);
    let answer = answer.map_err(|error| unavailable(&error))?;
    let list: Value = serde_json::from_slice(answer.bytes()).unwrap_or_default();
    let object = |value: &Value| {
        Some((value.get("id")?.as_u64()?, value.get("title")?.as_str()?.to_string()))
    };
    Ok(list.as_array().into_iter().flatten().filter_map(object).collect())
}

fn title(id: u64, title: &str) -> Node {
    inline(&format!("object {id} title"), format!("{title}\n"))
}

/// The files of an object come with it: its identity has all that they need.
fn object(id: u64, title: &str) -> Node {
    directory(&format!("object {id} {title}"))
}

fn parts(id: &str) -> Option<(u64, &str)> {
    let (number, title) = id.strip_prefix("object ")?.split_once(' ')?;
    Some((number.parse().ok()?, title))
}

impl Guest for Projected {
    fn lookup_child(parent: String, name: String) -> Result<Option<Node>, Error> {
        if let Some((id, text)) = parts(&parent) {
            return Ok((name == "title").then(|| title(id, text)));
        }
        if parent == "objects" {
            let Ok(wanted) = name.parse::<u64>() else { return Ok(None) };
            let page = u32::try_from(wanted / 100).unwrap_or(u32::MAX);
            let found = objects(page)?.into_iter().find(|(id, _)| *id == wanted);
            return Ok(found.map(|(id, title)| object(id, &title)));
        }
        let id = if parent.is_empty() { name } else { format!("{parent}/{name}") };
        Ok(fixed(&id))
    }

    fn list_children(directory: String, cursor: Option<String>) -> Result<Page, Error> {
        let at: u32 = cursor.as_deref().unwrap_or("0").parse().unwrap_or(0);
        Ok(match directory.as_str() {
            "" => page(
                "",
                &[
                    "sized", "unsized", "link", "out", "dir", "many", "open", "loop", "wrong",
                    "errors", "objects", "blob", "large", "parts",
                ],
                true,
            ),
            "dir" => page("dir", &["leaf"], true),
            "open" => page("open", &[], false),
            "wrong" => page("wrong", &[], false),
            "open/endless" => Page { next: Some((at + 1).to_string()), ..page("", &[], false) },
            "open/heavy" => {
                let id = format!("heavy/{at}");
                let node =
                    Node { source: Some("x".repeat(1 << 20)), ..inline(&id, "x".to_string()) };
                let entries = vec![Entry { name: at.to_string(), node }];
                Page { entries, next: Some((at + 1).to_string()), complete: false }
            }
            "errors" => page("errors", &ERRORS, true),
            "loop" => Page { next: Some("again".to_string()), ..page("loop", &[], false) },
            "many" => {
                let names: Vec<String> =
                    (at * 100..(at + 1) * 100).map(|n| format!("{n:04}")).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let next = (at < 9).then(|| (at + 1).to_string());
                Page { next, ..page("many", &names, true) }
            }
            "objects" => {
                let found = objects(at)?;
                let next = (found.len() == 100).then(|| (at + 1).to_string());
                let entry = |(id, title): &(u64, String)| Entry {
                    name: id.to_string(),
                    node: object(*id, title),
                };
                Page { entries: found.iter().map(entry).collect(), next, complete: true }
            }
            id => match parts(id) {
                Some((id, text)) => {
                    let entries = vec![Entry { name: "title".to_string(), node: title(id, text) }];
                    Page { entries, next: None, complete: true }
                }
                None => return Err(Error::NotFound),
            },
        })
    }

    fn read_file(file: String, range: Option<ByteRange>) -> Result<Content, Error> {
        let bytes = |text: &str| Ok(Content::Bytes(text.as_bytes().to_vec()));
        match file.as_str() {
            "sized" => bytes("sized\n"),
            "unsized" => bytes("not told\n"),
            "dir/leaf" => bytes("leaf\n"),
            "open/hidden" => bytes("hidden\n"),
            "open/grows" => bytes("grows\n"),
            "blob" => {
                let url = format!("{}/big/100000", base()?);
                let blob = http::get(url).download().map_err(|error| unavailable(&error))?;
                Ok(Content::Blob(blob))
            }
            "large" => {
                let url = format!("{}/big/{LARGE}", base()?);
                let blob = http::get(url).download().map_err(|error| unavailable(&error))?;
                Ok(Content::Blob(blob))
            }
            "parts" => {
                let Some(ByteRange { offset, length }) = range else {
                    return Err(Error::Invalid("all of it at once".to_string()));
                };
                let end = LARGE.min(offset + length);
                Ok(Content::Bytes((offset..end).map(|at| (at % 251) as u8).collect()))
            }
            id => match id.split_once('/') {
                Some(("errors", name)) => Err(error(name)),
                Some(("many", name)) => bytes(&number(name.parse().unwrap_or(0))),
                _ => Err(Error::NotFound),
            },
        }
    }
}

omnifs_provider::export_projector!(Projected with_types_in omnifs_provider::projector);
