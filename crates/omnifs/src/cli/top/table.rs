//! A sample as lines of text.

use std::collections::BTreeMap;
use std::ops::Range;

use super::sample::{Rates, Row, Sample, SlowCall};
use crate::cli::output::{plain, size};

/// What separates two columns.
const GAP: &str = "  ";

const HEADS: [&str; 12] = [
    "NAME",
    "OPS/S",
    "MEM%",
    "DISK%",
    "JOIN%",
    "CALL%",
    "FRESH%",
    "CONF%",
    "UPSTREAM/S",
    "ERRORS/S",
    "CALLS",
    "MEMORY",
];

const SLOW_HEADS: [&str; 4] = ["TOOK", "AGO", "CALL", "PATH"];

/// How many slow calls keep their lines when there are more providers than lines.
const SLOW_MIN: usize = 5;

/// What providers are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The configuration.
    Configured,
    /// Requests of the kernel, the most first.
    Requests,
    /// Requests to upstreams.
    Upstream,
    /// Requests that failed.
    Errors,
    /// Calls under way.
    Calls,
    /// Memory.
    Memory,
}

impl Order {
    const ALL: [Self; 6] =
        [Self::Configured, Self::Requests, Self::Upstream, Self::Errors, Self::Calls, Self::Memory];

    /// Returns the one after this, or before it.
    pub(super) fn step(self, right: bool) -> Self {
        let at = Self::ALL.iter().position(|order| *order == self).unwrap_or_default();
        let step = if right { 1 } else { Self::ALL.len() - 1 };
        Self::ALL.get((at + step) % Self::ALL.len()).copied().unwrap_or(self)
    }

    /// Returns the head of its column.
    fn word(self) -> &'static str {
        match self {
            Self::Configured => "NAME",
            Self::Requests => "OPS/S",
            Self::Upstream => "UPSTREAM/S",
            Self::Errors => "ERRORS/S",
            Self::Calls => "CALLS",
            Self::Memory => "MEMORY",
        }
    }

    fn value(self, rates: &Rates) -> f64 {
        match self {
            Self::Configured => 0.0,
            Self::Requests => rates.requests_per_second,
            Self::Upstream => rates.upstream_requests_per_second,
            Self::Errors => errors(rates),
            Self::Calls => rates.calls_in_flight as f64,
            Self::Memory => rates.memory_bytes as f64,
        }
    }
}

/// Returns the lines of a sample, without line ends; at most `height` of them, if that is given.
pub(super) fn lines(sample: &Sample, order: Order, height: Option<usize>) -> Vec<String> {
    let mut rows: Vec<&Row> = sample.providers.iter().collect();
    let value = |row: &Row| row.rates.as_ref().map_or(-1.0, |rates| order.value(rates));
    if order != Order::Configured {
        rows.sort_by(|a, b| value(b).total_cmp(&value(a)));
    }
    let mut providers = vec![HEADS.map(str::to_owned).into()];
    providers.extend(rows.into_iter().map(cells));
    let providers = columns(&providers, &(1..HEADS.len()));
    let mut slow = vec![SLOW_HEADS.map(str::to_owned).into()];
    slow.extend(sample.slowest.iter().map(slow_cells));
    let slow = columns(&slow, &(0..2));

    let mut lines = vec![title(sample, order), String::new()];
    // Of heads, an empty line and slow calls, as many as there are.
    let below = 2 + slow.len().saturating_sub(1).min(SLOW_MIN);
    let room = height.map_or(usize::MAX, |height| height.saturating_sub(lines.len() + below));
    lines.extend(providers.into_iter().take(room.max(2)));
    if slow.len() > 1 {
        lines.push(String::new());
        lines.extend(slow);
    }
    lines.truncate(height.unwrap_or(usize::MAX));
    lines
}

fn title(sample: &Sample, order: Order) -> String {
    let Sample { version, uptime, seconds, .. } = sample;
    let since = if (seconds - uptime).abs() < f64::EPSILON {
        "since the start".to_owned()
    } else {
        format!("in {seconds:.1} s")
    };
    let (version, up, order) = (plain(version), time(*uptime), order.word());
    format!("omnifs {version}, up {up}, {since}, by {order}")
}

fn errors(rates: &Rates) -> f64 {
    rates.errors_per_second + rates.upstream_errors_per_second
}

fn cells(row: &Row) -> Vec<String> {
    let name = shown(&row.name);
    let Some(rates) = &row.rates else { return vec![name, row.state.word().to_owned()] };
    let part = |parts: &BTreeMap<String, f64>, layer: &str| {
        parts.get(layer).map_or_else(|| "-".to_owned(), |part| format!("{:.0}", part * 100.0))
    };
    let mut cells = vec![name, rate(rates.requests_per_second)];
    cells.extend(["memory", "disk", "joined", "source"].map(|layer| part(&rates.layers, layer)));
    cells.extend(["fresh", "confirmed"].map(|layer| part(&rates.http_layers, layer)));
    cells.extend([rate(rates.upstream_requests_per_second), rate(errors(rates))]);
    cells.extend([rates.calls_in_flight.to_string(), size(rates.memory_bytes)]);
    cells
}

fn slow_cells(call: &SlowCall) -> Vec<String> {
    let path = format!("{}:{}", shown(&call.provider), shown(&call.path));
    vec![time(call.seconds), time(call.age_seconds), call.op.clone(), path]
}

/// Returns a text as one line that no terminal obeys, also none that writes from right to left.
fn shown(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(c.escape_unicode());
            }
            c => line.push(c),
        }
    }
    line
}

/// Returns a number a second.
fn rate(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        small if small < 9.95 => format!("{small:.1}"),
        some if some < 99_999.5 => format!("{some:.0}"),
        many => format!("{:.0}k", many / 1_000.0),
    }
}

/// Returns a length of time in a unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.000_999_5 => format!("{:.0} us", s * 1_000_000.0),
        s if s < 0.0995 => format!("{:.1} ms", s * 1_000.0),
        s if s < 0.9995 => format!("{:.0} ms", s * 1_000.0),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s if s < 2.0 * 3_600.0 => format!("{:.0} min", s / 60.0),
        s if s < 48.0 * 3_600.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// Returns rows in columns as wide as they must be, those of `numbers` at the right; a row may end
/// early.
fn columns(rows: &[Vec<String>], numbers: &Range<usize>) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if numbers.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::tests::activity;
    use super::*;

    fn sample() -> Sample {
        Sample::between(&activity(3_599.0, 1), &activity(3_600.0, 3))
    }

    #[test]
    fn it_looks_like_this() {
        let shown = lines(&sample(), Order::Configured, None).join("\n");
        let expected = "\
omnifs 1.0.0, up 60 min, in 1.0 s, by NAME

NAME       OPS/S  MEM%  DISK%  JOIN%  CALL%  FRESH%  CONF%  UPSTREAM/S  ERRORS/S  CALLS   MEMORY
broken    failed
idle           0     -      -      -      -       -      -           0         0      0      0 B
slow-one      80    75     12      5      8      25     25         6.0       4.0      2  1.0 MiB

  TOOK   AGO  CALL       PATH
2.35 s  75 s  read-file  slow-one:/a\\u{1b}[2J\\n\\u{202e}b";
        assert_eq!(shown, expected);
    }

    #[test]
    fn providers_are_ordered_by_what_was_chosen() {
        let mut order = Order::Configured;
        for _ in 0..Order::ALL.len() {
            order = order.step(true);
            assert_eq!(order.step(true).step(false), order);
            let lines = lines(&sample(), order, None);
            let first = if order == Order::Configured { "broken" } else { "slow-one" };
            assert!(lines[3].starts_with(first), "{order:?}: {lines:?}");
        }
        assert_eq!(order, Order::Configured);
    }

    #[test]
    fn it_fits_a_terminal_of_any_height() {
        let all = lines(&sample(), Order::Configured, None);
        for height in 0..20 {
            let shown = lines(&sample(), Order::Configured, Some(height));
            assert!(shown.len() <= height, "{height}: {shown:?}");
            assert_eq!(shown.first(), all.first().filter(|_| height > 0));
        }
        assert_eq!(lines(&sample(), Order::Configured, Some(9)), all);
        let eight = lines(&sample(), Order::Configured, Some(8));
        assert!(eight[7].contains("read-file"), "a slow call is seen: {eight:?}");
    }

    #[test]
    fn numbers_have_a_fitting_unit() {
        let rates = [0.0, 0.04, 3.21, 9.96, 12_345.6, 1_234_567.0].map(rate);
        assert_eq!(rates, ["0", "0.0", "3.2", "10", "12346", "1235k"]);
        let times = [0.000_042, 0.001_23, 0.5, 1.0, 9.999, 100.0, 600.0, 10_000.0, 1e6].map(time);
        let expected =
            ["42 us", "1.2 ms", "500 ms", "1.00 s", "10 s", "100 s", "10 min", "3 h", "12 d"];
        assert_eq!(times, expected);
    }
}
