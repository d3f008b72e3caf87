//! What is told of a node, and for how long the kernel may believe it.

use std::sync::Arc;
use std::time::Duration;

use super::Tree;
use super::nodes::{Body, File, Node, Nodes};
use crate::{Attributes, Entry, NodeId, VfsError};

/// The size that an unread file has in attributes whose validity is zero. No `stat` can see
/// it, since each asks again first; it is there for programs that read, splice or map without
/// asking: 0 would give them nothing, and a read past the real end corrects it.
const PLACEHOLDER_SIZE: u64 = 1 << 30;

/// How long attributes of an exact version are valid: its bytes never change.
const VERSION_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the size of a file that had a placeholder is told without validity.
///
/// The kernel notes a validity first and the size after it, and who asks in between without
/// waiting (`stat` takes no lock) would take the placeholder for valid. So the size has to be
/// there before any validity is: after this long, whoever got the first answer has put it in.
const SETTLING: Duration = Duration::from_millis(100);

/// What the kernel has been told of a file's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing, or the exact size from the start.
    #[default]
    Exact,
    Placeholder,
    /// The exact size after a placeholder; since then, in milliseconds of the tree's clock.
    Since(u32),
}

impl Told {
    /// Takes in that the exact size is told `now`, and returns for how long it is valid.
    fn tell_exact(&mut self, now: Duration) -> Duration {
        // What does not fit wraps around: once in 49 days a size is asked for twice.
        let now = (now.as_millis() & u128::from(u32::MAX)) as u32;
        if *self == Self::Placeholder {
            *self = Self::Since(now);
        }
        match *self {
            Self::Since(then) if u128::from(now.wrapping_sub(then)) < SETTLING.as_millis() => {
                Duration::ZERO
            }
            _ => VERSION_VALID,
        }
    }
}

impl Tree {
    /// Returns the exact attributes of `node`, reading the file when its size is not known yet.
    ///
    /// # Errors
    /// As the read failed; [`VfsError::NotFound`] when the file vanished since its lookup;
    /// [`VfsError::Stale`] for a node that the tree does not know.
    pub async fn attributes(self: &Arc<Self>, node: NodeId) -> Result<Attributes, VfsError> {
        {
            let mut nodes = self.nodes.lock();
            let known = nodes.get_mut(node)?;
            match known.body {
                Body::File(File::Unread) => {}
                Body::File(File::Gone) => return Err(super::file::gone(known)),
                Body::Directory(_) | Body::File(File::Version(_)) => return Ok(self.shown(known)),
            }
        }
        self.fetch(node).await?;
        let mut nodes = self.nodes.lock();
        Ok(self.shown(nodes.get_mut(node)?))
    }

    /// Returns the entry of `node` and counts it.
    pub(super) fn claim(
        &self,
        nodes: &mut Nodes,
        node: NodeId,
        valid: Duration,
    ) -> Result<Entry, VfsError> {
        let attributes = self.shown(nodes.claim(node)?);
        Ok(Entry { node, attributes, valid })
    }

    /// Returns what is known of a node's attributes without asking anybody.
    fn shown(&self, node: &mut Node) -> Attributes {
        let (size, modified, valid) = match &node.body {
            Body::Directory(directory) => (0, directory.modified, self.settings().ttl),
            Body::File(File::Version(version)) => {
                let valid = node.told.tell_exact(self.clock.monotonic());
                (version.size, version.modified, valid)
            }
            Body::File(File::Unread | File::Gone) => {
                node.told = Told::Placeholder;
                (PLACEHOLDER_SIZE, self.born, Duration::ZERO)
            }
        };
        let st_ino = node.object.inode().st_ino();
        Attributes { st_ino, kind: node.kind(), size, modified, valid }
    }
}
