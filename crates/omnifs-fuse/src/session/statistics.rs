//! What a session counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use crate::errno::name;
use crate::wire::Opcode;

/// Room for the numbers of all known operations; the first is for unknown ones.
const OPCODES: usize = 64;

/// Room for all errnos of Linux, which go to 133 (errno(3)).
const ERRNOS: usize = 134;

/// Counts of one session since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionStatistics {
    /// Requests by the kernel's name, those that came at least once; `unknown` for the rest.
    pub requests: BTreeMap<&'static str, u64>,
    /// Requests answered with an errno, by its name; a name that is said to be absent is ENOENT.
    pub errors: BTreeMap<&'static str, u64>,
    /// Requests that are waiting for an answer now.
    pub waiting: u64,
    /// Requests whose handling panicked; each was answered EIO.
    pub panics: u64,
    /// Messages that could not be decoded.
    pub bad_messages: u64,
    /// Requests answered ETIMEDOUT because their time ran out here.
    pub timed_out: u64,
    /// Requests answered EINTR.
    pub interrupted: u64,
    /// Notices sent and taken by the kernel, by its name for them.
    pub notices: BTreeMap<&'static str, u64>,
}

/// Something to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A panic was caught.
    Panic,
    /// A message could not be decoded.
    BadMessage,
    /// A deadline passed.
    TimedOut,
    /// A process gave up.
    Interrupted,
}

/// A kind of notice that the kernel took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// `FUSE_NOTIFY_INVAL_INODE`.
    InvalInode,
    /// `FUSE_NOTIFY_INVAL_ENTRY` with `FUSE_EXPIRE_ONLY`.
    ExpireEntry,
    /// `FUSE_NOTIFY_PRUNE`.
    Prune,
}

/// The running counts.
#[derive(Debug)]
pub(crate) struct Counters {
    requests: [AtomicU64; OPCODES],
    errors: [AtomicU64; ERRNOS],
    panics: AtomicU64,
    bad_messages: AtomicU64,
    timed_out: AtomicU64,
    interrupted: AtomicU64,
    inval_inode: AtomicU64,
    expire_entry: AtomicU64,
    prune: AtomicU64,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            requests: [const { AtomicU64::new(0) }; OPCODES],
            errors: [const { AtomicU64::new(0) }; ERRNOS],
            panics: AtomicU64::new(0),
            bad_messages: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            interrupted: AtomicU64::new(0),
            inval_inode: AtomicU64::new(0),
            expire_entry: AtomicU64::new(0),
            prune: AtomicU64::new(0),
        }
    }

    /// Counts a request by the kernel's number for its kind.
    pub(crate) fn request(&self, opcode: Option<Opcode>) {
        let index = opcode.map_or(0, slot);
        if let Some(count) = self.requests.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a request that was answered with an errno.
    pub(crate) fn failed(&self, errno: Errno) {
        let index = usize::try_from(errno.raw_os_error()).unwrap_or(0);
        if let Some(count) = self.errors.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn event(&self, event: Event) {
        let count = match event {
            Event::Panic => &self.panics,
            Event::BadMessage => &self.bad_messages,
            Event::TimedOut => &self.timed_out,
            Event::Interrupted => &self.interrupted,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, sent: Sent) {
        let count = match sent {
            Sent::InvalInode => &self.inval_inode,
            Sent::ExpireEntry => &self.expire_entry,
            Sent::Prune => &self.prune,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts as they are, with `waiting` left at zero.
    pub(crate) fn snapshot(&self) -> SessionStatistics {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let named = Opcode::ALL.iter().map(|opcode| (slot(*opcode), opcode.name()));
        let requests = std::iter::once((0, "unknown"))
            .chain(named)
            .filter_map(|(index, name)| Some((name, load(self.requests.get(index)?))))
            .filter(|(_, count)| *count > 0)
            .collect();
        let mut errors = BTreeMap::new();
        for (number, count) in (0..).zip(&self.errors) {
            // Several have one name if they are not among those that are given.
            if let count @ 1.. = load(count) {
                *errors.entry(name(Errno::from_raw_os_error(number))).or_insert(0) += count;
            }
        }
        let notices = [
            ("INVAL_INODE", load(&self.inval_inode)),
            ("EXPIRE_ENTRY", load(&self.expire_entry)),
            ("PRUNE", load(&self.prune)),
        ];
        SessionStatistics {
            requests,
            errors,
            waiting: 0,
            panics: load(&self.panics),
            bad_messages: load(&self.bad_messages),
            timed_out: load(&self.timed_out),
            interrupted: load(&self.interrupted),
            notices: notices.into_iter().filter(|(_, count)| *count > 0).collect(),
        }
    }
}

fn slot(opcode: Opcode) -> usize {
    usize::try_from(opcode.number()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_place() {
        let counters = Counters::new();
        for opcode in Opcode::ALL {
            counters.request(Some(*opcode));
        }
        counters.request(None);
        let counts = counters.snapshot().requests;
        assert_eq!(counts.len(), Opcode::ALL.len() + 1);
        assert!(counts.values().all(|count| *count == 1));
    }

    #[test]
    fn errors_count_by_their_names() {
        let counters = Counters::new();
        for errno in [Errno::NOENT, Errno::NOENT, Errno::IO, Errno::XDEV, Errno::HWPOISON] {
            counters.failed(errno);
        }
        let expected = [("EIO", 3), ("ENOENT", 2)];
        assert_eq!(counters.snapshot().errors, BTreeMap::from(expected));
    }
}
