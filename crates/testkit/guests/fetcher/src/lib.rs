//! Files whose names say what to fetch, so that tests of the capabilities need no other
//! component. `testkit::guests::escape` writes a URL or a value as a name.
//!
//! | path | content |
//! |---|---|
//! | `/config` | the configuration in JSON |
//! | `/secret/NAME` | `granted` or `absent` |
//! | `/log/LEVEL/TEXT` | `logged`, after that |
//! | `/get/OPTIONS/URL/FILE` | of an answer of `fetch`: `status`, `url`, `headers`, `body`, which are absent on failure; `error`, which says the failure or `none`; `report`, which has it all |
//! | `/download/OPTIONS/URL/FILE` | likewise of `download`, by reading the blob; `size` in place of `url`, and `range-OFFSET-LENGTH` |
//! | `/open/OPTIONS/URL/FILE` | likewise of `open`; `first-N` reads so many bytes and leaves it |
//! | `/all/N/OPTIONS/URL` | a line for each of N answers of one `fetch-all`, a status or a failure; `{n}` in the URL is its number |
//! | `/text/OPTIONS/URL` | the body, or nothing on failure and on any status but 2xx |
//! | `/sentinel/OPTIONS/URL` | the body, or `failed` |
//! | `/list/OPTIONS/URL/` | the items of a JSON array: strings, or `title` or `id` of objects; nothing when it fails |
//!
//! Each read of a file makes its request. `OPTIONS` are any number of: `follow`,
//! `bearer/SECRET`, `basic/USER/SECRET`, `raw/HEADER/SECRET`, `prefix/HEADER/TEXT/SECRET`,
//! `header/NAME/VALUE`, `method/METHOD`, `body/TEXT`, `timeout/MS`, and `pad-url/N`,
//! `pad-body/N`, `pad-header/NAME/N` for what does not fit in a name.

mod answer;
mod path;
mod request;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};
use omnifs_provider::log::{log, Level};
use omnifs_provider::{config, secrets, stable_inode};

use answer::Answer;
use path::{Ask, File, Node};

struct Fetcher;

/// The paths of the numbers that this instance gave away.
fn paths() -> MutexGuard<'static, HashMap<u64, Vec<String>>> {
    static PATHS: OnceLock<Mutex<HashMap<u64, Vec<String>>>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| Mutex::new(HashMap::from([(0, Vec::new())])));
    paths.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(inode: u64) -> Option<Vec<String>> {
    paths().get(&inode).cloned()
}

impl Guest for Fetcher {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let mut path = path(parent)?;
        path.push(name);
        let kind = match path::parse(&path)? {
            Node::Directory(_) | Node::Listing(_) => NodeKind::Directory,
            Node::File(_) => NodeKind::File,
            Node::Item(ask, item) if items(&ask).contains(&item) => NodeKind::File,
            Node::Item(..) => return None,
        };
        let inode = stable_inode(&path.join("/"));
        paths().insert(inode, path);
        Some(LookupResult { inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match path(inode).and_then(|path| path::parse(&path)) {
            Some(Node::Directory(names)) => names.into_iter().map(String::from).collect(),
            Some(Node::Listing(ask)) => items(&ask),
            Some(Node::File(_) | Node::Item(..)) | None => Vec::new(),
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match path::parse(&path(inode)?)? {
            Node::File(file) => read(&file),
            Node::Item(_, item) => Some(format!("{item}\n").into_bytes()),
            Node::Directory(_) | Node::Listing(_) => None,
        }
    }
}

fn read(file: &File) -> Option<Vec<u8>> {
    let text = match file {
        File::Config => config::get(),
        File::Secret(name) => match secrets::get(name) {
            Some(_) => "granted\n".to_string(),
            None => "absent\n".to_string(),
        },
        File::Log(level, text) => {
            log(self::level(level)?, text);
            "logged\n".to_string()
        }
        File::All(count, ask) => request::all(ask, *count),
        File::Part(verb, ask, part) => return Answer::of(*verb, ask, *part).part(*part),
        File::Text(ask) => return Some(good_body(ask).unwrap_or_default()),
        File::Sentinel(ask) => return Some(good_body(ask).unwrap_or(b"failed\n".to_vec())),
    };
    Some(text.into_bytes())
}

fn level(name: &str) -> Option<Level> {
    match name {
        "error" => Some(Level::Error),
        "warn" => Some(Level::Warn),
        "info" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        "trace" => Some(Level::Trace),
        _ => None,
    }
}

/// Returns the body of a good answer.
fn good_body(ask: &Ask) -> Option<Vec<u8>> {
    let response = request::fetch(ask).ok()?;
    (200..300).contains(&response.status).then_some(response.body)
}

fn items(ask: &Ask) -> Vec<String> {
    use serde_json::Value;
    let body = good_body(ask).unwrap_or_default();
    let Ok(Value::Array(items)) = serde_json::from_slice(&body) else {
        return Vec::new();
    };
    let name = |item: &Value| match item {
        Value::String(name) => name.clone(),
        other => match other.get("title").or(other.get("id")) {
            Some(Value::String(name)) => name.clone(),
            Some(other) => other.to_string(),
            None => other.to_string(),
        },
    };
    items.iter().map(name).collect()
}

omnifs_provider::export!(Fetcher with_types_in omnifs_provider);
