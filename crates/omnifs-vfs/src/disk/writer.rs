//! The writer: the one thread that changes the files.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Identity;
use super::directory;
use super::queue::Order;
use super::record::{HEADER, Header};
use super::segment::{self, Placed, START, Segment};
use super::store::{Store, Stored};

/// How much is written at a time; a payload from this size on is written by itself.
const BATCH: usize = 256 << 10;

/// How long nothing is written after writing failed.
const PAUSE: Duration = Duration::from_secs(30);

/// The part of the budget that one segment takes.
const SEGMENTS: u64 = 32;

/// How large a segment may be for one record that is larger than a segment.
const RECORD_SHARE: u64 = 4;

/// The part of a segment that may outlive it.
const SURVIVORS: u64 = 4;

/// The segment that is appended to.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    /// Where the next record begins.
    pub(super) tail: u64,
}

pub(super) struct Writer {
    store: Arc<Store>,
    active: Option<Active>,
    next: u32,
    /// Records that are not written yet, and where they will be.
    batch: Vec<u8>,
    placed: Vec<Placed>,
    paused: Option<Instant>,
}

impl Writer {
    pub(super) fn new(store: Arc<Store>, active: Option<Active>, next: u32) -> Self {
        let (batch, placed) = (Vec::new(), Vec::new());
        Self { store, active, next, batch, placed, paused: None }
    }

    /// Carries orders out until the queue is closed.
    pub(super) fn run(mut self) {
        while let Some(orders) = self.store.queue.take() {
            self.look_after_files();
            for order in orders {
                let done = match order {
                    Order::Put(header, payload) => self.put(&header, &payload),
                    Order::Clear(identity) => {
                        self.clear(identity);
                        Ok(())
                    }
                    Order::Flush(done) => {
                        let written = self.write();
                        // Whoever asked may have gone.
                        let _ = done.send(());
                        written
                    }
                };
                self.settle(done);
            }
            let written = self.write();
            self.settle(written);
        }
    }

    /// Takes in how an order ended: after a failure nothing is written for a while.
    fn settle(&mut self, done: io::Result<()>) {
        let Err(error) = done else { return };
        self.batch.clear();
        self.placed.clear();
        // What was written of a record that is not whole is nobody's: the next segment is begun.
        self.active = None;
        self.paused = Some(Instant::now() + PAUSE);
        if error.kind() == io::ErrorKind::StorageFull {
            self.drop_oldest();
        }
        let path = self.store.directory.path().display();
        tracing::warn!(%error, %path, "cannot write to the cache; it is tried again in 30 s");
        self.store.state.lock().trouble = Some(error.to_string());
    }

    /// Begins anew when somebody removed the files: what is in them can still be read, but takes
    /// room on the disk for as long as they are open, and is lost with the process.
    fn look_after_files(&mut self) {
        let lost = |active: &Active| directory::is_unlinked(&active.segment.file);
        if !self.store.directory.is_gone() && !self.active.as_ref().is_some_and(lost) {
            return;
        }
        let path = self.store.directory.path().display();
        tracing::warn!(%path, "the cache was removed; it is begun anew");
        self.forget_all();
        if let Err(error) = self.store.directory.open_again() {
            self.settle(Err(io::Error::other(error)));
        }
    }

    fn put(&mut self, header: &Header, payload: &Bytes) -> io::Result<()> {
        if self.paused.is_some_and(|until| Instant::now() < until) {
            self.store.counts.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.paused = None;
        let budget = self.store.state.lock().budget;
        if header.size() > budget / RECORD_SHARE {
            return Ok(());
        }
        self.make_room(header.size(), budget)?;
        self.append(header, payload)
    }

    /// Begins another segment when this one is full, and drops the oldest ones until `size` more
    /// bytes are within the budget.
    fn make_room(&mut self, size: u64, budget: u64) -> io::Result<()> {
        let limit = (budget / SEGMENTS).clamp(64 << 10, 32 << 20);
        let full = |active: &Active| {
            let end = active.tail + self.batch.len() as u64;
            end > START && end + size > limit
        };
        if self.active.as_ref().is_some_and(full) {
            self.write()?;
            self.seal()?;
        }
        loop {
            let (bytes, records) = (self.batch.len() as u64 + size, self.placed.len() + 1);
            if !self.store.is_over(bytes, records, budget) || !self.evict(limit)? {
                break;
            }
        }
        if self.active.is_none() {
            self.begin()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut state = self.store.state.lock();
        let segment = Segment::create(&self.store.directory, self.next, &state.identity)?;
        let segment = Arc::new(segment);
        state.segments.insert(self.next, Stored { segment: Arc::clone(&segment), size: START });
        state.trouble = None;
        self.next += 1;
        self.active = Some(Active { segment, tail: START });
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        let Some(active) = self.active.take() else { return Ok(()) };
        let identity = self.store.state.lock().identity;
        active.segment.seal(&self.store.directory, &identity)
    }

    /// Appends a record to what is to be written.
    fn append(&mut self, header: &Header, payload: &Bytes) -> io::Result<()> {
        if payload.len() >= BATCH || self.batch.len() + payload.len() >= BATCH {
            self.write()?;
        }
        let identity = self.store.state.lock().identity;
        let Some(active) = &mut self.active else { return Ok(()) };
        let offset = active.tail + self.batch.len() as u64;
        let Ok(offset) = u32::try_from(offset) else { return Ok(()) };
        self.batch.extend_from_slice(&header.encode(&identity));
        self.placed.push(Placed::new(header, offset));
        if payload.len() < BATCH {
            self.batch.extend_from_slice(payload);
            return Ok(());
        }
        // The header goes last: without it the payload is nothing.
        active.segment.file.write_all_at(payload, active.tail + u64::from(HEADER))?;
        active.segment.file.write_all_at(&self.batch, active.tail)?;
        active.tail += header.size();
        self.batch.clear();
        self.publish();
        Ok(())
    }

    /// Writes what waits, and lets it be found.
    fn write(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|_| !self.batch.is_empty()) else {
            return Ok(());
        };
        active.segment.file.write_all_at(&self.batch, active.tail)?;
        active.tail += self.batch.len() as u64;
        self.batch.clear();
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        let Some(active) = &self.active else { return };
        let number = active.segment.number;
        let mut state = self.store.state.lock();
        if let Some(stored) = state.segments.get_mut(&number) {
            stored.size = active.tail;
        }
        for placed in self.placed.drain(..) {
            state.apply(number, &placed);
        }
    }

    /// Drops the oldest segment. What of it was read since it was written goes to the end.
    /// Returns whether there was one to drop.
    fn evict(&mut self, limit: u64) -> io::Result<bool> {
        let Some(oldest) = self.oldest() else { return Ok(false) };
        let (used, identity) = {
            let mut state = self.store.state.lock();
            (state.index.leave(oldest.number), state.identity)
        };
        let mut room = limit / SURVIVORS;
        let mut survivors = self.store.expiries();
        for location in used {
            let Some(left) = room.checked_sub(location.size() as u64) else { break };
            room = left;
            let mut record = vec![0; location.size()];
            if oldest.file.read_exact_at(&mut record, location.offset.into()).is_err() {
                continue;
            }
            if let Some(header) = Header::decode(&record, &identity) {
                survivors.push((header, Bytes::from(record.split_off(HEADER as usize))));
            }
        }
        self.forget(oldest.number);
        if self.active.is_none() {
            self.begin()?;
        }
        for (header, payload) in survivors {
            self.append(&header, &payload)?;
        }
        Ok(true)
    }

    fn oldest(&self) -> Option<Arc<Segment>> {
        let active = self.active.as_ref().map(|active| active.segment.number);
        let state = self.store.state.lock();
        let oldest = state.segments.values().find(|s| Some(s.segment.number) != active)?;
        Some(Arc::clone(&oldest.segment))
    }

    /// Drops the oldest segment with all that is in it.
    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.oldest() {
            self.store.state.lock().index.leave(oldest.number);
            self.forget(oldest.number);
        }
    }

    fn forget(&self, number: u32) {
        self.store.state.lock().segments.remove(&number);
        segment::remove(&self.store.directory, number);
    }

    /// Removes every record and every file; what comes next is `identity`'s.
    fn clear(&mut self, identity: Identity) {
        let numbers = self.forget_all();
        {
            let mut state = self.store.state.lock();
            state.expired.clear();
            state.identity = identity;
            state.clearing = state.clearing.saturating_sub(1);
        }
        for number in numbers {
            segment::remove(&self.store.directory, number);
        }
    }

    /// Knows of no record any more. Returns the numbers of the segments that held them.
    fn forget_all(&mut self) -> Vec<u32> {
        self.batch.clear();
        self.placed.clear();
        self.active = None;
        let mut state = self.store.state.lock();
        state.index.clear();
        std::mem::take(&mut state.segments).into_keys().collect()
    }
}
