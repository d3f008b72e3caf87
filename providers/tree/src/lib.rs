//! A sample tree: nested directories, files of many sizes, names of every legal kind.
//!
//! The tree is the same in every instance and on every machine; see [`sample`].

mod sample;

use std::collections::HashMap;
use std::sync::LazyLock;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};
use omnifs_provider::stable_inode;

use sample::{Content, Entry};

/// What the three operations ask for, made once per instance.
struct Index {
    entries: HashMap<u64, Entry>,
    children: HashMap<u64, Vec<(String, u64)>>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { entries: HashMap::new(), children: HashMap::new() };
    for entry in sample::entries() {
        let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let inode = number(&entry.path);
        index.children.entry(number(parent)).or_default().push((name.to_string(), inode));
        index.entries.insert(inode, entry);
    }
    index
});

/// Returns the inode of a path from the root, which is the empty path.
fn number(path: &str) -> u64 {
    if path.is_empty() {
        0
    } else {
        stable_inode(path)
    }
}

struct Tree;

impl Guest for Tree {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let (_, inode) = INDEX.children.get(&parent)?.iter().find(|(child, _)| *child == name)?;
        let kind = match INDEX.entries.get(inode)?.content {
            Content::Directory => NodeKind::Directory,
            Content::Text(_) | Content::Lines(_) | Content::Bytes(_) => NodeKind::File,
        };
        Some(LookupResult { inode: *inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        let children = INDEX.children.get(&inode).into_iter().flatten();
        children.map(|(name, _)| name.clone()).collect()
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        INDEX.entries.get(&inode)?.bytes()
    }
}

omnifs_provider::export!(Tree with_types_in omnifs_provider);
