//! Time, injected: what expires is tested without sleeping.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A point in calendar time, as `st_mtim` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: u64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// How much of the time before it a clock can tell.
const PAST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since a moment that is a year before the clock was made, so that times
    /// before it can be told as well; it never goes back and decides what is fresh.
    fn monotonic(&self) -> Duration;

    /// Returns the calendar time: for modification times, and for what outlives the process.
    fn calendar(&self) -> Timestamp;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Returns a clock that starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        PAST + self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn calendar(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() }
    }
}

/// A clock that moves when it is told to, for tests.
#[derive(Debug, Default)]
pub struct TestClock {
    now: Mutex<Duration>,
}

impl TestClock {
    /// Returns a clock that stands at its start.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves both times forward by `step`.
    pub fn advance(&self, step: Duration) {
        *self.now.lock() += step;
    }
}

impl Clock for TestClock {
    fn monotonic(&self) -> Duration {
        PAST + *self.now.lock()
    }

    fn calendar(&self) -> Timestamp {
        let now = *self.now.lock();
        Timestamp { seconds: 1_700_000_000 + now.as_secs(), nanoseconds: now.subsec_nanos() }
    }
}
