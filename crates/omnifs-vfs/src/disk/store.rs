//! What the writer and everybody who reads have in common.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::io::ReadWriteFlags;

use super::directory::Directory;
use super::index::{Index, Location};
use super::queue::Queue;
use super::record::{self, Header, Key, Kind};
use super::segment::{self, Found, Placed, Segment};
use super::writer::Active;
use super::{DiskError, Identity, read_back};
use crate::digest::{Digest, PathKey};

/// From this size on a record is read on a thread that may wait, whether it has to or not:
/// checking it takes time as well.
const READ_ASIDE: usize = 256 << 10;

/// How many paths are remembered that are not believed; with more of them nothing is.
pub(super) const EXPIRED_MAX: usize = 256;

/// How many bytes of the budget pay for one record in the index, which costs memory.
const BYTES_A_RECORD: u64 = 1_024;

/// A segment and how much of it is written.
pub(super) struct Stored {
    pub(super) segment: Arc<Segment>,
    pub(super) size: u64,
}

/// What is where.
pub(super) struct State {
    /// Whose the records are that can be found.
    pub(super) identity: Identity,
    /// Whose they will be once all that was ordered is done.
    pub(super) next_identity: Identity,
    /// Which of the identities it is that this store had.
    pub(super) generation: u64,
    /// How many removals of everything are under way: until they are done there is nothing.
    pub(super) clearing: u32,
    pub(super) index: Index,
    pub(super) segments: BTreeMap<u32, Stored>,
    /// Paths of which nothing is believed that was recorded before.
    pub(super) expired: HashMap<PathKey, u64>,
    pub(super) budget: u64,
    /// Why nothing can be written.
    pub(super) trouble: Option<String>,
}

impl State {
    /// Takes in a record that is in a segment.
    pub(super) fn apply(&mut self, segment: u32, record: &Placed) {
        if record.key.kind == Kind::Expired {
            self.expire(PathKey::from_bytes(record.key.id), record.sequence);
        } else {
            self.index.apply(segment, record);
        }
    }

    pub(super) fn expire(&mut self, top: PathKey, sequence: u64) {
        if self.expired.len() >= EXPIRED_MAX && !self.expired.contains_key(&top) {
            let newest = self.expired.values().copied().max().unwrap_or_default();
            self.expired = HashMap::from([(PathKey::ROOT, newest.max(sequence))]);
            return;
        }
        let known = self.expired.entry(top).or_default();
        *known = sequence.max(*known);
    }

    pub(super) fn used(&self) -> u64 {
        self.segments.values().map(|stored| stored.size).sum()
    }
}

/// Counts for `omnifs cache stats`.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) damaged: AtomicU64,
    pub(super) dropped: AtomicU64,
}

pub(super) struct Store {
    pub(super) directory: Directory,
    /// Held for a look or a change, never while a file is read or a record written.
    pub(super) state: Mutex<State>,
    pub(super) queue: Queue,
    pub(super) counts: Counts,
    /// The number of the next record.
    pub(super) sequence: AtomicU64,
}

/// Where a record is, and what it is checked against.
pub(super) struct Lead {
    segment: Arc<Segment>,
    location: Location,
    identity: Identity,
    key: Key,
}

impl Store {
    /// Opens what a directory holds for `identity`, and removes what it holds for others.
    /// Returns it with the segment to go on with, if there is one, and the number of the next.
    pub(super) fn open(
        directory: Directory,
        identity: Identity,
        budget: u64,
    ) -> Result<(Arc<Self>, Option<Active>, u32), DiskError> {
        let path = directory.path().to_path_buf();
        let failed = |error: io::Error| DiskError::Io { path: path.clone(), error };
        let mut numbers: Vec<u32> = Vec::new();
        for name in directory.names().map_err(failed)? {
            numbers.extend(segment::number(&name));
        }
        numbers.sort_unstable();
        let mut state = State {
            identity,
            next_identity: identity,
            generation: 0,
            clearing: 0,
            index: Index::default(),
            segments: BTreeMap::new(),
            expired: HashMap::new(),
            budget,
            trouble: None,
        };
        let (mut sequence, mut active) = (0, None);
        for number in &numbers {
            // What cannot be read is as good as nothing.
            let Ok(Some(found)) = Segment::open(&directory, *number, &identity) else {
                segment::remove(&directory, *number);
                continue;
            };
            let Found { segment, records, end, sealed } = found;
            for record in &records {
                sequence = record.sequence.max(sequence);
                state.apply(*number, record);
            }
            let segment = Arc::new(segment);
            state.segments.insert(*number, Stored { segment: Arc::clone(&segment), size: end });
            active = (!sealed).then_some(Active { segment, tail: end });
            if let Some(Active { segment, tail }) = &active {
                // What a record of that the process did not end is overwritten by the next one.
                segment.file.set_len(*tail).map_err(failed)?;
            }
        }
        let next = numbers.last().map_or(0, |last| last.wrapping_add(1));
        let (state, queue) = (Mutex::new(state), Queue::default());
        let sequence = AtomicU64::new(sequence + 1);
        let store = Self { directory, state, queue, counts: Counts::default(), sequence };
        Ok((Arc::new(store), active, next))
    }

    /// Returns whether `bytes` and `records` more are over the budget.
    pub(super) fn is_over(&self, bytes: u64, records: usize, budget: u64) -> bool {
        let state = self.state.lock();
        let records = (state.index.len() + records) as u64;
        state.used() + bytes > budget || records > budget / BYTES_A_RECORD
    }

    /// Returns the records that say what is not believed.
    pub(super) fn expiries(&self) -> Vec<(Header, Bytes)> {
        let state = self.state.lock();
        let expired = state.expired.iter();
        expired.map(|(top, sequence)| (expiry(*top, *sequence), Bytes::new())).collect()
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns where the newest record of `key` is, as `generation` sees it.
    pub(super) fn lead(&self, key: Key, generation: u64) -> Option<Lead> {
        let mut state = self.state.lock();
        if state.generation != generation || state.clearing > 0 {
            return None;
        }
        let found = state.index.find(key);
        let count = if found.is_some() { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Ordering::Relaxed);
        let location = found?;
        let segment = Arc::clone(&state.segments.get(&location.segment)?.segment);
        Some(Lead { segment, location, identity: state.identity, key })
    }

    /// Reads a record, and forgets it when it is not as it was written.
    pub(super) async fn follow(&self, lead: Lead) -> Option<(u64, Bytes)> {
        let (key, location) = (lead.key, lead.location);
        let found = match lead.at_hand() {
            Some(bytes) => lead.open(bytes),
            None => {
                let read = move || lead.open(lead.wait()?);
                tokio::task::spawn_blocking(read).await.ok().flatten()
            }
        };
        if found.is_none() {
            self.counts.damaged.fetch_add(1, Ordering::Relaxed);
            self.state.lock().index.remove_at(key, location);
            let path = self.directory.path().display();
            tracing::debug!(%path, kind = ?key.kind, "a record is damaged; it is fetched again");
        }
        found
    }
}

impl Lead {
    /// Reads the record if that takes no waiting for the disk.
    fn at_hand(&self) -> Option<Vec<u8>> {
        let size = self.location.size();
        if size > READ_ASIDE {
            return None;
        }
        let mut bytes = vec![0; size];
        let buffers = &mut [io::IoSliceMut::new(&mut bytes)];
        let offset = u64::from(self.location.offset);
        let read =
            rustix::io::preadv2(self.segment.file.as_fd(), buffers, offset, ReadWriteFlags::NOWAIT);
        (read == Ok(size)).then_some(bytes)
    }

    fn wait(&self) -> Option<Vec<u8>> {
        let Self { segment, location, .. } = self;
        read_back(&segment.file, location.offset.into(), location.size() as u64).ok()
    }

    fn open(&self, bytes: Vec<u8>) -> Option<(u64, Bytes)> {
        record::open(bytes.into(), self.key, &self.identity)
    }
}

/// Returns the record that says that nothing before it is believed of `top` and what is below.
pub(super) fn expiry(top: PathKey, sequence: u64) -> Header {
    let key = Key { kind: Kind::Expired, id: top.to_bytes() };
    Header { key, gone: false, length: 0, sequence, digest: Digest::of(&[]) }
}
