//! Reading a tree without a mount: by the operations that a kernel would ask for.

use std::sync::Arc;

use omnifs_vfs::{Lookup, Name, NodeId, NodeKind, Tree, VfsError};

use crate::control::{Item, Kind, Refusal, Stat};

/// How many links one path may lead over, as the kernel has it (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// How much of a file is read at a time, in bytes.
const PIECE: u32 = 1 << 20;

/// A tree that is read.
pub(crate) struct Walk {
    tree: Arc<Tree>,
}

/// A node that was found. The tree knows it, and all above it, until this is dropped.
struct Held {
    tree: Arc<Tree>,
    way: Vec<(NodeId, NodeKind)>,
}

impl Held {
    fn last(&self) -> (NodeId, NodeKind) {
        self.way.last().copied().unwrap_or((NodeId::ROOT, NodeKind::Directory))
    }

    fn up(&mut self) {
        if let Some((node, _)) = self.way.pop() {
            self.tree.forget(node, 1);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        while !self.way.is_empty() {
            self.up();
        }
    }
}

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    Shown,
}

impl Walk {
    pub(crate) fn new(tree: Arc<Tree>) -> Self {
        Self { tree }
    }

    /// Returns what a path from the root is.
    ///
    /// # Errors
    /// As the tree has it, with its errno.
    pub(crate) async fn stat(&self, path: &str) -> Result<Stat, Refusal> {
        let held = self.find(path, Links::Shown).await?;
        let (node, kind) = held.last();
        let attributes = self.tree.attributes(node).await?;
        let target = match kind {
            NodeKind::Symlink => Some(self.tree.target(node)?.to_string()),
            NodeKind::File | NodeKind::Directory => None,
        };
        Ok(Stat {
            kind: kind.into(),
            inode: attributes.st_ino,
            size: attributes.size,
            modified: attributes.modified.seconds,
            target,
        })
    }

    /// Returns the names in a directory, in the provider's order.
    ///
    /// # Errors
    /// As the tree has it, with its errno.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Item>, Refusal> {
        let held = self.find(path, Links::Followed).await?;
        let (node, kind) = held.last();
        if kind != NodeKind::Directory {
            return Err(VfsError::NotADirectory.into());
        }
        let handle = self.tree.open_directory(node).await?;
        let listed = self.items(handle.id).await;
        self.tree.release_directory(handle.id);
        Ok(listed?)
    }

    /// Returns what is in an open directory.
    async fn items(&self, handle: u64) -> Result<Vec<Item>, VfsError> {
        let (mut items, mut cookie) = (Vec::new(), 0);
        loop {
            let mut reader = self.tree.read_directory(handle, cookie).await?;
            let from = cookie;
            while let Some(entry) = reader.peek() {
                cookie = entry.cookie;
                // Neither of the two can be a provider's.
                if !matches!(entry.name, "." | "..") {
                    let kind = entry.kind.map(Kind::from);
                    items.push(Item { name: entry.name.to_owned(), kind });
                }
                reader.advance();
            }
            if cookie == from {
                return Ok(items);
            }
        }
    }

    /// Returns the bytes of a file.
    ///
    /// # Errors
    /// As the tree has it, with its errno.
    pub(crate) async fn read(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        let held = self.find(path, Links::Followed).await?;
        let (node, kind) = held.last();
        if kind == NodeKind::Directory {
            return Err(VfsError::IsADirectory.into());
        }
        // A file that grows is read to where it ends now.
        let end =
            if self.tree.is_live(node) { self.tree.attributes(node).await?.size } else { u64::MAX };
        let mut bytes = Vec::new();
        loop {
            let left = end.saturating_sub(bytes.len() as u64);
            let piece = left.min(PIECE.into()).try_into().unwrap_or(PIECE);
            let piece = self.tree.read(node, bytes.len() as u64, piece).await?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&piece);
        }
    }

    async fn find(&self, path: &str, links: Links) -> Result<Held, VfsError> {
        let mut held = Held { tree: Arc::clone(&self.tree), way: Vec::new() };
        let mut left: Vec<String> = parts(path).rev().map(ToOwned::to_owned).collect();
        let mut followed = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                held.up();
                continue;
            }
            let (parent, kind) = held.last();
            if kind != NodeKind::Directory {
                return Err(VfsError::NotADirectory);
            }
            let name = Name::from_request(name.as_bytes())?;
            let Lookup::Found(entry) = self.tree.lookup(parent, &name).await? else {
                return Err(VfsError::NotFound);
            };
            held.way.push((entry.node, entry.attributes.kind));
            let is_link = entry.attributes.kind == NodeKind::Symlink;
            if is_link && (links == Links::Followed || !left.is_empty()) {
                followed += 1;
                if followed > LINKS_MAX {
                    return Err(VfsError::TooDeep);
                }
                let target = self.tree.target(entry.node)?;
                held.up();
                left.extend(parts(&target).rev().map(ToOwned::to_owned));
            }
        }
        Ok(held)
    }
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

impl From<VfsError> for Refusal {
    fn from(error: VfsError) -> Self {
        Self { errno: omnifs_fuse::errno_name(&error).to_owned(), reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_names() {
        let all: Vec<&str> = parts("/a//b/./c/../d/").collect();
        assert_eq!(all, ["a", "b", "c", "..", "d"]);
        assert_eq!(parts("/").count(), 0);
    }
}
