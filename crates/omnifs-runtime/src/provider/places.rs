//! Which inode an instance knows an object by.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use omnifs_vfs::{Inode, Name, Object, ObjectKey};
use parking_lot::Mutex;

/// How many lookups of an instance are remembered until their object is first used.
const RECENT: usize = 32 << 10;

/// The most objects known; beyond it the table starts anew, and objects are walked to again.
const KNOWN: usize = 4_000_000;

/// One instance's table from objects to the inodes that it returned itself.
///
/// A lookup's answer has no object yet: it is remembered by parent and name until an object of
/// that place is used, so that no name is looked up twice. [`Places::forget`] empties the
/// table; the instance that it belongs to is the only other writer.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Held for a step of a few map operations, never across a call.
    tables: Mutex<Tables>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Tables {
    known: HashMap<ObjectKey, u64>,
    recent: Recent,
}

/// Answers by the hash of their place, in two halves: the older is dropped when the newer is
/// full.
#[derive(Debug, Default)]
struct Recent {
    newer: HashMap<u64, u64>,
    older: HashMap<u64, u64>,
}

impl Recent {
    fn remember(&mut self, place: u64, inode: u64) {
        if self.newer.len() >= RECENT / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(place, inode);
    }

    fn take(&mut self, place: u64) -> Option<u64> {
        let newer = self.newer.remove(&place);
        let older = self.older.remove(&place);
        newer.or(older)
    }
}

impl Places {
    /// Returns the inode that the instance returned for `object`, if it did.
    pub(crate) fn inode(&self, object: &Object) -> Option<u64> {
        let Some((parent, name)) = object.place() else {
            return Some(Inode::ROOT.number());
        };
        let mut tables = self.tables.lock();
        if let Some(&inode) = tables.known.get(&object.key()) {
            return Some(inode);
        }
        // Another number than the object's own is an answer about what came to be there later.
        let inode = tables.recent.take(self.place(parent.key(), name))?;
        if inode != object.inode().number() {
            return None;
        }
        tables.learn(object.key(), inode);
        Some(inode)
    }

    /// Remembers what the instance returned for a name.
    pub(crate) fn returned(&self, parent: ObjectKey, name: &Name, inode: Inode) {
        let place = self.place(parent, name);
        self.tables.lock().recent.remember(place, inode.number());
    }

    /// Remembers what the instance returned for an object on the way to another.
    pub(crate) fn walked(&self, object: ObjectKey, inode: Inode) {
        self.tables.lock().learn(object, inode.number());
    }

    /// Drops what is known about an object.
    pub(crate) fn forget(&self, object: ObjectKey) {
        self.tables.lock().forget(object);
    }

    // 64 bits of a keyed hash: a provider cannot aim at a collision.
    fn place(&self, parent: ObjectKey, name: &Name) -> u64 {
        self.hasher.hash_one((parent, name))
    }
}

impl Tables {
    fn learn(&mut self, object: ObjectKey, inode: u64) {
        if self.known.len() >= KNOWN {
            self.known = HashMap::new();
        }
        self.known.insert(object, inode);
    }

    fn forget(&mut self, object: ObjectKey) {
        self.known.remove(&object);
        // Far below a quarter, so that growing and shrinking do not take turns.
        if self.known.capacity() > 1_024 && self.known.len() < self.known.capacity() / 8 {
            self.known.shrink_to(self.known.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_provider(text).unwrap()
    }

    fn object(parent: &Arc<Object>, text: &str, key: u64, inode: u64) -> Arc<Object> {
        let inode = Inode::of_child(inode).unwrap();
        Object::child(parent, name(text), ObjectKey(key), inode)
    }

    #[test]
    fn knows_what_was_returned_and_nothing_else() {
        let places = Places::default();
        let root = Object::root(ObjectKey(0));
        let a = object(&root, "a", 1, 7);
        assert_eq!(places.inode(&root), Some(0));
        assert_eq!(places.inode(&a), None);
        places.returned(root.key(), &name("a"), a.inode());
        assert_eq!(places.inode(&a), Some(7));
        assert_eq!(places.inode(&a), Some(7), "known for good");
        assert_eq!(places.inode(&object(&root, "a", 2, 7)), None, "another object of the place");
        places.forget(a.key());
        assert_eq!(places.inode(&a), None);
    }

    #[test]
    fn an_answer_about_another_object_is_not_taken() {
        let places = Places::default();
        let root = Object::root(ObjectKey(0));
        places.returned(root.key(), &name("a"), Inode::of_child(8).unwrap());
        assert_eq!(places.inode(&object(&root, "a", 1, 7)), None);
    }

    #[test]
    fn a_walk_may_give_another_number() {
        let places = Places::default();
        let a = object(&Object::root(ObjectKey(0)), "a", 1, 7);
        places.walked(a.key(), Inode::of_child(99).unwrap());
        assert_eq!(places.inode(&a), Some(99));
    }

    #[test]
    fn recent_answers_are_bounded() {
        let places = Places::default();
        for number in 1..=(RECENT as u64 * 3) {
            let name = name(&number.to_string());
            places.returned(ObjectKey(0), &name, Inode::of_child(number).unwrap());
        }
        let tables = places.tables.lock();
        let remembered = tables.recent.newer.len() + tables.recent.older.len();
        assert!((RECENT / 2..=RECENT).contains(&remembered), "{remembered}");
    }

    #[test]
    fn forgetting_gives_memory_back() {
        let places = Places::default();
        for key in 0..100_000 {
            places.walked(ObjectKey(key), Inode::of_child(key + 1).unwrap());
        }
        for key in 0..99_990 {
            places.forget(ObjectKey(key));
        }
        let tables = places.tables.lock();
        assert_eq!(tables.known.len(), 10);
        assert!(tables.known.capacity() <= 2_048, "{}", tables.known.capacity());
    }
}
