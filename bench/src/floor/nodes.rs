//! The tree in memory.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use anyhow::Result;

/// A file or a directory.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) is_directory: bool,
    /// Of a file.
    pub(super) bytes: Vec<u8>,
    /// Of a directory: the numbers by name.
    pub(super) children: HashMap<Vec<u8>, u64>,
    /// Of a directory: the names in the order of a listing.
    pub(super) names: Vec<(Vec<u8>, u64)>,
}

impl Node {
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// All nodes; the number of one is its place and one more, so that the root is 1.
#[derive(Debug, Default)]
pub(super) struct Nodes(Vec<Node>);

impl Nodes {
    /// Reads a directory with all that is below it.
    pub(super) fn load(tree: &Path) -> Result<Self> {
        let mut nodes = Self::default();
        nodes.add(tree)?;
        Ok(nodes)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Node> {
        self.0.get(usize::try_from(id.checked_sub(1)?).ok()?)
    }

    /// Adds a file or directory, and returns its number.
    fn add(&mut self, path: &Path) -> Result<u64> {
        let place = self.0.len();
        self.0.push(Node::default());
        let mut node = Node { is_directory: path.is_dir(), ..Node::default() };
        if node.is_directory {
            let mut names: Vec<OsString> =
                fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
            names.sort_unstable();
            for name in names {
                let id = self.add(&path.join(&name))?;
                node.names.push((name.into_vec(), id));
            }
            node.children = node.names.iter().cloned().collect();
        } else {
            node.bytes = fs::read(path)?;
        }
        if let Some(slot) = self.0.get_mut(place) {
            *slot = node;
        }
        Ok(u64::try_from(place)? + 1)
    }
}
