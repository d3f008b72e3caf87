//! The index: where the newest record of each key is.

use hashbrown::HashTable;

use super::record::{HEADER, Key};
use super::segment::Placed;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) segment: u32,
    pub(super) offset: u32,
    /// How long its payload is.
    pub(super) length: u32,
}

impl Location {
    /// Returns how long the record is, header and all.
    pub(super) fn size(&self) -> usize {
        HEADER as usize + self.length as usize
    }
}

/// What the index knows of a key: 24 bytes, as a cache may have a million of them. The key
/// itself is in the record, whose reader compares it.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    location: Location,
    /// Whether it was read since it was written.
    used: bool,
}

/// The newest records by their keys.
#[derive(Debug, Default)]
pub(super) struct Index(HashTable<Slot>);

/// Keys are digests: half of one is a hash already, and two that collide are a miss of one.
fn hash(key: Key) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.id;
    let spread = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(key.kind as u8));
    u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ spread
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns where the record is, and remembers that it was wanted.
    pub(super) fn find(&mut self, key: Key) -> Option<Location> {
        let hash = hash(key);
        let slot = self.0.find_mut(hash, |slot| slot.hash == hash)?;
        slot.used = true;
        Some(slot.location)
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        let hash = hash(key);
        self.0.find(hash, |slot| slot.hash == hash).is_some()
    }

    /// Takes in the newest record of a key, or that there is none any more.
    pub(super) fn apply(&mut self, segment: u32, record: &Placed) {
        if record.gone {
            self.remove(record.key);
            return;
        }
        let location = Location { segment, offset: record.offset, length: record.length };
        let (hash, used) = (hash(record.key), false);
        match self.0.find_mut(hash, |slot| slot.hash == hash) {
            Some(slot) => *slot = Slot { hash, location, used },
            None => {
                let slot = Slot { hash, location, used };
                self.0.insert_unique(hash, slot, |slot| slot.hash);
            }
        }
    }

    pub(super) fn remove(&mut self, key: Key) {
        let hash = hash(key);
        if let Ok(entry) = self.0.find_entry(hash, |slot| slot.hash == hash) {
            entry.remove();
        }
    }

    /// Removes a key if its record is still there.
    pub(super) fn remove_at(&mut self, key: Key, location: Location) {
        let hash = hash(key);
        let here = |slot: &Slot| slot.hash == hash && slot.location == location;
        if let Ok(entry) = self.0.find_entry(hash, here) {
            entry.remove();
        }
    }

    /// Removes everything that is in a segment; returns what of it was used since it was written.
    pub(super) fn leave(&mut self, segment: u32) -> Vec<Location> {
        let mut used = Vec::new();
        self.0.retain(|slot| {
            if slot.location.segment != segment {
                return true;
            }
            if slot.used {
                used.push(slot.location);
            }
            false
        });
        self.shrink();
        used.sort_unstable_by_key(|location| location.offset);
        used
    }

    pub(super) fn clear(&mut self) {
        self.0 = HashTable::new();
    }

    /// Gives memory back when most has been removed.
    fn shrink(&mut self) {
        if self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to(self.0.len() * 2, |slot| slot.hash);
        }
    }
}
