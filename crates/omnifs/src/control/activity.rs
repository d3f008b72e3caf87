//! What the providers do, as counts since they were loaded: `GET /v1/activity` answers an
//! [`Activity`], and `GET /metrics` is made of one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{DiskReport, MemoryStatus, State};

/// What all providers do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Activity {
    /// [`super::SCHEMA`].
    pub(crate) schema: u32,
    /// The daemon's version.
    pub(crate) version: String,
    /// For how long it has run, in seconds.
    pub(crate) uptime: f64,
    /// In the order of the configuration.
    pub(crate) providers: Vec<ProviderActivity>,
}

/// What one provider does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProviderActivity {
    /// Its name.
    pub(crate) name: String,
    /// Whether it serves.
    pub(crate) state: State,
    /// What it did, if it serves.
    pub(crate) counts: Option<Counts>,
}

/// What a provider did and holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// What the kernel asked.
    pub(crate) requests: Requests,
    /// Where the answers to that were found.
    pub(crate) answers: Vec<Answers>,
    /// Calls of the component.
    pub(crate) calls: Calls,
    /// Requests to upstreams.
    pub(crate) http: HttpCounts,
    /// Memory, in bytes.
    pub(crate) memory: MemoryStatus,
    /// Nodes of its tree that the kernel knows.
    pub(crate) nodes: u64,
    /// Its disk cache, if it has one.
    pub(crate) disk: Option<DiskReport>,
}

/// Requests of the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Requests {
    /// By the kernel's name of what was asked.
    pub(crate) by_op: BTreeMap<String, u64>,
    /// Those that were answered with an errno, by its name.
    pub(crate) by_errno: BTreeMap<String, u64>,
    /// Those that wait for an answer now.
    pub(crate) waiting: u64,
}

/// Questions of the tree, by where their answers were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answers {
    /// What was asked: `lookup`, `attributes`, `list` or `read`.
    pub(crate) op: String,
    /// The deepest place that the answer was looked for in: `memory`, `disk`, `joined` or `source`.
    pub(crate) layer: String,
    /// How many.
    pub(crate) count: u64,
}

/// Calls of a component.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// By function.
    pub(crate) by_op: Vec<CallCounts>,
    /// Those that are under way.
    pub(crate) in_flight: u64,
    /// Those that cost their instance.
    pub(crate) traps: u64,
    /// Instances now.
    pub(crate) instances: u64,
    /// The slowest of the last minutes, the slowest first.
    pub(crate) slowest: Vec<Slow>,
}

/// The calls of one function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallCounts {
    /// The function of the contract.
    pub(crate) op: String,
    /// Those that took at most so many seconds, and no more than the row before says, by that; the
    /// last row has no end.
    pub(crate) buckets: Vec<(Option<f64>, u64)>,
    /// How long they took together, in seconds.
    pub(crate) total: f64,
    /// Those that failed, or were given up.
    pub(crate) failed: u64,
}

/// A slow call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slow {
    /// The function of the contract.
    pub(crate) op: String,
    /// From the provider's root.
    pub(crate) path: String,
    /// How long it took, in seconds.
    pub(crate) took: f64,
    /// How long ago it ended, in seconds.
    pub(crate) age: f64,
}

/// Requests to upstreams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HttpCounts {
    /// Answers that were kept, and fresh.
    pub(crate) fresh: u64,
    /// Answers that were kept, and that the upstream confirmed.
    pub(crate) confirmed: u64,
    /// Answers to an equal request that was under way.
    pub(crate) joined: u64,
    /// Answers of upstreams.
    pub(crate) upstream: u64,
    /// Requests that were sent.
    pub(crate) requests: u64,
    /// Those that failed.
    pub(crate) errors: u64,
    /// Those that are under way.
    pub(crate) in_flight: u64,
}

impl CallCounts {
    /// Returns how many calls ended.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}
