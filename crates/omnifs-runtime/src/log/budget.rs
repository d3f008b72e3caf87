//! How much a provider may print.

use std::time::Duration;

use crate::limits::LogLimits;

const MINUTE: Duration = Duration::from_secs(60);

/// What is left of one call's share.
#[derive(Debug)]
pub(crate) struct CallBudget {
    left: u64,
}

impl CallBudget {
    pub(crate) fn new(limits: &LogLimits) -> Self {
        Self { left: limits.call }
    }
}

/// What is left of the running minute; minutes begin with the first byte after the last ended.
#[derive(Debug)]
pub(crate) struct MinuteBudget {
    start: Duration,
    left: u64,
    limit: u64,
}

impl MinuteBudget {
    pub(crate) fn new(limits: &LogLimits) -> Self {
        Self { start: Duration::ZERO, left: limits.minute, limit: limits.minute }
    }

    /// Returns how many of `wanted` bytes may be printed at the time `now`, and takes them from
    /// both budgets.
    pub(crate) fn take(&mut self, call: &mut CallBudget, wanted: usize, now: Duration) -> usize {
        if now.saturating_sub(self.start) >= MINUTE {
            self.start = now;
            self.left = self.limit;
        }
        let granted = (wanted as u64).min(call.left).min(self.left);
        call.left -= granted;
        self.left -= granted;
        usize::try_from(granted).unwrap_or(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LogLimits = LogLimits { call: 64 << 10, minute: 1 << 20 };

    #[test]
    fn a_call_has_64_kib() {
        let (mut minute, mut call) = (MinuteBudget::new(&LIMITS), CallBudget::new(&LIMITS));
        assert_eq!(minute.take(&mut call, 60 << 10, Duration::ZERO), 60 << 10);
        assert_eq!(minute.take(&mut call, 60 << 10, Duration::ZERO), 4 << 10);
        assert_eq!(minute.take(&mut call, 1, MINUTE * 5), 0);
    }

    #[test]
    fn a_minute_has_1_mib_over_all_calls() {
        let mut minute = MinuteBudget::new(&LIMITS);
        let mut call = |now| minute.take(&mut CallBudget::new(&LIMITS), 64 << 10, now);
        let start = Duration::from_secs(100);
        for _ in 0..16 {
            assert_eq!(call(start), 64 << 10);
        }
        assert_eq!(call(start + Duration::from_secs(59)), 0);
        assert_eq!(call(start + MINUTE), 64 << 10);
    }
}
