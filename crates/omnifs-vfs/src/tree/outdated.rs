//! What a source says itself is outdated.
//!
//! It says so by the number of an object, whatever the names that lead there, and it may say so
//! while answers about that object are under way. So what is known is gone through once for each
//! batch, and it is remembered for a while when each object was named: an answer that was asked
//! for before is served to who waits for it, and not believed.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::{Fresh, NEVER, Since, Tree};
use crate::sync::Mutex;
use crate::{Inode, Name, NodeId};

/// Objects by their numbers.
pub(super) type Inodes = HashSet<Inode, DefaultHashBuilder>;

/// How many objects are remembered at least; twice as many at most.
const REMEMBERED: usize = 32_768;

/// When objects were said to be outdated, counted in batches.
#[derive(Debug, Default)]
pub(super) struct Outdated {
    /// How many batches there were.
    batches: AtomicU64,
    /// Held for a look or a batch, and taken last of all.
    table: Mutex<Table>,
}

/// Which batch an object was in last. The younger half becomes the older one when it is full, and
/// that one goes: of what was asked for before then nothing is known to be right.
#[derive(Debug, Default)]
struct Table {
    young: HashMap<Inode, u64, DefaultHashBuilder>,
    old: HashMap<Inode, u64, DefaultHashBuilder>,
    /// The last batch that is in `old`, and that is in what went.
    turned: u64,
    gone: u64,
}

impl Table {
    fn note(&mut self, batch: u64, inodes: &Inodes) {
        if !self.young.is_empty() && self.young.len() + inodes.len() > REMEMBERED {
            self.gone = self.turned;
            self.turned = batch.saturating_sub(1);
            self.old = std::mem::take(&mut self.young);
        }
        self.young.extend(inodes.iter().map(|inode| (*inode, batch)));
    }

    fn last(&self, inode: Inode) -> u64 {
        let known = self.young.get(&inode).or_else(|| self.old.get(&inode));
        known.copied().unwrap_or_default().max(self.gone)
    }
}

impl Outdated {
    /// Returns how many batches there were: to be taken before something is asked for.
    pub(super) fn now(&self) -> u64 {
        self.batches.load(Ordering::Acquire)
    }

    /// Returns in which batch an object may have been last, 0 for none.
    fn last(&self, inode: Inode) -> u64 {
        if self.now() == 0 { 0 } else { self.table.lock().last(inode) }
    }

    /// Returns whether one of these may have been said to be outdated since then.
    pub(super) fn any_since(&self, asked: u64, inodes: impl IntoIterator<Item = Inode>) -> bool {
        if self.now() == asked {
            return false;
        }
        let table = self.table.lock();
        table.gone > asked || inodes.into_iter().any(|inode| table.last(inode) > asked)
    }

    /// Takes a batch in.
    fn note(&self, inodes: &Inodes) {
        let mut table = self.table.lock();
        let batch = self.now() + 1;
        table.note(batch, inodes);
        self.batches.store(batch, Ordering::Release);
    }
}

impl Tree {
    /// Believes nothing any more that is known of these objects: neither what the names are that
    /// lead to them nor their bytes, and of directories neither their listing nor which names are
    /// in it. All that is asked for anew at its next use, and what was asked for before and comes
    /// later is not believed. Open files keep their bytes, and a version that is the same its node.
    ///
    /// It takes a time that grows with the number of nodes, and not with that of the objects: who
    /// has many calls it once for all.
    pub fn invalidate(&self, inodes: &[Inode]) {
        let mut outdated = Inodes::default();
        outdated.extend(inodes.iter().copied());
        if outdated.is_empty() {
            return;
        }
        // All in one: who looks at what is known with `nodes` locked sees all of it or nothing.
        let mut nodes = self.nodes.lock();
        self.outdated.note(&outdated);
        let expired = nodes.expire_these(&outdated);
        self.forget_outdated_streams(&outdated);
        self.contents.lock().expire_these(&outdated);
        drop(nodes);
        self.announce_expired(expired);
    }

    /// Returns until when an answer is fresh that is about these objects: not at all when one of
    /// them was said to be outdated since it was asked for. To be asked as [`Tree::believed`], or
    /// with `contents` locked by whoever records bytes there.
    pub(super) fn believed_of(&self, fresh: Fresh, about: &[Inode]) -> std::time::Duration {
        let until = self.believed(fresh);
        let is_outdated = || self.outdated.any_since(fresh.asked, about.iter().copied());
        if until == NEVER || is_outdated() { NEVER } else { until }
    }

    /// Returns the key of a call about a node that begins now.
    pub(super) fn since_node(&self, node: NodeId) -> Since<NodeId> {
        self.since_about(node, node)
    }

    /// Returns the key of a call about a part of what a node stands for that begins now.
    pub(super) fn since_about<K>(&self, node: NodeId, key: K) -> Since<K> {
        let inode = self.nodes.lock().get(node).map(|known| known.object.inode());
        self.since(inode.map_or(0, |inode| self.outdated.last(inode)), key)
    }

    /// Returns the key of a lookup that begins now.
    pub(super) fn since_name(&self, parent: NodeId, name: &Name) -> Since<(NodeId, Name)> {
        let batch = {
            let nodes = self.nodes.lock();
            nodes.directory(parent).map_or(0, |(above, directory)| {
                let child = directory.child(name).and_then(|named| nodes.get(named.node).ok());
                let child = child.map_or(0, |child| self.outdated.last(child.object.inode()));
                child.max(self.outdated.last(above.object.inode()))
            })
        };
        self.since(batch, (parent, name.clone()))
    }

    /// Returns whether a lookup that began in that batch was answered with what had been asked for
    /// before its object was said to be outdated: nobody knew then which object it was about.
    pub(super) fn is_outdated(
        &self,
        (parent, name): (NodeId, &Name),
        node: NodeId,
        began: u64,
    ) -> bool {
        let nodes = self.nodes.lock();
        let Ok(known) = nodes.get(node) else { return false };
        let named = nodes.directory(parent).ok().and_then(|(_, directory)| directory.child(name));
        let believed = named.is_none_or(|named| named.node != node || named.until != NEVER);
        let last = self.outdated.last(known.object.inode());
        !believed && last > 0 && last <= began
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inode(number: u64) -> Inode {
        Inode::of_child(number).unwrap()
    }

    fn batch(numbers: std::ops::Range<u64>) -> Inodes {
        numbers.map(inode).collect()
    }

    #[test]
    fn an_answer_is_outdated_by_what_is_said_after_it_was_asked_for() {
        let outdated = Outdated::default();
        let before = outdated.now();
        outdated.note(&batch(7..8));
        let after = outdated.now();
        assert!(outdated.any_since(before, [inode(6), inode(7)]));
        assert!(!outdated.any_since(before, [inode(6)]));
        assert!(!outdated.any_since(after, [inode(7)]));
        outdated.note(&batch(8..9));
        assert!(!outdated.any_since(after, [inode(7)]), "that was before");
    }

    #[test]
    fn what_is_remembered_has_an_end_and_what_was_forgotten_is_not_believed() {
        let outdated = Outdated::default();
        let before = outdated.now();
        let half = REMEMBERED as u64;
        outdated.note(&batch(1..half));
        let between = outdated.now();
        for first in 1..40 {
            outdated.note(&batch(first * half + 1..(first + 1) * half));
            let table = outdated.table.lock();
            assert!(table.young.len() + table.old.len() <= 2 * REMEMBERED);
        }
        assert!(outdated.any_since(before, [inode(half * 1_000)]), "that it was not nobody knows");
        assert!(outdated.any_since(between, [inode(half * 1_000)]));
        assert!(!outdated.any_since(outdated.now() - 1, [inode(half * 1_000)]));
        assert!(!outdated.any_since(outdated.now(), [inode(half * 39 + 1)]));
    }
}
