//! Nodes by their ids.

use hashbrown::HashTable;

use super::{Node, too_large};
use crate::NodeId;

/// A hash table whose entries know their own keys: a map would keep each id twice. Nodes are
/// boxed, because a table that has just grown is half empty.
pub(super) struct Table(HashTable<Box<Node>>);

impl Table {
    /// Returns a table of one node.
    pub(super) fn with(node: Node) -> Self {
        let mut table = Self(HashTable::new());
        table.insert(node);
        table
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        self.0.find(hash(id), |node| node.id() == id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.0.find_mut(hash(id), |node| node.id() == id).map(Box::as_mut)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.0.iter().map(Box::as_ref)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.0.iter_mut().map(Box::as_mut)
    }

    /// Adds a node whose id is not in it.
    pub(super) fn insert(&mut self, node: Node) {
        let _entry = self.0.insert_unique(hash(node.id()), Box::new(node), |node| hash(node.id()));
    }

    pub(super) fn remove(&mut self, id: NodeId) -> Option<Node> {
        let entry = self.0.find_entry(hash(id), |node| node.id() == id).ok()?;
        let (node, _) = entry.remove();
        if let Some(capacity) = too_large(self.0.capacity(), self.0.len()) {
            self.0.shrink_to(capacity, |node| hash(node.id()));
        }
        Some(*node)
    }
}

/// Ids are the host's own numbers: nobody can choose them so that they collide.
fn hash(id: NodeId) -> u64 {
    // 2^64 divided by the golden ratio spreads what counts up over all bits.
    id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
