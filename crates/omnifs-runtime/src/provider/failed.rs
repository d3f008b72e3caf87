//! The calls that failed lately, for whoever wonders why.

use std::collections::VecDeque;
use std::sync::Arc;

use omnifs_vfs::{LastFailure, Made, Timestamp, VfsError};

/// How many failures are kept.
const KEEP: usize = 200;

/// One call that failed, or whose answer may not be all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCall {
    /// When it ended.
    pub at: Timestamp,
    /// The function of the contract.
    pub op: &'static str,
    /// The path from the provider's root that it was about.
    pub path: String,
    /// Why it failed.
    pub error: VfsError,
    /// Whether there was an answer all the same.
    pub partial: bool,
    /// How often it failed so in a row.
    pub times: u64,
    /// Which call it was the last time, and what that asked upstream.
    pub made: Arc<Made>,
}

/// The newest failures, oldest first.
#[derive(Debug, Default)]
pub(super) struct Failures(VecDeque<FailedCall>);

impl Failures {
    /// Takes one in; the same one again only counts.
    pub(super) fn add(&mut self, failed: FailedCall) {
        let same = self.0.iter().position(|known| {
            (known.op, &known.path, &known.error) == (failed.op, &failed.path, &failed.error)
        });
        let times = same.and_then(|at| self.0.remove(at)).map_or(0, |known| known.times);
        self.0.push_back(FailedCall { times: times + failed.times, ..failed });
        if self.0.len() > KEEP {
            self.0.pop_front();
        }
    }

    /// Returns the newest failure at a path, or at a name in it: a name that cannot be looked up, or
    /// has no size, cannot be asked itself by every tool.
    pub(super) fn last_at(&self, path: &str) -> Option<LastFailure> {
        let at = |failed: &&FailedCall| {
            let above = failed.path.rsplit_once('/').map_or("", |(above, _)| above);
            let above = if above.is_empty() { "/" } else { above };
            failed.path == path || above == path
        };
        let last = self.0.iter().rev().find(at)?;
        Some(LastFailure { error: last.error.clone(), request: last.made.request })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &FailedCall> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(path: &str) -> FailedCall {
        FailedCall {
            at: Timestamp { seconds: 0, nanoseconds: 0 },
            op: "read-file",
            path: path.to_owned(),
            error: VfsError::Busy("x".to_owned()),
            partial: false,
            times: 1,
            made: Arc::new(Made {
                request: omnifs_vfs::RequestId { daemon: 1, call: 1 },
                exchanges: Vec::new(),
                more: 0,
            }),
        }
    }

    #[test]
    fn the_same_failure_counts_and_old_ones_go() {
        let mut failures = Failures::default();
        failures.add(failed("/a"));
        failures.add(failed("/b"));
        failures.add(failed("/a"));
        let seen: Vec<_> = failures.iter().map(|f| (f.path.as_str(), f.times)).collect();
        assert_eq!(seen, [("/b", 1), ("/a", 2)]);
        for number in 0..KEEP {
            failures.add(failed(&number.to_string()));
        }
        assert_eq!(failures.iter().count(), KEEP);
        assert!(failures.iter().all(|failed| failed.path != "/a"));
    }
}
