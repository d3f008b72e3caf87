//! How long a provider's calls take, and how they end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use omnifs_vfs::Clock;
use parking_lot::Mutex;

use super::calls::{Call, ops};
use super::slowest::{SlowCall, Slowest};

/// The upper ends of the buckets that calls are counted in: from one that asks nobody to one that
/// takes all of `limits.call`'s default.
pub const BUCKETS: [Duration; 14] = [
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// How long the calls of one function took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTimes {
    /// The function of the contract.
    pub op: &'static str,
    /// Calls that ended, by the first of [`BUCKETS`] that they fit in; those that took longer than
    /// the last one come at the end.
    pub buckets: Vec<u64>,
    /// How long they took together.
    pub total: Duration,
    /// How many of them failed, or were given up.
    pub failed: u64,
}

/// The calls of one function.
#[derive(Debug, Default)]
struct Function {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    /// In nanoseconds, which have room for 584 years.
    total: AtomicU64,
    failed: AtomicU64,
}

/// The calls of one provider.
#[derive(Debug, Default)]
pub(super) struct Timings {
    /// In the order of [`ops::CALLED`].
    functions: [Function; ops::CALLED.len()],
    in_flight: AtomicU64,
    /// Held to take one call in, or to look.
    slowest: Mutex<Slowest>,
}

impl Timings {
    /// Begins a call, which ends when the result does: also one that is given up.
    pub(super) fn begin<'a, C: Call>(&'a self, call: &'a C, clock: &'a dyn Clock) -> Timed<'a, C> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Timed { timings: self, call, clock, begun: clock.monotonic(), answered: false }
    }

    /// Returns how many calls are under way.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Returns how long calls took, by function.
    pub(super) fn times(&self) -> Vec<CallTimes> {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let times = |(op, function): (&'static str, &Function)| CallTimes {
            op,
            buckets: function.buckets.iter().map(load).collect(),
            total: Duration::from_nanos(load(&function.total)),
            failed: load(&function.failed),
        };
        ops::CALLED.into_iter().zip(&self.functions).map(times).collect()
    }

    /// Returns the slowest calls of the last minutes, the slowest first.
    pub(super) fn slowest(&self, now: Duration) -> Vec<SlowCall> {
        self.slowest.lock().all(now)
    }
}

/// A call that is timed.
pub(super) struct Timed<'a, C: Call> {
    timings: &'a Timings,
    call: &'a C,
    clock: &'a dyn Clock,
    begun: Duration,
    answered: bool,
}

impl<C: Call> Timed<'_, C> {
    /// Ends it.
    pub(super) fn end(mut self, answered: bool) {
        self.answered = answered;
    }
}

impl<C: Call> Drop for Timed<'_, C> {
    fn drop(&mut self) {
        let Timings { functions, in_flight, slowest } = self.timings;
        in_flight.fetch_sub(1, Ordering::Relaxed);
        let now = self.clock.monotonic();
        let took = now.saturating_sub(self.begun);
        let function = ops::CALLED.iter().position(|op| *op == C::OP);
        if let Some(function) = function.and_then(|at| functions.get(at)) {
            let bucket = BUCKETS.partition_point(|end| *end < took);
            if let Some(count) = function.buckets.get(bucket) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            function.total.fetch_add(nanoseconds, Ordering::Relaxed);
            function.failed.fetch_add(u64::from(!self.answered), Ordering::Relaxed);
        }
        slowest.lock().add((C::OP, took), now, || self.call.path());
    }
}
