//! How much a provider may print.

use std::time::Duration;

/// The most bytes that one call may print.
pub(crate) const PER_CALL: usize = 64 << 10;

/// The most bytes that a provider may print in one minute.
pub(crate) const PER_MINUTE: usize = 1 << 20;

const MINUTE: Duration = Duration::from_secs(60);

/// What is left of one call's share.
#[derive(Debug)]
pub(crate) struct CallBudget {
    left: usize,
}

impl Default for CallBudget {
    fn default() -> Self {
        Self { left: PER_CALL }
    }
}

/// What is left of the running minute; minutes begin with the first byte after the last ended.
#[derive(Debug)]
pub(crate) struct MinuteBudget {
    start: Duration,
    left: usize,
}

impl Default for MinuteBudget {
    fn default() -> Self {
        Self { start: Duration::ZERO, left: PER_MINUTE }
    }
}

impl MinuteBudget {
    /// Returns how many of `wanted` bytes may be printed at the time `now`, and takes them from
    /// both budgets.
    pub(crate) fn take(&mut self, call: &mut CallBudget, wanted: usize, now: Duration) -> usize {
        if now.saturating_sub(self.start) >= MINUTE {
            self.start = now;
            self.left = PER_MINUTE;
        }
        let granted = wanted.min(call.left).min(self.left);
        call.left -= granted;
        self.left -= granted;
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_64_kib() {
        let (mut minute, mut call) = (MinuteBudget::default(), CallBudget::default());
        assert_eq!(minute.take(&mut call, 60 << 10, Duration::ZERO), 60 << 10);
        assert_eq!(minute.take(&mut call, 60 << 10, Duration::ZERO), 4 << 10);
        assert_eq!(minute.take(&mut call, 1, MINUTE * 5), 0);
    }

    #[test]
    fn a_minute_has_1_mib_over_all_calls() {
        let mut minute = MinuteBudget::default();
        let mut call = |now| minute.take(&mut CallBudget::default(), PER_CALL, now);
        let start = Duration::from_secs(100);
        for _ in 0..16 {
            assert_eq!(call(start), PER_CALL);
        }
        assert_eq!(call(start + Duration::from_secs(59)), 0);
        assert_eq!(call(start + MINUTE), PER_CALL);
    }
}
