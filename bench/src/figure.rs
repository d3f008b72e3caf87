//! What was measured: samples, their medians, and what became of a row that could not run.

use std::time::{Duration, Instant};

use anyhow::Result;

/// A contender that takes so long is measured once.
const TOO_LONG_TO_REPEAT: Duration = Duration::from_secs(20);

/// Bytes, or a number of files, that are not what they should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(pub(crate) String);

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// In the unit of its row.
    pub(crate) value: f64,
    /// What the upstream was asked meanwhile, if somebody counted.
    pub(crate) requests: Option<u64>,
}

impl Sample {
    /// Returns a value for which nobody counted requests.
    pub(crate) fn of(value: f64) -> Self {
        Self { value, requests: None }
    }

    /// Returns a time in seconds.
    pub(crate) fn seconds(time: Duration) -> Self {
        Self::of(time.as_secs_f64())
    }
}

/// What there is to say of one contender in one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// The medians, and how many samples they are of.
    Measured {
        /// In the unit of the row.
        value: f64,
        /// Of the sample with the most.
        requests: Option<u64>,
        /// How often it was measured.
        samples: usize,
    },
    /// It gave something wrong.
    Wrong(String),
    /// It could not run, and why.
    NotRun(String),
}

impl Cell {
    /// Returns the median of samples.
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let requests = samples.iter().filter_map(|sample| sample.requests).max();
        match median(&mut values) {
            Some(value) => Self::Measured { value, requests, samples: samples.len() },
            None => Self::NotRun("it was not measured".to_owned()),
        }
    }

    fn failed(error: &anyhow::Error) -> Self {
        if error.downcast_ref::<Wrong>().is_some() {
            return Self::Wrong(format!("{error:#}"));
        }
        Self::NotRun(format!("{error:#}"))
    }

    /// Returns the value, if there is one.
    pub(crate) fn value(&self) -> Option<f64> {
        match self {
            Self::Measured { value, .. } => Some(*value),
            Self::Wrong(_) | Self::NotRun(_) => None,
        }
    }

    /// Returns the requests, if they were counted.
    pub(crate) fn requests(&self) -> Option<u64> {
        match self {
            Self::Measured { requests, .. } => *requests,
            Self::Wrong(_) | Self::NotRun(_) => None,
        }
    }
}

/// Returns the median: of an even number, the mean of the two in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*values.get(middle - 1)?, upper))
}

/// One contender of a row, and how it is measured once.
pub(crate) struct Runner<'a> {
    name: String,
    work: Box<dyn FnMut() -> Result<Sample> + 'a>,
}

impl<'a> Runner<'a> {
    /// Returns one.
    pub(crate) fn new(name: impl Into<String>, work: impl FnMut() -> Result<Sample> + 'a) -> Self {
        Self { name: name.into(), work: Box::new(work) }
    }
}

/// Measures every contender once, then every one a second time, and so on, so that what else
/// the machine does falls on all of them. One that fails, or takes very long, is not asked again.
pub(crate) fn interleave(turns: usize, runners: Vec<Runner<'_>>) -> Vec<(String, Cell)> {
    let mut states: Vec<_> =
        runners.into_iter().map(|runner| (runner, Vec::new(), None, false)).collect();
    for turn in 0..turns {
        // Each turn begins with another one, so that nobody always comes after the same.
        let first = turn % states.len().max(1);
        let (before, from) = states.split_at_mut(first);
        for (runner, samples, failure, done) in from.iter_mut().chain(before) {
            if *done {
                continue;
            }
            let begun = Instant::now();
            match (runner.work)() {
                Ok(sample) => samples.push(sample),
                Err(error) => *failure = Some(Cell::failed(&error)),
            }
            *done = failure.is_some() || begun.elapsed() > TOO_LONG_TO_REPEAT;
        }
    }
    let cell = |(runner, samples, failure, _): (Runner<'_>, Vec<Sample>, Option<Cell>, bool)| {
        (runner.name, failure.unwrap_or_else(|| Cell::of(&samples)))
    };
    states.into_iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_each_turn_and_is_first_in_one() {
        let order = std::cell::RefCell::new(String::new());
        let runner = |name: &'static str| {
            Runner::new(name, || {
                order.borrow_mut().push_str(name);
                Ok(Sample::of(1.0))
            })
        };
        let cells = interleave(4, vec![runner("a"), runner("b"), runner("c")]);
        let names: Vec<&str> = cells.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(order.into_inner(), "abcbcacababc");
        assert!(interleave(2, Vec::new()).is_empty());
    }

    #[test]
    fn medians_are_those_of_the_textbook() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn contenders_take_turns_and_a_failure_ends_one() {
        let order = std::cell::RefCell::new(Vec::new());
        let cells = interleave(
            2,
            vec![
                Runner::new("a", || {
                    order.borrow_mut().push('a');
                    Ok(Sample { value: 1.0, requests: Some(7) })
                }),
                Runner::new("b", || {
                    order.borrow_mut().push('b');
                    Err(Wrong("three files".to_owned()).into())
                }),
            ],
        );
        assert_eq!(*order.borrow(), ['a', 'b', 'a']);
        assert_eq!(cells[0].1, Cell::Measured { value: 1.0, requests: Some(7), samples: 2 });
        assert_eq!(cells[1].1, Cell::Wrong("three files".to_owned()));
    }
}
