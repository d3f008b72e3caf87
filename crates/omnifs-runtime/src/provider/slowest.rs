//! The slowest calls of the last minutes.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

/// How many calls are kept of each minute.
const KEEP: usize = 8;

/// How many minutes are looked at, the one that runs among them.
const MINUTES: u64 = 5;

/// The longest path that is kept, in bytes; of a longer one the end is, which says more.
const PATH_MAX: usize = 1_024;

/// A slow call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowCall {
    /// The function of the contract.
    pub op: &'static str,
    /// What it was about, from the provider's root. Of a long path only the end, after a `…`.
    pub path: String,
    /// How long it took.
    pub took: Duration,
    /// How long ago it ended.
    pub age: Duration,
}

/// One call of a minute.
#[derive(Debug)]
struct Ended {
    op: &'static str,
    path: String,
    took: Duration,
    at: Duration,
}

/// The slowest calls of each of the last minutes, one for each function and path.
///
/// Minutes are kept apart so that a slow one that is out of date does not leave a gap: what was
/// slowest since is there.
#[derive(Debug, Default)]
pub(super) struct Slowest(VecDeque<(u64, Vec<Ended>)>);

impl Slowest {
    /// Takes in a call that ended `now`; its path is asked for only if it is kept.
    pub(super) fn add(
        &mut self,
        (op, took): (&'static str, Duration),
        now: Duration,
        path: impl FnOnce() -> String,
    ) {
        let minute = now.as_secs() / 60;
        if self.0.back().is_none_or(|(last, _)| *last < minute) {
            self.0.push_back((minute, Vec::with_capacity(KEEP)));
            self.0.retain(|(kept, _)| kept + MINUTES > minute);
        }
        let Some((_, calls)) = self.0.back_mut() else { return };
        let fastest = (0..).zip(calls.iter()).min_by_key(|(_, call)| call.took);
        let room = match fastest {
            Some((at, fastest)) if calls.len() >= KEEP => {
                if took <= fastest.took {
                    return;
                }
                Some(at)
            }
            Some(_) | None => None,
        };
        let ended = Ended { op, path: shortened(path()), took, at: now };
        let same = calls.iter().position(|call| (call.op, &call.path) == (op, &ended.path));
        match same.or(room).and_then(|at| calls.get_mut(at)) {
            Some(kept) if same.is_some() && kept.took >= took => {}
            Some(kept) => *kept = ended,
            None => calls.push(ended),
        }
    }

    /// Returns the slowest ones of all these minutes, the slowest first.
    pub(super) fn all(&self, now: Duration) -> Vec<SlowCall> {
        let minute = now.as_secs() / 60;
        let recent = self.0.iter().filter(|(kept, _)| kept + MINUTES > minute);
        let mut calls: Vec<&Ended> = recent.flat_map(|(_, calls)| calls).collect();
        calls.sort_by_key(|call| Reverse(call.took));
        let mut slowest: Vec<SlowCall> = Vec::with_capacity(KEEP);
        for Ended { op, path, took, at } in calls {
            if !slowest.iter().any(|call| (call.op, &call.path) == (*op, path)) {
                let (path, age) = (path.clone(), now.saturating_sub(*at));
                slowest.push(SlowCall { op, path, took: *took, age });
            }
        }
        slowest.truncate(KEEP);
        slowest
    }
}

fn shortened(path: String) -> String {
    if path.len() <= PATH_MAX {
        return path;
    }
    let from = path.len() - PATH_MAX + '…'.len_utf8();
    let from = (from..path.len()).find(|at| path.is_char_boundary(*at));
    format!("…{}", from.and_then(|from| path.get(from..)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OP: &str = "read-file";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn shown(slowest: &Slowest, now: u64) -> Vec<(String, u64, u64)> {
        let all = slowest.all(seconds(now)).into_iter();
        all.map(|call| (call.path, call.took.as_secs(), call.age.as_secs())).collect()
    }

    #[test]
    fn a_path_is_there_once_with_its_slowest_call() {
        let mut slowest = Slowest::default();
        for (path, took, at) in [("/a", 2, 10), ("/b", 3, 11), ("/a", 5, 12), ("/a", 4, 70)] {
            slowest.add((OP, seconds(took)), seconds(at), || path.to_owned());
        }
        assert_eq!(shown(&slowest, 80), [("/a".to_owned(), 5, 68), ("/b".to_owned(), 3, 69)]);
    }

    #[test]
    fn there_are_so_many_and_no_path_is_made_of_the_others() {
        let mut slowest = Slowest::default();
        for took in 1..=20 {
            slowest.add((OP, seconds(took)), seconds(0), || format!("/{took}"));
        }
        slowest.add((OP, seconds(12)), seconds(0), || unreachable!("it is not among them"));
        let times: Vec<u64> = shown(&slowest, 0).into_iter().map(|(_, took, _)| took).collect();
        assert_eq!(times, [20, 19, 18, 17, 16, 15, 14, 13]);
    }

    #[test]
    fn what_is_out_of_date_leaves_what_came_after_it() {
        let mut slowest = Slowest::default();
        for number in 0..8 {
            slowest.add((OP, seconds(9)), seconds(0), || format!("/old{number}"));
        }
        slowest.add((OP, seconds(1)), seconds(60), || "/new".to_owned());
        assert_eq!(slowest.all(seconds(299)).len(), 8);
        assert_eq!(shown(&slowest, 300), [("/new".to_owned(), 1, 240)]);
        slowest.add((OP, seconds(1)), seconds(3_600), || "/newer".to_owned());
        assert_eq!(slowest.0.len(), 1, "old minutes are dropped");
    }

    #[test]
    fn a_long_path_is_cut_at_its_beginning() {
        let mut slowest = Slowest::default();
        let path = format!("/{}end", "é".repeat(2_000));
        slowest.add((OP, seconds(1)), seconds(0), || path);
        let kept = &shown(&slowest, 0)[0].0;
        assert!(kept.starts_with("…é") && kept.ends_with("éend"), "{kept}");
        assert!((PATH_MAX - 3..=PATH_MAX).contains(&kept.len()), "{}", kept.len());
    }
}
