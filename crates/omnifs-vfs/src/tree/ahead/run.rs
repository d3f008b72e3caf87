//! How somebody goes through what a directory lists.

use std::ops::Range;

/// How many are to come in turn before others are asked for ahead: one and two happen.
pub(super) const IN_TURN: u32 = 3;

/// How far apart in the listing two may be that come in turn: between them is what is of another
/// kind.
pub(super) const NEAR: u32 = 8;

/// How far apart they may be once several came in turn: a program may have many threads, each of
/// which takes the next one.
const WIDE: u32 = 64;

/// How the files of one directory are read, its directories listed, or the files of those read.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::tree) struct Run {
    /// How many came in turn.
    length: u32,
    /// The place of the last one in the listing.
    last: u32,
    /// The place up to which they were asked for ahead.
    reached: u32,
}

impl Run {
    /// Takes in that what is at `place` was wanted, and returns the places to ask for ahead of it,
    /// of which there may be `window`.
    pub(super) fn next(&mut self, place: u32, window: u32) -> Range<u32> {
        let near = if self.is_steady() { WIDE } else { NEAR };
        if self.length == 0 || place.abs_diff(self.last) > near {
            *self = Self { length: 1, last: place, reached: 0 };
            return 0..0;
        }
        if place > self.last {
            self.length = self.length.saturating_add(1);
            self.last = place;
        }
        if !self.is_steady() {
            return 0..0;
        }
        let from = self.reached.max(self.last.saturating_add(1));
        self.reached = from.max(self.last.saturating_add(1).saturating_add(window));
        from..self.reached
    }

    /// Returns whether enough came in turn to ask for others ahead.
    pub(super) fn is_steady(&self) -> bool {
        self.length >= IN_TURN
    }

    /// Returns whether nothing was wanted or asked for yet.
    pub(super) fn is_new(&self) -> bool {
        self.length == 0
    }

    /// Returns how many came in turn.
    pub(super) fn length(&self) -> u32 {
        self.length
    }

    /// Returns how many places behind the first `count` were to be asked for ahead.
    pub(super) fn beyond(&self, count: u32) -> u32 {
        self.reached.saturating_sub(count)
    }

    /// Returns the place of the last one that was wanted.
    pub(super) fn last(&self) -> Option<u32> {
        (self.length > 0).then_some(self.last)
    }

    /// Takes in that whoever begins here went through others like it: the first `count` places are
    /// to be asked for ahead. Returns those that were not.
    pub(super) fn go_on(&mut self, count: u32) -> Range<u32> {
        self.length = self.length.max(IN_TURN);
        let from = self.reached;
        self.reached = from.max(count);
        from..self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_ask_for_nothing_ahead_and_the_third_does() {
        let mut run = Run::default();
        let mut next = |place| run.next(place, 4);
        assert_eq!([next(10), next(11), next(12)], [0..0, 0..0, 13..17]);
        assert_eq!([next(13), next(15)], [17..18, 18..20]);
        assert_eq!(next(14), 20..20, "another thread's, and no step back");
    }

    #[test]
    fn a_jump_begins_anew_and_the_same_one_again_is_no_turn() {
        let mut run = Run::default();
        let mut next = |place| run.next(place, 4);
        assert_eq!([next(1), next(1), next(1), next(2)], [0..0, 0..0, 0..0, 0..0]);
        assert_eq!([next(100), next(101), next(102)], [0..0, 0..0, 103..107]);
        assert_eq!(next(1), 0..0);
    }

    #[test]
    fn many_threads_that_take_the_next_one_each_are_one_run() {
        let mut run = Run::default();
        let mut next = |place| run.next(place, 4);
        assert_eq!([next(0), next(9), next(10), next(11)], [0..0, 0..0, 0..0, 12..16]);
        assert_eq!([next(35), next(5)], [36..40, 40..40]);
    }

    #[test]
    fn who_goes_on_begins_with_the_first_and_is_asked_for_none_twice() {
        let mut run = Run::default();
        assert_eq!([run.go_on(2), run.go_on(5), run.go_on(3)], [0..2, 2..5, 5..5]);
        assert_eq!(run.next(0, 6), 5..7);
        assert_eq!([run.beyond(7), run.beyond(4)], [0, 3]);
    }
}
