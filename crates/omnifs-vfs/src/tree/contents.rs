//! What is kept in memory of files and listings, within a budget.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::NEVER;
use super::listing::Listing;
use super::outdated::Inodes;
use crate::digest::{Digest, PathKey};
use crate::{Blob, Content, Inode, Made, NodeId, Timestamp};

/// The newest version of a file that was read under a path.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) inode: Inode,
    pub(crate) digest: Digest,
    pub(crate) content: Content,
    pub(crate) size: u64,
    /// When these bytes were first seen.
    pub(crate) modified: Timestamp,
    /// Until when they are fresh, on the tree's monotonic clock.
    pub(crate) until: Duration,
    /// When they were fetched, on that clock.
    pub(crate) fetched: Duration,
    /// The digest of what the source calls this version, if it has a name.
    pub(crate) told: Option<Digest>,
    /// Whether something failed while they were made.
    pub(crate) partial: bool,
    /// How they came about.
    pub(crate) made: Option<Arc<Made>>,
}

impl Body {
    /// Returns whether the bytes lie outside of memory.
    pub(crate) fn is_blob(&self) -> bool {
        matches!(self.content, Content::Blob(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    File(PathKey),
    Listing(PathKey),
    /// A version that its path no longer has.
    Old(NodeId),
}

enum Value {
    /// The newest version, and the node that last stood for it.
    File(Body, NodeId),
    /// A listing, and the number of its directory.
    Listing(Arc<Listing>, Inode),
    Old(Content, u64),
}

impl Value {
    /// Returns its bytes in memory, and those that lie outside of it.
    fn weight(&self) -> Weight {
        let of = |content: &Content, size| match content.memory() {
            0 => Weight { memory: 0, outside: size },
            memory => Weight { memory, outside: 0 },
        };
        match self {
            Self::File(body, _) => {
                let Weight { memory, outside } = of(&body.content, body.size);
                let made = body.made.as_ref().map_or(0, |made| made.weight());
                Weight { memory: memory + made, outside }
            }
            Self::Listing(listing, _) => Weight { memory: listing.weight(), outside: 0 },
            Self::Old(content, size) => of(content, *size),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    memory: u64,
    outside: u64,
}

/// Who is evicted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Nobody outside knows it: a request can fetch it again.
    Idle,
    /// A node that the kernel knows stands for these bytes.
    Known,
    /// The kernel knows it and it cannot be fetched again.
    Irreplaceable,
}

struct Slot {
    value: Value,
    rank: Rank,
    /// When it was last used, counted in uses of the cache.
    used: u64,
    weight: Weight,
}

/// A bounded cache, least recently used first out within each [`Rank`].
///
/// One slot always fits, however large: a file over the budget is still read once and not
/// once per request.
pub(crate) struct Contents {
    slots: HashMap<Key, Slot>,
    order: BTreeMap<(Rank, u64), Key>,
    uses: u64,
    used: Weight,
    budget: Weight,
}

/// What a slot costs besides its bytes.
const SLOT_WEIGHT: u64 = 200;

impl Contents {
    /// Returns an empty cache that may use so many bytes of memory, and outside of it.
    pub(crate) fn new(memory: u64, outside: u64) -> Self {
        let (used, budget) = (Weight::default(), Weight { memory, outside });
        Self { slots: HashMap::new(), order: BTreeMap::new(), uses: 0, used, budget }
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.memory
    }

    /// Returns the bytes in use outside of memory.
    pub(crate) fn outside(&self) -> u64 {
        self.used.outside
    }

    /// Sets how many bytes may be in use, of memory and outside of it.
    pub(crate) fn set_budget(&mut self, memory: u64, outside: u64) {
        self.budget = Weight { memory, outside };
        self.shrink(None);
    }

    /// Takes the freshness of every version away, and drops all listings.
    pub(crate) fn expire(&mut self) {
        let mut listings = Vec::new();
        for (key, slot) in &mut self.slots {
            match &mut slot.value {
                Value::File(body, _) => body.until = NEVER,
                Value::Listing(..) => listings.push(*key),
                Value::Old(..) => {}
            }
        }
        listings.into_iter().for_each(|key| self.remove(key));
    }

    /// Takes the freshness of the versions of these objects away, and drops their listings and those
    /// that tell of them.
    pub(super) fn expire_these(&mut self, outdated: &Inodes) {
        let mut listings = Vec::new();
        for (key, slot) in &mut self.slots {
            match &mut slot.value {
                Value::File(body, _) if outdated.contains(&body.inode) => body.until = NEVER,
                Value::Listing(listing, directory) => {
                    let mut objects = listing.objects().chain([*directory]);
                    if objects.any(|inode| outdated.contains(&inode)) {
                        listings.push(*key);
                    }
                }
                Value::File(..) | Value::Old(..) => {}
            }
        }
        listings.into_iter().for_each(|key| self.remove(key));
    }

    /// Drops everything that nobody outside knows.
    pub(crate) fn drop_idle(&mut self) {
        let idle: Vec<Key> = self.order.range(..(Rank::Known, 0)).map(|(_, key)| *key).collect();
        idle.into_iter().for_each(|key| self.remove(key));
    }

    /// Returns the newest version under `path`.
    pub(crate) fn body(&mut self, path: PathKey) -> Option<Body> {
        match self.touch(Key::File(path), None)? {
            Value::File(body, _) => Some(body.clone()),
            Value::Listing(..) | Value::Old(..) => None,
        }
    }

    /// Returns the bytes of the version `digest` that `node` stands for.
    pub(crate) fn bytes(&mut self, node: NodeId, path: PathKey, digest: Digest) -> Option<Content> {
        if let Some(Value::File(body, user)) = self.touch(Key::File(path), Some(Rank::Known))
            && body.digest == digest
        {
            *user = node;
            return Some(body.content.clone());
        }
        match self.touch(Key::Old(node), None)? {
            Value::Old(content, _) => Some(content.clone()),
            Value::File(..) | Value::Listing(..) => None,
        }
    }

    /// Returns the body outside of memory that the source calls by a name with this digest, for a
    /// node that stands for it.
    pub(crate) fn promised(
        &mut self,
        node: NodeId,
        path: PathKey,
        told: Digest,
    ) -> Option<Content> {
        let Value::File(body, user) = self.touch(Key::File(path), None)? else { return None };
        if body.told != Some(told) || !body.is_blob() {
            return None;
        }
        *user = node;
        let content = body.content.clone();
        self.touch(Key::File(path), Some(Rank::Known));
        Some(content)
    }

    /// Puts the newest version under `path`; `node` stands for it. Another version that the
    /// kernel still knows a node of is kept for that node.
    pub(crate) fn put_body(&mut self, path: PathKey, node: NodeId, body: Body) {
        self.save_old(path, &body);
        self.put(Key::File(path), Value::File(body, node), Rank::Known);
    }

    /// Puts the newest version under `path`, for which no node stands yet: the source gave its bytes
    /// with something else.
    pub(crate) fn put_unclaimed(&mut self, path: PathKey, body: Body) {
        if let Some(Value::File(known, _)) = self.touch(Key::File(path), None)
            && known.digest == body.digest
        {
            let (modified, until) = (known.modified, known.until.max(body.until));
            *known = Body { modified, until, ..body };
            return;
        }
        self.save_old(path, &body);
        // Node ids begin with 1.
        self.put(Key::File(path), Value::File(body, NodeId(0)), Rank::Idle);
    }

    /// Lets the bytes under `path` be fresh until then, if they are this version of the source's.
    pub(crate) fn renew(&mut self, path: PathKey, told: Digest, until: Duration) -> Option<Body> {
        match self.touch(Key::File(path), None)? {
            Value::File(body, _) if body.told == Some(told) => {
                body.until = body.until.max(until);
                Some(body.clone())
            }
            Value::File(..) | Value::Listing(..) | Value::Old(..) => None,
        }
    }

    /// Keeps the version under `path` for the node that the kernel knows of it, when `body` is
    /// another one.
    fn save_old(&mut self, path: PathKey, body: &Body) {
        if let Some(Slot { value: Value::File(old, user), rank: Rank::Known, .. }) =
            self.slots.get(&Key::File(path))
            && old.digest != body.digest
        {
            let (user, content, size) = (*user, old.content.clone(), old.size);
            self.put(Key::Old(user), Value::Old(content, size), Rank::Irreplaceable);
        }
    }

    /// Puts the bytes of a version that `node` stands for and its path no longer has.
    pub(crate) fn put_old(&mut self, node: NodeId, bytes: Bytes) {
        let size = bytes.len() as u64;
        self.put(Key::Old(node), Value::Old(Content::Bytes(bytes), size), Rank::Known);
    }

    /// Drops a body that turned out to be none: what is asked for next is asked for anew.
    pub(crate) fn drop_blob(&mut self, node: NodeId, path: PathKey, broken: &Arc<dyn Blob>) {
        let is_it =
            |content: &Content| matches!(content, Content::Blob(own) if Arc::ptr_eq(own, broken));
        for key in [Key::File(path), Key::Old(node)] {
            let broken = self.slots.get(&key).is_some_and(|slot| match &slot.value {
                Value::File(body, _) => is_it(&body.content),
                Value::Old(content, _) => is_it(content),
                Value::Listing(..) => false,
            });
            if broken {
                self.remove(key);
            }
        }
    }

    /// Returns the newest listing of the directory under `path`.
    pub(crate) fn listing(&mut self, path: PathKey) -> Option<Arc<Listing>> {
        match self.touch(Key::Listing(path), None)? {
            Value::Listing(listing, _) => Some(Arc::clone(listing)),
            Value::File(..) | Value::Old(..) => None,
        }
    }

    /// Puts the newest listing of the directory under `path`.
    pub(crate) fn put_listing(&mut self, path: PathKey, directory: Inode, listing: Arc<Listing>) {
        self.put(Key::Listing(path), Value::Listing(listing, directory), Rank::Idle);
    }

    /// Says that the kernel no longer knows `node`, which stood for the file at `path`.
    pub(crate) fn node_forgotten(&mut self, node: NodeId, path: PathKey) {
        self.remove(Key::Old(node));
        let user = match self.slots.get(&Key::File(path)).map(|slot| &slot.value) {
            Some(Value::File(_, user)) => *user,
            _ => return,
        };
        if user == node {
            self.touch(Key::File(path), Some(Rank::Idle));
        }
    }

    fn put(&mut self, key: Key, value: Value, rank: Rank) {
        self.remove(key);
        self.uses += 1;
        let Weight { memory, outside } = value.weight();
        let weight = Weight { memory: memory + SLOT_WEIGHT, outside };
        self.used.memory += weight.memory;
        self.used.outside += outside;
        self.order.insert((rank, self.uses), key);
        self.slots.insert(key, Slot { value, rank, used: self.uses, weight });
        self.shrink(Some(key));
    }

    /// Evicts until the budget is kept, but neither `newest` nor the last slot.
    fn shrink(&mut self, newest: Option<Key>) {
        while self.slots.len() > 1 {
            let outside = self.used.outside > self.budget.outside;
            let memory = self.used.memory > self.budget.memory;
            // What lies in memory makes no room outside of it.
            let outside = outside.then(|| self.victim(newest, |weight| weight.outside > 0));
            let memory = || memory.then(|| self.victim(newest, |_| true)).flatten();
            match outside.flatten().or_else(memory) {
                Some(victim) => self.remove(victim),
                None => return,
            }
        }
    }

    /// Returns which slot goes first, of those that are of use.
    fn victim(&self, newest: Option<Key>, is_of_use: impl Fn(Weight) -> bool) -> Option<Key> {
        let is_it = |key: &&Key| {
            let slot = self.slots.get(*key).filter(|slot| is_of_use(slot.weight));
            Some(**key) != newest && slot.is_some()
        };
        self.order.values().find(is_it).copied()
    }

    /// Marks a slot as just used and gives it `rank`, if one is named.
    fn touch(&mut self, key: Key, rank: Option<Rank>) -> Option<&mut Value> {
        let slot = self.slots.get_mut(&key)?;
        self.order.remove(&(slot.rank, slot.used));
        self.uses += 1;
        slot.used = self.uses;
        slot.rank = rank.unwrap_or(slot.rank);
        self.order.insert((slot.rank, slot.used), key);
        Some(&mut slot.value)
    }

    fn remove(&mut self, key: Key) {
        if let Some(slot) = self.slots.remove(&key) {
            self.order.remove(&(slot.rank, slot.used));
            self.used.memory -= slot.weight.memory;
            self.used.outside -= slot.weight.outside;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    fn path(name: &str) -> PathKey {
        PathKey::ROOT.child(&Name::from_provider(name).unwrap())
    }

    fn body(text: &'static [u8]) -> Body {
        Body {
            inode: Inode::of_child(1).unwrap(),
            digest: Digest::of(text),
            content: Content::from(text),
            size: text.len() as u64,
            modified: Timestamp { seconds: 0, nanoseconds: 0 },
            until: Duration::ZERO,
            fetched: Duration::ZERO,
            told: None,
            partial: false,
            made: None,
        }
    }

    const ROOM_FOR_TWO: u64 = 2 * (SLOT_WEIGHT + 10);

    #[test]
    fn what_the_kernel_knows_is_evicted_last() {
        let mut contents = Contents::new(ROOM_FOR_TWO, 0);
        contents.put_body(path("a"), NodeId(2), body(b"aaaaaaaaaa"));
        contents.put_body(path("b"), NodeId(3), body(b"bbbbbbbbbb"));
        contents.node_forgotten(NodeId(3), path("b"));
        contents.put_body(path("c"), NodeId(4), body(b"cccccccccc"));
        assert!(contents.body(path("a")).is_some());
        assert!(contents.body(path("b")).is_none(), "younger, but nobody knows it");
        assert_eq!(contents.used(), ROOM_FOR_TWO);
    }

    #[test]
    fn an_old_version_outlives_its_path_until_it_is_forgotten() {
        let mut contents = Contents::new(1 << 20, 0);
        let digest = Digest::of(b"old");
        contents.put_body(path("a"), NodeId(2), body(b"old"));
        contents.put_body(path("a"), NodeId(3), body(b"new"));
        assert_eq!(contents.bytes(NodeId(2), path("a"), digest), Some(Content::from("old")));
        contents.node_forgotten(NodeId(2), path("a"));
        assert!(contents.bytes(NodeId(2), path("a"), digest).is_none());
        assert_eq!(contents.body(path("a")).unwrap().content, Content::from("new"));
    }

    #[test]
    fn one_slot_fits_however_large_and_the_sum_is_exact() {
        let mut contents = Contents::new(4, 0);
        contents.put_body(path("a"), NodeId(2), body(b"aaaaaaaaaa"));
        contents.put_body(path("b"), NodeId(3), body(b"bbbbbbbbbb"));
        assert!(contents.body(path("a")).is_none());
        assert!(contents.body(path("b")).is_some());
        contents.remove(Key::File(path("b")));
        assert_eq!((contents.used(), contents.order.len()), (0, 0));
    }
}
