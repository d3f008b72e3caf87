//! What is told of a node, and for how long the kernel may believe it.

use std::sync::Arc;
use std::time::Duration;

use super::Tree;
use super::nodes::{Body, File, Node, Nodes};
use crate::{Attributes, Entry, NodeId, Question, VfsError};

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

/// What the kernel has been told of a file's size: nothing but the exact one, the placeholder,
/// or since when the exact one, in milliseconds of the tree's clock. Every node has one, so it
/// takes no more than that time does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told(u32);

impl Told {
    const EXACT: Self = Self(0);
    const PLACEHOLDER: Self = Self(u32::MAX);

    /// Returns whether the placeholder is what was told last.
    pub(crate) fn is_placeholder(self) -> bool {
        self == Self::PLACEHOLDER
    }

    /// Takes in that the exact size is told `now`, and returns for how long it is valid.
    fn tell_exact(&mut self, now: Duration) -> Duration {
        // It starts anew after 49 days; who is told just then asks twice.
        let now = u32::try_from(now.as_millis() % u128::from(u32::MAX)).unwrap_or_default().max(1);
        match *self {
            Self::EXACT => return VERSION_VALID,
            Self::PLACEHOLDER => *self = Self(now),
            Self(_) => {}
        }
        let settled = u128::from(now.wrapping_sub(self.0)) >= SETTLING.as_millis();
        if settled { VERSION_VALID } else { Duration::ZERO }
    }
}

impl Tree {
    /// Returns the exact attributes of `node`, reading the file when its size is not known yet.
    ///
    /// # Errors
    /// As the read failed; [`VfsError::NotFound`] when the file vanished since its lookup;
    /// [`VfsError::Stale`] for a node that the tree does not know.
    pub async fn attributes(self: &Arc<Self>, node: NodeId) -> Result<Attributes, VfsError> {
        self.attributes_up_to(node, || u64::MAX).await
    }

    /// As [`Tree::attributes`]; of a live file no larger size is told than `limit` allows when it
    /// comes to that, unless a larger one was told before.
    ///
    /// # Errors
    /// As [`Tree::attributes`].
    pub async fn attributes_up_to(
        self: &Arc<Self>,
        node: NodeId,
        limit: impl FnOnce() -> u64,
    ) -> Result<Attributes, VfsError> {
        let mut question = self.layers.ask(Question::Attributes);
        if self.is_live(node) {
            return self.live_attributes(node, limit, &mut question).await;
        }
        let shown = {
            let mut nodes = self.nodes.lock();
            let known = nodes.get_mut(node)?;
            match known.body {
                Body::File(File::Unread) => None,
                Body::File(File::Gone) => return Err(super::file::gone(known)),
                Body::Directory(_)
                | Body::Link(_)
                | Body::File(File::Version(_) | File::Promised(_) | File::Live(_)) => {
                    let was_ahead = std::mem::take(&mut known.ahead);
                    Some((self.shown(known), was_ahead))
                }
            }
        };
        let (attributes, in_turn) = match shown {
            Some(shown) => shown,
            None => {
                if !self.learn_size(node, |layer| question.reach(layer)).await? {
                    self.fetch(node, &mut question).await?;
                }
                (self.shown(self.nodes.lock().get_mut(node)?), true)
            }
        };
        if in_turn {
            self.read_in_turn(node, attributes.size);
        }
        Ok(attributes)
    }

    /// Returns the entry of `node` and counts it. An unread file of which the placeholder was told
    /// before gets another node.
    pub(super) fn claim(
        &self,
        nodes: &mut Nodes,
        node: NodeId,
        valid: Duration,
    ) -> Result<Entry, VfsError> {
        let node = nodes.untold(node)?;
        let attributes = self.shown(nodes.claim(node)?);
        Ok(Entry { node, attributes, valid })
    }

    /// Returns what is known of a node's attributes without asking anybody.
    pub(super) fn shown(&self, node: &mut Node) -> Attributes {
        let (size, modified, valid) = match &node.body {
            Body::Directory(directory) => (0, directory.modified, self.settings().ttl),
            Body::File(File::Version(version)) => {
                let valid = node.told.tell_exact(self.clock.monotonic());
                (version.size, version.modified, valid)
            }
            Body::File(File::Promised(promise)) => {
                let valid = node.told.tell_exact(self.clock.monotonic());
                (promise.size, promise.modified, valid)
            }
            Body::File(File::Live(live)) => (live.told, live.modified, Duration::ZERO),
            Body::Link(target) => (target.len() as u64, self.born, VERSION_VALID),
            Body::File(File::Unread | File::Gone) => {
                node.told = Told::PLACEHOLDER;
                (PLACEHOLDER_SIZE, self.born, Duration::ZERO)
            }
        };
        let st_ino = node.st_ino();
        Attributes { st_ino, kind: node.kind(), size, modified, valid }
    }
}
