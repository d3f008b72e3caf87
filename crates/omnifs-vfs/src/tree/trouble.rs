//! What is served while the source fails: the old answers, for as long as they may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::listing::Listing;
use super::nodes::{Body, File};
use super::{Current, Fresh, NEVER, STALE_VALID, Tree};
use crate::{Child, Content, Entry, Name, NodeId, NodeKind, VfsError};

/// For how long after a failure old answers are served at once, with the source asked behind:
/// otherwise each name of a walk would wait for a timeout of its own.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the source failed last, in milliseconds of the tree's clock and one; 0 once it answers.
#[derive(Debug, Default)]
pub(super) struct Trouble(AtomicU64);

impl Trouble {
    /// Takes in how a call ended.
    fn note<T>(&self, result: &Result<T, VfsError>, now: Duration) {
        match result {
            Ok(_) => self.0.store(0, Ordering::Relaxed),
            Err(error) if error.is_failure() => {
                let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX - 1);
                self.0.store(now + 1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
    }

    fn is_recent(&self, now: Duration) -> bool {
        match self.0.load(Ordering::Relaxed).checked_sub(1) {
            Some(last) => now < Duration::from_millis(last) + PATIENCE,
            None => false,
        }
    }
}

impl Tree {
    /// Takes in how a call to the source ended, and returns that.
    pub(super) fn heed<T>(&self, result: Result<T, VfsError>) -> Result<T, VfsError> {
        self.trouble.note(&result, self.clock.monotonic());
        result
    }

    /// Returns whether an answer that was fresh until then may be served while the source fails.
    pub(super) fn outlives_failure(&self, until: Duration, now: Duration) -> bool {
        until != NEVER && now < until + self.settings().stale_if_error
    }

    /// Returns whether an answer that was fresh until then is served without waiting for a new
    /// one: it is young enough, or the source failed a moment ago.
    pub(super) fn serves_stale(&self, until: Duration, now: Duration) -> bool {
        let settings = self.settings();
        let grace = if self.trouble.is_recent(now) {
            settings.stale_while_revalidate.max(settings.stale_if_error)
        } else {
            settings.stale_while_revalidate
        };
        until != NEVER && now < until + grace
    }

    /// Returns what `name` was before its lookup failed, if that may still be served.
    pub(super) fn name_despite(
        &self,
        error: &VfsError,
        (parent, name): (NodeId, &Name),
    ) -> Option<Entry> {
        if !error.is_failure() {
            return None;
        }
        let now = self.clock.monotonic();
        let unnamed = {
            let mut nodes = self.nodes.lock();
            let (above, directory) = nodes.directory(parent).ok()?;
            match directory.child(name) {
                Some(named) => {
                    let until = nodes.get(named.node).ok()?.fresh_until(named);
                    let usable = self.outlives_failure(until, now);
                    return usable.then(|| self.claim(&mut nodes, named.node, STALE_VALID).ok())?;
                }
                None => above.path.child(name),
            }
        };
        let Current { generation, asked, .. } = self.current();
        // The kernel forgot the node; its bytes say that there was a file.
        let body = self.contents.lock().body(unnamed)?;
        if !self.outlives_failure(body.until, now) {
            return None;
        }
        let child = Child { inode: body.inode, kind: NodeKind::File };
        let fresh = Fresh { until: body.until, generation, asked };
        let node = self.settle((parent, name), (&child.into(), fresh)).ok()?;
        self.claim(&mut self.nodes.lock(), node, STALE_VALID).ok()
    }

    /// Returns the bytes that were read of a file before reading it failed, as its version.
    pub(super) async fn bytes_despite(
        self: &Arc<Self>,
        error: &VfsError,
        node: NodeId,
    ) -> Option<Content> {
        if !error.is_failure() {
            return None;
        }
        match self.bytes_in_memory(node) {
            Some(bytes) => Some(bytes),
            None => self.recall_bytes(node).await,
        }
    }

    fn bytes_in_memory(&self, node: NodeId) -> Option<Content> {
        let now = self.clock.monotonic();
        let mut nodes = self.nodes.lock();
        let known = nodes.get_mut(node).ok()?;
        let body = self.contents.lock().body(known.path)?;
        let same = matches!(known.body, Body::File(File::Unread))
            && body.inode == known.object.inode()
            && self.outlives_failure(body.until, now);
        if !same {
            return None;
        }
        known.body = Body::File(File::Version(body.version()));
        Some(body.content)
    }

    /// Returns the listing that was there before listing failed, if that may still be served.
    pub(super) async fn listing_despite(
        &self,
        error: &VfsError,
        directory: NodeId,
        before: Option<Arc<Listing>>,
    ) -> Option<Arc<Listing>> {
        if !error.is_failure() {
            return None;
        }
        let now = self.clock.monotonic();
        match before.filter(|listing| self.outlives_failure(listing.fresh.until, now)) {
            Some(listing) => Some(listing),
            None => self.recall_listing(directory).await,
        }
    }
}
