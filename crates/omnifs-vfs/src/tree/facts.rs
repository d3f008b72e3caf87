//! What is known of a node, told without asking anybody.

use std::sync::Arc;
use std::time::Duration;

use super::nodes::{Body, File};
use super::{NEVER, Tree};
use crate::{LastFailure, Made, Name, NodeId, NodeKind, Timestamp, VfsError};

/// What a tree knows of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The provider's name.
    pub provider: String,
    /// The path from the provider's root; the root is `/`.
    pub path: String,
    /// The node, which of a file is one version.
    pub node: NodeId,
    /// File or directory.
    pub kind: NodeKind,
    /// The exact size in bytes of a file that was read.
    pub size: Option<u64>,
    /// Where a symbolic link leads to.
    pub target: Option<String>,
    /// The URL that a person would open, as the source told it with a listing that is there.
    pub source: Option<String>,
    /// When the bytes or names that are kept were fetched.
    pub fetched_at: Option<Timestamp>,
    /// Until when the answer is fresh; `None` when there is none that could be.
    pub fresh_until: Option<Timestamp>,
    /// Whether an answer is served that is past its freshness.
    pub stale: bool,
    /// Whether something failed while the answer was made, so that it may not be all.
    pub partial: bool,
    /// How the bytes or names that are kept came about.
    pub made: Option<Arc<Made>>,
    /// How the source failed here lately, if it did.
    pub error: Option<LastFailure>,
}

impl Tree {
    /// Returns what is known of `node`.
    ///
    /// # Errors
    /// [`VfsError::Stale`] for a node that the tree does not know.
    pub fn facts(&self, node: NodeId) -> Result<Facts, VfsError> {
        let current = self.current();
        let now = self.clock.monotonic();
        let nodes = self.nodes.lock();
        let known = nodes.get(node)?;
        let named = known.object.place().and_then(|(_, name)| {
            let (_, above) = nodes.directory(known.parent()).ok()?;
            above.child(name).filter(|named| named.node == node)
        });
        let mut until = named.map_or(NEVER, |named| known.fresh_until(named));
        let (mut size, mut target, mut kept) = (None, None, None);
        let source = known.object.place().and_then(|(_, name)| {
            let above = nodes.get(known.parent()).ok()?.path;
            let found = self.contents.lock().listing(above)?.found(name)?;
            found.details?.source.as_deref().map(ToOwned::to_owned)
        });
        match &known.body {
            Body::Directory(_) => {
                if let Some(listing) = self.contents.lock().listing(known.path) {
                    until = self.believed(listing.fresh);
                    kept = Some((listing.fetched, listing.is_partial(), listing.made.clone()));
                }
            }
            Body::File(File::Version(version)) => {
                size = Some(version.size);
                let body = self.contents.lock().body(known.path);
                let body = body.filter(|body| body.digest == version.digest);
                kept = body.map(|body| (body.fetched, body.partial, body.made));
            }
            Body::File(File::Promised(promise)) => size = Some(promise.size),
            Body::File(File::Live(live)) => size = Some(live.size),
            Body::Link(leads_to) => target = Some(leads_to.to_string()),
            Body::File(File::Unread | File::Gone) => {}
        }
        let (kind, path) = (known.kind(), known.object.path());
        drop(nodes);
        let error = current.source.last_failure(&path);
        let calendar = |time| moved(self.clock.calendar(), now, time);
        let (fetched, partial, made) = match kept {
            Some((fetched, partial, made)) => (Some(fetched), partial, made),
            None => (None, false, None),
        };
        Ok(Facts {
            provider: current.settings.provider.clone(),
            path,
            node,
            kind,
            size,
            target,
            source,
            fetched_at: fetched.map(calendar),
            fresh_until: (until != NEVER).then(|| calendar(until)),
            stale: until != NEVER && until <= now,
            partial,
            made,
            error,
        })
    }

    /// Returns the path of a node from the root, which is `/`; `None` for one that the tree does not
    /// know.
    pub fn path(&self, node: NodeId) -> Option<String> {
        self.nodes.lock().get(node).ok().map(|node| node.object.path())
    }

    /// Returns what is known of what a path from the root stands for, or `None` when no name on
    /// the way was looked up, or the kernel has forgotten it.
    pub fn facts_at(&self, path: &str) -> Option<Facts> {
        self.facts(self.known_node(path)?).ok()
    }

    /// Believes nothing any more that is known of a path and of what is below it: everything
    /// there is asked for anew at its next use. Open files keep their bytes. Returns whether
    /// anything was known.
    pub fn expire(&self, path: &str) -> bool {
        // What is under way was asked for before.
        self.current.write().generation += 1;
        let kept = self.expire_kept(path);
        let known = self.known_node(path);
        let mut nodes = self.nodes.lock();
        let expired = known.map(|node| nodes.expire_below(node));
        // Listings, too, know what a name stands for.
        self.contents.lock().expire();
        drop(nodes);
        let Some(expired) = expired else { return kept };
        self.announce_expired(expired);
        true
    }

    /// Keeps nothing any more of a path and of what is below it, and believes nothing of it. What
    /// the kernel knows stays in memory: open files keep their bytes.
    pub fn clear(&self, path: &str) {
        self.expire(path);
        if path.trim_matches('/').is_empty() {
            self.contents.lock().drop_idle();
            if let Some(disk) = &self.settings().disk {
                disk.clear();
            }
        }
    }

    fn known_node(&self, path: &str) -> Option<NodeId> {
        let nodes = self.nodes.lock();
        path.split('/').filter(|name| !name.is_empty()).try_fold(NodeId::ROOT, |at, name| {
            let name = Name::from_provider(name)?;
            Some(nodes.directory(at).ok()?.1.child(&name)?.node)
        })
    }
}

/// Returns the calendar time of `time` on the monotonic clock, which shows `now` at `calendar`.
fn moved(calendar: Timestamp, now: Duration, time: Duration) -> Timestamp {
    let here = Duration::new(calendar.seconds, calendar.nanoseconds);
    let there =
        if time < now { here.saturating_sub(now - time) } else { here.saturating_add(time - now) };
    Timestamp { seconds: there.as_secs(), nanoseconds: there.subsec_nanos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_times_move_as_the_other_clock_does() {
        let calendar = Timestamp { seconds: 1_000, nanoseconds: 5 };
        let second = Duration::from_secs(1);
        let at = |time| moved(calendar, second * 10, time).seconds;
        assert_eq!([at(second * 4), at(second * 10), at(second * 13)], [994, 1_000, 1_003]);
    }
}
