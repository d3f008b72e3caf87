//! Time, injected: what expires is tested without sleeping.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A point in calendar time, as `st_mtim` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: u64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// A time of a monotonic clock in 8 bytes, to the nanosecond for 584 years.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }
}

impl From<Duration> for Moment {
    fn from(time: Duration) -> Self {
        Self(nanoseconds(time))
    }
}

/// Returns a time in nanoseconds, or the most that 8 bytes hold: 584 years.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl From<Moment> for Duration {
    fn from(moment: Moment) -> Self {
        Self::from_nanos(moment.0)
    }
}

/// How much of the time before it a clock can tell.
const PAST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since a moment that is a year before the clock was made, so that times
    /// before it can be told as well; it never goes back, goes on while the machine is suspended,
    /// and decides what is fresh.
    fn monotonic(&self) -> Duration;

    /// Returns how much of that time the machine was suspended.
    fn suspended(&self) -> Duration;

    /// Returns the calendar time: for modification times, and for what outlives the process.
    fn calendar(&self) -> Timestamp;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Duration,
}

/// Returns what a clock of the machine shows (clock_gettime(2)).
fn shown(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

impl SystemClock {
    /// Returns a clock that starts now.
    pub fn new() -> Self {
        Self { start: shown(ClockId::Boottime) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        PAST + shown(ClockId::Boottime).saturating_sub(self.start)
    }

    fn suspended(&self) -> Duration {
        shown(ClockId::Boottime).saturating_sub(shown(ClockId::Monotonic))
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
    suspended: Mutex<Duration>,
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

    /// Moves both times forward by `step`, in which the machine was suspended.
    pub fn suspend(&self, step: Duration) {
        *self.suspended.lock() += step;
        self.advance(step);
    }
}

impl Clock for TestClock {
    fn monotonic(&self) -> Duration {
        PAST + *self.now.lock()
    }

    fn suspended(&self) -> Duration {
        *self.suspended.lock()
    }

    fn calendar(&self) -> Timestamp {
        let now = *self.now.lock();
        Timestamp { seconds: 1_700_000_000 + now.as_secs(), nanoseconds: now.subsec_nanos() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_time_goes_on_and_its_clocks_agree() {
        let clock = SystemClock::new();
        let (first, asleep) = (clock.monotonic(), clock.suspended());
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.monotonic() - first;
        assert!(passed >= Duration::from_millis(20), "{passed:?}");
        // Nobody suspends a machine that runs tests, and the two are read one after the other.
        assert!(clock.suspended().abs_diff(asleep) < Duration::from_secs(1));
    }
}
