//! Where requests of a provider found their answers, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use omnifs_vfs::AnsweredBy;

/// Where the requests of a provider found their answers. What got none is not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HttpStatistics {
    /// The upstream gave it.
    pub upstream: u64,
    /// It was kept, and fresh.
    pub fresh: u64,
    /// It was kept, and the upstream confirmed it.
    pub confirmed: u64,
    /// An equal request was under way.
    pub joined: u64,
    /// Requests to upstreams that are under way now, until the last byte of their answers.
    pub in_flight: u64,
}

/// The running counts.
#[derive(Debug, Default)]
pub(super) struct Answers {
    upstream: AtomicU64,
    fresh: AtomicU64,
    confirmed: AtomicU64,
    joined: AtomicU64,
}

impl Answers {
    /// Counts an answer.
    pub(super) fn count(&self, by: AnsweredBy) {
        let count = match by {
            AnsweredBy::Upstream => &self.upstream,
            AnsweredBy::Cache => &self.fresh,
            AnsweredBy::Confirmation => &self.confirmed,
            AnsweredBy::Another => &self.joined,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts, with `in_flight` left at zero.
    pub(super) fn counts(&self) -> HttpStatistics {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HttpStatistics {
            upstream: load(&self.upstream),
            fresh: load(&self.fresh),
            confirmed: load(&self.confirmed),
            joined: load(&self.joined),
            in_flight: 0,
        }
    }
}
