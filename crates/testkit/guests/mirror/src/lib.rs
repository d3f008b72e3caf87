//! The directories of an HTTP server that lists them in JSON (nginx's `autoindex_format json`),
//! below `base` of the configuration: one request a listing and one a file, so that what a mount
//! asks for can be counted.
//!
//! A name with a dot is a file, any other a directory, so that kinds need no request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};
use omnifs_provider::http;
use omnifs_provider::{config, stable_inode};
use serde_json::Value;

struct Mirror;

/// The paths of the numbers that this instance gave away.
fn paths() -> MutexGuard<'static, HashMap<u64, String>> {
    static PATHS: OnceLock<Mutex<HashMap<u64, String>>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| Mutex::new(HashMap::from([(0, String::new())])));
    paths.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(inode: u64) -> Option<String> {
    paths().get(&inode).cloned()
}

impl Guest for Mirror {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let path = format!("{}/{name}", path(parent)?);
        let kind = if name.contains('.') { NodeKind::File } else { NodeKind::Directory };
        let inode = stable_inode(&path);
        paths().insert(inode, path);
        Some(LookupResult { inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        let listed = path(inode).and_then(|path| get(&format!("{path}/")));
        let Some(Ok(Value::Array(entries))) = listed.map(|body| serde_json::from_slice(&body))
        else {
            return Vec::new();
        };
        entries.iter().filter_map(|entry| Some(entry.get("name")?.as_str()?.to_owned())).collect()
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        get(&path(inode)?)
    }
}

fn get(path: &str) -> Option<Vec<u8>> {
    let config: Value = serde_json::from_str(&config::get()).ok()?;
    let base = config.get("base")?.as_str()?;
    let response = http::get(format!("{base}{path}")).send().ok()?;
    response.is_success().then(|| response.bytes().to_vec())
}

omnifs_provider::export!(Mirror with_types_in omnifs_provider);
