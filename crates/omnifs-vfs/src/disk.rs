//! The disk cache: what sources answered, in files that outlive the process.
//!
//! It is a log. Records are appended to segments, and an index in memory knows the newest one of
//! each key; what falls out of the budget is the oldest segment, but for what of it was read since
//! it was written. Nothing is ever changed in place, so a process that is killed leaves at most
//! one record that is not whole. Each record carries digests of itself and of whose cache it is:
//! whatever a disk makes of it, it comes back as it was written or not at all. A cache that cannot
//! be read or written is as good as none.

mod directory;
mod index;
mod queue;
mod record;
mod segment;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};

use crate::digest::{Digest, PathKey, short};
use directory::Directory;
use queue::Order;
use record::Header;
pub(crate) use record::{Key, Kind};
use store::Store;
use writer::Writer;

/// Why a directory cannot be a cache.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process uses it.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It is another user's.
    #[error("{} belongs to the user with id {owner}", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The user's id.
        owner: u32,
    },
    /// As the file system has it.
    #[error("{}: {error}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the file system says.
        error: io::Error,
    },
}

/// Whose answers a cache holds. What two sources with different identities say is never mixed,
/// not even one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity([u8; 16]);

impl Identity {
    /// Returns the identity of all that can make a difference to an answer: the component, what
    /// it is granted, how it is configured.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(short(&hasher))
    }

    fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a cache holds and did, for `omnifs cache stats`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskStatistics {
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that it may have.
    pub budget: u64,
    /// Records that can be found.
    pub records: u64,
    /// Records that were looked for and found.
    pub hits: u64,
    /// Records that were looked for and not found.
    pub misses: u64,
    /// Records that were found and were not as they had been written.
    pub damaged: u64,
    /// Records that were not kept, as the disk was slower than they came, or full.
    pub dropped: u64,
    /// Why nothing can be written at the moment.
    pub trouble: Option<String>,
}

/// A cache in a directory, as one source may use it. Clones are the same cache.
#[derive(Clone)]
pub struct Disk {
    owner: Arc<Owner>,
    /// The source's turn; once another one has the cache, this one has none.
    generation: u64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.owner.store.directory.path();
        f.debug_struct("Disk").field("path", &path).finish_non_exhaustive()
    }
}

/// The store, and the thread that writes it.
struct Owner {
    store: Arc<Store>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.store.queue.close();
        if let Some(writer) = self.writer.lock().take() {
            // A writer that panicked has nothing more to write.
            let _ = writer.join();
        }
    }
}

/// Returns so many bytes of a file from `offset` on, in memory that was not cleared before: for long
/// parts that would take longer than reading them.
///
/// # Errors
/// As the file system has it, and [`io::ErrorKind::UnexpectedEof`] when the file is shorter.
pub fn read_back(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        if retry_on_intr(|| pread(file, spare_capacity(&mut bytes), at))? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // There may be more room than was asked for.
    bytes.truncate(length);
    Ok(bytes)
}

impl Disk {
    /// Opens the cache in `directory`, which is made when it is missing, and lets it grow to
    /// `budget` bytes. What is in it for another identity is removed.
    ///
    /// # Errors
    /// [`DiskError`] when the directory cannot be used.
    pub fn open(directory: &Path, identity: Identity, budget: u64) -> Result<Self, DiskError> {
        let failed = |error| DiskError::Io { path: directory.to_path_buf(), error };
        let opened = Directory::open(directory)?;
        let (store, active, next) = Store::open(opened, identity, budget)?;
        let writer = Writer::new(Arc::clone(&store), active, next);
        let thread = std::thread::Builder::new().name("omnifs-cache".to_owned());
        let writer = thread.spawn(move || writer.run()).map_err(failed)?;
        let owner = Owner { store, writer: Mutex::new(Some(writer)) };
        Ok(Self { owner: Arc::new(owner), generation: 0 })
    }

    /// Removes all that is kept in a directory, for whomever, and returns how many bytes that were.
    ///
    /// # Errors
    /// [`DiskError`] when it cannot be used; it is no error when it is not there.
    pub fn remove_from(directory: &Path) -> Result<u64, DiskError> {
        if !directory.exists() {
            return Ok(0);
        }
        let opened = Directory::open(directory)?;
        segment::remove_all(&opened)
            .map_err(|error| DiskError::Io { path: directory.to_path_buf(), error })
    }

    /// Returns how many bytes are kept in a directory, for whomever.
    ///
    /// # Errors
    /// As the file system has it; it is no error when it is not there.
    pub fn size_in(directory: &Path) -> io::Result<u64> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut size = 0;
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(segment::is_part) {
                size += entry.metadata()?.len();
            }
        }
        Ok(size)
    }

    /// Returns the same cache for the source that comes after this one. If its identity is
    /// another one nothing of what is there is kept, and what this one still says is not either.
    pub fn succeed(&self, identity: Identity, budget: u64) -> Self {
        let store = &self.owner.store;
        let generation = {
            let mut state = store.state.lock();
            state.budget = budget;
            if state.next_identity == identity {
                state.generation
            } else {
                state.next_identity = identity;
                state.clearing += 1;
                state.generation += 1;
                store.queue.put(Order::Clear(identity));
                state.generation
            }
        };
        Self { owner: Arc::clone(&self.owner), generation }
    }

    /// Removes everything that is in it.
    pub fn clear(&self) {
        let store = &self.owner.store;
        let mut state = store.state.lock();
        state.clearing += 1;
        store.queue.put(Order::Clear(state.next_identity));
    }

    /// Waits until all that was put in is written, but not longer than `limit`.
    pub fn flush(&self, limit: Duration) {
        self.owner.store.queue.flush(limit);
    }

    /// Returns what it holds and did.
    pub fn statistics(&self) -> DiskStatistics {
        let store = &self.owner.store;
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let state = store.state.lock();
        DiskStatistics {
            bytes: state.used(),
            budget: state.budget,
            records: state.index.len() as u64,
            hits: count(&store.counts.hits),
            misses: count(&store.counts.misses),
            damaged: count(&store.counts.damaged),
            dropped: count(&store.counts.dropped),
            trouble: state.trouble.clone(),
        }
    }

    /// Returns the newest record of `key`, and its place in the order of all records.
    pub(crate) async fn read(&self, key: Key) -> Option<(u64, Bytes)> {
        let lead = self.owner.store.lead(key, self.generation)?;
        self.owner.store.follow(lead).await
    }

    /// Has a record written that takes the place of an older one of its key.
    pub(crate) fn put(&self, key: Key, payload: Bytes) {
        let digest = Digest::of(&payload);
        self.append(key, payload, digest);
    }

    /// Has the bytes of a version written, unless they are there.
    pub(crate) fn put_content(&self, digest: Digest, bytes: Bytes) {
        let key = Key::content(digest);
        if !self.has(key) {
            self.append(key, bytes, digest);
        }
    }

    /// Returns how many bytes it may have.
    pub(crate) fn budget(&self) -> u64 {
        self.owner.store.state.lock().budget
    }

    /// Returns whether a record of so many bytes is let in, before it costs anything. One that is
    /// not is counted as dropped.
    pub(crate) fn admits(&self, bytes: u64) -> bool {
        let store = &self.owner.store;
        let admits = store.queue.has_room(bytes);
        if !admits {
            store.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        admits
    }

    /// Removes the record of `key`, if there is one or may be one soon.
    pub(crate) fn remove(&self, key: Key) {
        if self.has(key) || !self.owner.store.queue.is_done() {
            let sequence = self.owner.store.next_sequence();
            let digest = Digest::of(&[]);
            let gone = Header { key, gone: true, length: 0, sequence, digest };
            self.enqueue(gone, Bytes::new());
        }
    }

    /// Believes nothing any more that is recorded of `top` and of what is below it.
    pub(crate) fn expire(&self, top: PathKey) {
        let store = &self.owner.store;
        let sequence = store.next_sequence();
        let mut state = store.state.lock();
        if state.generation == self.generation {
            state.expire(top, sequence);
            drop(state);
            self.enqueue(store::expiry(top, sequence), Bytes::new());
        }
    }

    /// Returns whether a record of this place in the order is believed of what lies on `way`: the
    /// path itself and all above it.
    pub(crate) fn believes(&self, sequence: u64, way: impl FnOnce() -> Vec<PathKey>) -> bool {
        let state = self.owner.store.state.lock();
        if state.expired.is_empty() {
            return true;
        }
        let expired = |at: &PathKey| state.expired.get(at).is_some_and(|since| sequence < *since);
        !way().iter().any(expired)
    }

    /// Returns whether there is a record of `key`, believed or not.
    pub(crate) fn has(&self, key: Key) -> bool {
        let state = self.owner.store.state.lock();
        state.generation == self.generation && state.clearing == 0 && state.index.contains(key)
    }

    fn append(&self, key: Key, payload: Bytes, digest: Digest) {
        let Ok(length) = u32::try_from(payload.len()) else { return };
        let sequence = self.owner.store.next_sequence();
        self.enqueue(Header { key, gone: false, length, sequence, digest }, payload);
    }

    fn enqueue(&self, header: Header, payload: Bytes) {
        let store = &self.owner.store;
        // Held meanwhile, so that nothing of one identity comes in behind the next one's begin.
        let state = store.state.lock();
        let ours = state.generation == self.generation;
        if ours && !store.queue.put(Order::Put(header, payload)) {
            store.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
