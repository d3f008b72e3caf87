//! A row of the table: what was measured, what it is compared with, and whether it meets its target.

use crate::figure::Cell;

/// What figures of a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    /// Of CPU.
    Microseconds,
    /// A second; the more the better.
    Mebibytes,
    /// Reads a second; the more the better.
    Operations,
    /// Of memory, in MiB.
    Memory,
    /// Of memory, in bytes.
    Bytes,
}

impl Unit {
    /// Returns whether a larger figure is the better one.
    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Self::Mebibytes | Self::Operations)
    }

    /// Returns a figure with its unit, in three digits.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 0.1 => format!("{} ms", digits(value * 1e3)),
            Self::Seconds => format!("{} s", digits(value)),
            Self::Microseconds => format!("{} us", digits(value)),
            Self::Mebibytes => format!("{} MiB/s", digits(value)),
            Self::Operations => format!("{} /s", digits(value)),
            Self::Memory => format!("{} MiB", digits(value)),
            Self::Bytes => format!("{} bytes", digits(value)),
        }
    }
}

/// Returns a number with three digits that count.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.0995 => format!("{value:.3}"),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A part of a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    /// The figure is at most this, in the unit of the row.
    AtMost(f64),
    /// The figure is at most so many times the baseline.
    TimesAtMost(f64),
    /// The figure is at least so many times the baseline.
    TimesAtLeast(f64),
    /// The upstream has so many requests at most.
    Requests(u64),
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) bars: Vec<Bar>,
    /// The contender of the baseline, if there is one.
    pub(crate) baseline: Option<&'static str>,
    /// Every contender, "omnifs" among them.
    pub(crate) cells: Vec<(String, Cell)>,
}

/// Those that are no peers.
const BASELINES: [&str; 4] = ["omnifs", "tmpfs", "floor", "bare client"];

impl Row {
    /// Returns a row of what was measured.
    pub(crate) fn new(what: impl Into<String>, unit: Unit, cells: Vec<(String, Cell)>) -> Self {
        Self { what: what.into(), unit, bars: Vec::new(), baseline: None, cells }
    }

    /// Names the contender that ours is compared with.
    pub(crate) fn against(mut self, baseline: &'static str) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Adds to the target.
    pub(crate) fn bar(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }

    /// Returns a contender's cell.
    pub(crate) fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|(contender, _)| contender == name).map(|(_, cell)| cell)
    }

    /// Returns our figure over that of the baseline.
    pub(crate) fn ratio(&self) -> Option<f64> {
        Some(self.cell("omnifs")?.value()? / self.cell(self.baseline?)?.value()?)
    }

    /// Returns the peers.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &(String, Cell)> {
        self.cells.iter().filter(|(name, _)| !BASELINES.contains(&name.as_str()))
    }

    /// Returns the best peer's name and figure.
    pub(crate) fn best_peer(&self) -> Option<(&str, f64)> {
        let sign = if self.unit.more_is_better() { -1.0 } else { 1.0 };
        self.peers()
            .filter_map(|(name, cell)| Some((name.as_str(), cell.value()?)))
            .min_by(|(_, one), (_, other)| (sign * one).total_cmp(&(sign * other)))
    }

    /// Returns whether ours is ahead of the best peer.
    pub(crate) fn is_ahead(&self) -> Option<bool> {
        let (ours, (_, best)) = (self.cell("omnifs")?.value()?, self.best_peer()?);
        Some(if self.unit.more_is_better() { ours > best } else { ours < best })
    }

    /// Returns whether the target is met; nothing where there is none, or no figure.
    pub(crate) fn is_met(&self) -> Option<bool> {
        if self.bars.is_empty() {
            return None;
        }
        let met = |bar: &Bar| {
            let ours = self.cell("omnifs")?;
            Some(match *bar {
                Bar::AtMost(most) => ours.value()? <= most,
                Bar::TimesAtMost(most) => self.ratio()? <= most,
                Bar::TimesAtLeast(least) => self.ratio()? >= least,
                Bar::Requests(most) => ours.requests()? <= most,
            })
        };
        self.bars.iter().map(met).try_fold(true, |all, one| Some(all && one?))
    }

    /// Returns the target in words.
    pub(crate) fn target(&self) -> String {
        let baseline = self.baseline.unwrap_or("nothing");
        let words = self.bars.iter().map(|bar| match *bar {
            Bar::AtMost(most) => format!("<= {}", self.unit.show(most)),
            Bar::TimesAtMost(most) => format!("<= {most}x {baseline}"),
            Bar::TimesAtLeast(least) => format!(">= {least}x {baseline}"),
            Bar::Requests(most) => format!("<= {most} requests"),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: f64, requests: Option<u64>) -> Cell {
        Cell::Measured { value, requests, samples: 3 }
    }

    fn row(unit: Unit, ours: f64, peer: f64) -> Row {
        let cells = vec![
            ("tmpfs".to_owned(), cell(2.0, None)),
            ("omnifs".to_owned(), cell(ours, Some(102))),
            ("rclone".to_owned(), cell(peer, Some(9))),
            ("sshfs".to_owned(), Cell::NotRun("it is not installed".to_owned())),
        ];
        Row::new("row", unit, cells).against("tmpfs")
    }

    #[test]
    fn every_part_of_a_target_has_to_be_met() {
        let slow = || row(Unit::Seconds, 3.0, 4.0);
        assert_eq!(slow().is_met(), None);
        assert_eq!(slow().bar(Bar::TimesAtMost(1.5)).is_met(), Some(true));
        assert_eq!(slow().bar(Bar::TimesAtMost(1.4)).is_met(), Some(false));
        let both = slow().bar(Bar::AtMost(3.0)).bar(Bar::Requests(101));
        assert_eq!(
            (both.is_met(), both.target().as_str()),
            (Some(false), "<= 3.00 s, <= 101 requests")
        );
        let mut unknown = slow().bar(Bar::AtMost(3.0));
        unknown.cells.retain(|(name, _)| name != "omnifs");
        assert_eq!(unknown.is_met(), None);
    }

    #[test]
    fn the_best_peer_has_the_least_or_the_most() {
        let time = row(Unit::Seconds, 3.0, 4.0);
        assert_eq!((time.best_peer(), time.is_ahead()), (Some(("rclone", 4.0)), Some(true)));
        assert_eq!(row(Unit::Mebibytes, 3.0, 4.0).is_ahead(), Some(false));
    }

    #[test]
    fn figures_have_three_digits() {
        let shown = [0.000_42, 0.0234, 1.0, 12.34, 123.4, 12_345.6].map(digits);
        assert_eq!(shown, ["0.000", "0.023", "1.00", "12.3", "123", "12346"]);
        assert_eq!(Unit::Seconds.show(0.0234), "23.4 ms");
    }
}
