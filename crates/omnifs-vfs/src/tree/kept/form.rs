//! What is written down of an answer.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::nanoseconds;
use crate::{Child, Inode, Made, NodeKind, Timestamp};

/// When an answer came and for how long it was fresh, in nanoseconds. The first is calendar time:
/// no other clock outlives a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Times {
    fetched: u64,
    fresh: u64,
}

impl Times {
    /// Returns what to write down of an answer that was `fetched` and is fresh `until` then, on a
    /// clock that shows `now` at `calendar`.
    pub(super) fn new(
        (fetched, until): (Duration, Duration),
        (now, calendar): (Duration, Timestamp),
    ) -> Self {
        let age = now.saturating_sub(fetched);
        let fetched = nanoseconds(since_1970(calendar).saturating_sub(age));
        Self { fetched, fresh: nanoseconds(until.saturating_sub(now.saturating_sub(age))) }
    }

    /// Returns when the answer was fetched and until when it is fresh, on a clock that shows `now`
    /// at `calendar`; it is fresh for `ttl` at most.
    ///
    /// An answer out of the future is as old as nobody knows, for the calendar was set back: its
    /// freshness has just ended.
    pub(super) fn on(
        self,
        (now, calendar): (Duration, Timestamp),
        ttl: Duration,
    ) -> (Duration, Duration) {
        let came = Duration::from_nanos(self.fetched);
        match since_1970(calendar).checked_sub(came) {
            Some(age) => {
                let fetched = now.saturating_sub(age);
                (fetched, fetched + Duration::from_nanos(self.fresh).min(ttl))
            }
            None => (now, now),
        }
    }
}

fn since_1970(calendar: Timestamp) -> Duration {
    Duration::new(calendar.seconds, calendar.nanoseconds)
}

/// An answer, and its times.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dated<T> {
    pub(super) times: Times,
    pub(super) value: T,
}

/// What a name stands for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptName {
    inode: u64,
    directory: bool,
}

impl KeptName {
    pub(super) fn new(child: Child) -> Self {
        let directory = child.kind == NodeKind::Directory;
        Self { inode: child.inode.number(), directory }
    }

    pub(super) fn child(&self) -> Option<Child> {
        child(self.inode, self.directory)
    }
}

/// Which version a file has. Its bytes are a record of their own.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptFile {
    pub(super) inode: u64,
    pub(super) digest: [u8; 16],
    pub(super) modified: Timestamp,
    pub(super) made: Option<Made>,
    /// The digest of what the source calls it.
    pub(super) told: Option<[u8; 16]>,
}

/// The names of a directory, in their order.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptListing {
    pub(super) modified: Timestamp,
    /// The names, each with a slash behind it.
    pub(super) names: String,
    /// What they stand for: the inode, 0 where that is not known.
    pub(super) inodes: Vec<u64>,
    /// The places of those that are directories.
    pub(super) directories: Vec<u32>,
    pub(super) made: Option<Made>,
}

/// Returns what an inode that was written down stands for; 0 is nothing.
pub(super) fn child(inode: u64, directory: bool) -> Option<Child> {
    let kind = if directory { NodeKind::Directory } else { NodeKind::File };
    Some(Child { inode: Inode::of_child(inode)?, kind })
}

/// Returns a value as it is written down.
pub(super) fn encode(value: &impl Serialize) -> Option<Bytes> {
    // It fails for want of room only, of which a vector has enough.
    postcard::to_allocvec(value).ok().map(Bytes::from)
}

/// Returns what was written down.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp { seconds, nanoseconds: 0 }
    }

    #[test]
    fn times_hold_on_another_clock() {
        // Fetched 10 s ago and fresh for 50 s more.
        let times = Times::new((SECOND * 90, SECOND * 150), (SECOND * 100, at(1_000)));
        let on = |now, calendar| times.on((SECOND * now, at(calendar)), SECOND * 600);
        assert_eq!(on(5_000, 1_000), (SECOND * 4_990, SECOND * 5_050));
        assert_eq!(on(7_000, 1_030), (SECOND * 6_960, SECOND * 7_020));
        assert_eq!(on(7_000, 2_000), (SECOND * 5_990, SECOND * 6_050), "stale since");
        let shorter = times.on((SECOND * 5_000, at(1_000)), SECOND * 20);
        assert_eq!(shorter, (SECOND * 4_990, SECOND * 5_010), "by a ttl that is shorter now");
    }

    #[test]
    fn an_answer_out_of_the_future_is_not_fresh() {
        let times = Times::new((SECOND, SECOND * 61), (SECOND, at(1_000)));
        let now = SECOND * 5_000;
        assert_eq!(times.on((now, at(900)), SECOND * 60), (now, now));
        let ancient = times.on((SECOND * 3, at(9_000)), SECOND * 60);
        assert_eq!(ancient, (Duration::ZERO, SECOND * 60), "older than the clock itself");
    }

    #[test]
    fn what_is_no_record_is_nothing() {
        let (times, value) =
            (Times { fetched: 1, fresh: 2 }, KeptName { inode: 3, directory: true });
        let bytes = encode(&Dated { times, value }).unwrap();
        let whole: Dated<KeptName> = decode(&bytes).unwrap();
        assert_eq!(whole.value.child(), child(3, true));
        for length in 0..bytes.len() {
            assert_eq!(decode::<Dated<KeptName>>(&bytes[..length]), None);
        }
        assert_eq!(decode::<Dated<KeptListing>>(&[0xff; 40]), None);
    }
}
