//! The breaker: a component that traps again and again is left alone for a while.

use std::collections::VecDeque;
use std::time::Duration;

/// Within which time traps are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// How long it is open the first time.
const FIRST: Duration = Duration::from_secs(1);

/// How long it is open at most.
const LONGEST: Duration = Duration::from_secs(60);

/// Decides whether a component is called. While the breaker is open nobody calls it; after that
/// one more trap opens it for twice as long, and an answer closes it.
#[derive(Debug)]
pub(super) struct Breaker {
    /// How many traps within [`WINDOW`] open it.
    limit: usize,
    /// When it trapped, the newest last.
    traps: VecDeque<Duration>,
    /// Until when it is open, and for how long that is.
    open: Option<(Duration, Duration)>,
}

impl Breaker {
    /// Returns one that so many traps within a minute open.
    pub(super) fn after(traps: u32) -> Self {
        let limit = usize::try_from(traps.max(1)).unwrap_or(usize::MAX);
        Self { limit, traps: VecDeque::new(), open: None }
    }

    /// Returns for how long nobody may call yet.
    pub(super) fn closed_in(&self, now: Duration) -> Option<Duration> {
        self.open.and_then(|(until, _)| until.checked_sub(now)).filter(|left| !left.is_zero())
    }

    /// Takes in that a call was answered.
    pub(super) fn answered(&mut self, now: Duration) {
        // An answer to a call that began before says nothing of what came since.
        if self.open.is_some() && self.closed_in(now).is_none() {
            self.traps.clear();
            self.open = None;
        }
    }

    /// Takes in that a call trapped; returns for how long that opens the breaker.
    pub(super) fn trapped(&mut self, now: Duration) -> Option<Duration> {
        while self.traps.front().is_some_and(|first| *first + WINDOW < now) {
            self.traps.pop_front();
        }
        self.traps.push_back(now);
        let pause = match self.open {
            // Others that were under way.
            Some((until, _)) if now < until => return None,
            Some((_, pause)) => (pause * 2).min(LONGEST),
            None if self.traps.len() >= self.limit => FIRST,
            None => return None,
        };
        self.traps.clear();
        self.open = Some((now + pause, pause));
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn five_traps_in_a_minute_open_it_and_four_do_not() {
        let mut breaker = Breaker::after(5);
        for at in [0, 20, 40, 60] {
            assert_eq!(breaker.trapped(SECOND * at), None);
        }
        assert_eq!(breaker.trapped(SECOND * 61), None, "the first is more than a minute ago");
        assert_eq!(breaker.closed_in(SECOND * 61), None);
        assert_eq!(breaker.trapped(SECOND * 62), Some(SECOND));
        assert_eq!(breaker.closed_in(SECOND * 62), Some(SECOND));
        assert_eq!(breaker.closed_in(SECOND * 63), None);
    }

    #[test]
    fn each_further_trap_doubles_the_pause_and_an_answer_ends_it() {
        let mut breaker = Breaker::after(5);
        let mut now = SECOND;
        let mut pauses = Vec::new();
        for _ in 0..20 {
            if let Some(pause) = breaker.trapped(now) {
                pauses.push(pause.as_secs());
                assert_eq!(breaker.trapped(now), None, "one that was under way");
                now += pause;
            }
        }
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        breaker.answered(now - SECOND);
        assert!(breaker.closed_in(now - SECOND).is_some(), "it began before");
        breaker.answered(now);
        for _ in 1..5 {
            assert_eq!(breaker.trapped(now), None);
        }
        assert_eq!(breaker.trapped(now), Some(FIRST));
    }
}
