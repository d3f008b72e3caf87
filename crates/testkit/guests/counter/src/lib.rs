//! Numbers objects in the order in which they are asked for, and remembers which is which.
//!
//! A host that gives such an instance a number that another instance made gets nonsense, or
//! nothing. Directories `a` to `z` with the files `1`, `2`, `3`, which hold their own path;
//! `slow` with `1` to `8`, which do so, too, and take 300 ms to read; `trap` panics when it is
//! read.

use std::sync::Mutex;
use std::time::Duration;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Counter;

/// The paths that were asked for; the place is the inode, and the root is the first.
static PATHS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn path_of(inode: u64) -> Option<String> {
    if inode == 0 {
        return Some(String::new());
    }
    PATHS.lock().ok()?.get(usize::try_from(inode).ok()? - 1).cloned()
}

fn number_of(path: String) -> Option<u64> {
    let mut paths = PATHS.lock().ok()?;
    let place = paths.iter().position(|known| *known == path).unwrap_or_else(|| {
        paths.push(path);
        paths.len() - 1
    });
    u64::try_from(place + 1).ok()
}

/// A directory whose files keep an instance busy.
const SLOW: &str = "slow";

fn is_directory(path: &str) -> bool {
    path == SLOW || path.len() == 1 && path.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn names_in(path: &str) -> Vec<String> {
    match path {
        "" => ('a'..='z').map(String::from).chain([SLOW.into(), "trap".into()]).collect(),
        SLOW => (1..=8).map(|number| number.to_string()).collect(),
        directory if is_directory(directory) => ["1", "2", "3"].map(String::from).to_vec(),
        _ => vec![],
    }
}

impl Guest for Counter {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let parent = path_of(parent)?;
        if !names_in(&parent).contains(&name) {
            return None;
        }
        let path = if parent.is_empty() { name } else { format!("{parent}/{name}") };
        let kind = if is_directory(&path) { NodeKind::Directory } else { NodeKind::File };
        Some(LookupResult { inode: number_of(path)?, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        path_of(inode).map_or_else(Vec::new, |path| names_in(&path))
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match path_of(inode)?.as_str() {
            "trap" => panic!("boom"),
            path => {
                if path.starts_with(SLOW) {
                    std::thread::sleep(Duration::from_millis(300));
                }
                Some(format!("{path}\n").into_bytes())
            }
        }
    }
}

omnifs_provider::export!(Counter with_types_in omnifs_provider);
