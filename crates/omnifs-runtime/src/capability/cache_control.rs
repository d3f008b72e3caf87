//! `omnifs:provider/cache-control`: what a provider says is outdated, on its way to the tree.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use omnifs_vfs::Inode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::artifact::Face;
use crate::bindings::capabilities::cache_control::Host;
use crate::convert;
use crate::store::State;

/// How many nodes wait for the tree at most; of more than that nothing at all is believed, and no
/// list of them kept.
const WAITING: usize = 32_768;

/// What of a provider's answers is outdated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outdated {
    /// What they say of these objects.
    Objects(Vec<Inode>),
    /// All of them.
    Everything,
}

/// What a provider said is outdated and nobody was told yet. Saying it twice is saying it once.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Whether its nodes have identities.
    names_nodes: bool,
    /// Held for a look or a change.
    waiting: Mutex<Waiting>,
    come: Notify,
    said: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    objects: HashSet<Inode>,
    everything: bool,
}

impl Outbox {
    pub(crate) fn new(face: Face) -> Self {
        Self {
            names_nodes: face == Face::Projection,
            waiting: Mutex::default(),
            come: Notify::new(),
            said: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Returns how often something was said to be outdated, and how often that could name no node.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.said.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// Takes in that a node is outdated. Returns whether there can be such a node.
    fn put(&self, id: &str) -> bool {
        self.said.fetch_add(1, Ordering::Relaxed);
        if !self.names_nodes || id.len() > convert::ID_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let object = if id.is_empty() { Inode::ROOT } else { convert::inode(id) };
        let mut waiting = self.waiting.lock();
        if !waiting.everything {
            waiting.objects.insert(object);
            if waiting.objects.len() > WAITING {
                *waiting = Waiting { objects: HashSet::new(), everything: true };
            }
        }
        drop(waiting);
        self.come.notify_one();
        true
    }

    /// Waits until something is outdated, and takes all that there is.
    pub(crate) async fn take(&self) -> Outdated {
        loop {
            let Waiting { objects, everything } = std::mem::take(&mut *self.waiting.lock());
            if everything {
                return Outdated::Everything;
            }
            if !objects.is_empty() {
                return Outdated::Objects(objects.into_iter().collect());
            }
            self.come.notified().await;
        }
    }
}

impl Host for State {
    async fn invalidate(&mut self, node: String) -> wasmtime::Result<()> {
        let capabilities = self.capabilities();
        if capabilities.outbox.put(&node) {
            capabilities.http.outdate();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn take(outbox: &Outbox) -> Option<Outdated> {
        outbox.take().now_or_never()
    }

    #[test]
    fn what_is_said_again_and_again_is_told_once() {
        let outbox = Outbox::new(Face::Projection);
        assert_eq!(take(&outbox), None);
        for number in 0..100_000 {
            outbox.put(["", "a"][number % 2]);
        }
        let Some(Outdated::Objects(mut objects)) = take(&outbox) else { panic!("nothing") };
        objects.sort();
        assert_eq!(objects, [Inode::ROOT, convert::inode("a")]);
        assert_eq!((take(&outbox), outbox.counts()), (None, (100_000, 0)));
    }

    #[test]
    fn with_too_many_nothing_is_lost_and_nothing_kept() {
        let outbox = Outbox::new(Face::Projection);
        for number in 0..1_000_000 {
            outbox.put(&number.to_string());
            assert!(outbox.waiting.lock().objects.len() <= WAITING);
        }
        assert_eq!(take(&outbox), Some(Outdated::Everything));
        outbox.put("a");
        assert_eq!(take(&outbox), Some(Outdated::Objects(vec![convert::inode("a")])));
    }

    #[test]
    fn what_can_name_no_node_is_counted_and_dropped() {
        let outbox = Outbox::new(Face::Projection);
        assert!(!outbox.put(&"x".repeat(4_097)));
        assert!(outbox.put(&"x".repeat(4_096)));
        assert_eq!(outbox.counts(), (2, 1));
        let numbers = Outbox::new(Face::Filesystem);
        assert!(!numbers.put("") && !numbers.put("a"));
        assert_eq!((take(&numbers), numbers.counts()), (None, (2, 2)));
    }
}
