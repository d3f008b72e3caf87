//! `RESULTS.md`: the table, and under which circumstances it came about.

use std::fmt::Write as _;

use crate::figure::Cell;
use crate::machine::Machine;
use crate::row::{Row, digits};

/// What the rows that are missed would take, kept by hand.
const DISTANCE: &str = include_str!("../distance.md");

/// What becomes the report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// What the floors cost here and in the measurements that the targets come from.
    pub(crate) floors: Vec<Floor>,
    /// Peers that could not take part, and why.
    pub(crate) absent: Vec<String>,
    /// What to know of how it was measured.
    pub(crate) notes: Vec<String>,
}

/// A floor: CPU for a call, here and where the targets come from.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) what: &'static str,
    pub(crate) here: f64,
    pub(crate) there: f64,
}

impl Report {
    /// Takes a row in, and shows it to who waits.
    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", row.what);
        for (contender, cell) in &row.cells {
            println!("    {contender:14} {}", show(&row, cell));
        }
        self.rows.push(row);
    }

    /// Returns what was wrong with our figures or those they are compared with.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let ours = |name: &str| matches!(name, "omnifs" | "tmpfs" | "floor" | "bare client");
        let of = |row: &Row| {
            let cells = row.cells.iter().filter_map(|(name, cell)| match cell {
                Cell::Wrong(what) if ours(name) => Some(format!("{}: {name}: {what}", row.what)),
                _ => None,
            });
            cells.collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of).collect()
    }

    /// Returns the text of the file.
    pub(crate) fn markdown(&self, machine: &Machine) -> String {
        let mut text = String::from(
            "# Results\n\nWritten by `cargo xtask bench`; every line is from one run, in which all \
             took turns. A figure is the median of the samples in brackets; *tmpfs* are the same files \
             in memory, *floor* is a FUSE server in memory without wasm ([its source](src/floor.rs)), \
             *bare client* is an HTTP client without a file system. What walks find is counted, and \
             the bytes of a part of the files and of the large one are compared; requests were \
             counted by nginx.\n\n",
        );
        self.main_table(&mut text);
        text.push_str("\n![Cold and large](cold.svg)\n\n![Warm](warm.svg)\n\n");
        text.push_str(DISTANCE);
        self.peer_table(&mut text);
        self.floor_table(&mut text);
        text.push_str("\n## How\n\n");
        for line in machine.lines().iter().chain(&self.notes) {
            // Writing to a text does not fail.
            let _ = writeln!(text, "- {line}");
        }
        for peer in &self.absent {
            let _ = writeln!(text, "- not run: {peer}");
        }
        text
    }

    fn main_table(&self, text: &mut String) {
        text.push_str("| what | target | omnifs | baseline | ratio | best peer | |\n|---|---|---|---|---|---|---|\n");
        for row in &self.rows {
            let baseline = row.baseline.map(|name| {
                format!(
                    "{} ({name})",
                    row.cell(name).map_or_else(|| "-".to_owned(), |cell| show(row, cell))
                )
            });
            let met = match row.is_met() {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let peer = row.best_peer().map(|(name, value)| {
                let behind = if row.is_ahead() == Some(false) { ", **ahead**" } else { "" };
                format!("{} ({name}{behind})", row.unit.show(value))
            });
            let dash = || "-".to_owned();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {met} |",
                row.what,
                row.target(),
                row.cell("omnifs").map_or_else(dash, |cell| show(row, cell)),
                baseline.unwrap_or_else(dash),
                row.ratio().map_or_else(dash, |ratio| format!("{}x", digits(ratio))),
                peer.unwrap_or_else(dash),
            );
        }
    }

    fn peer_table(&self, text: &mut String) {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.rows.iter().flat_map(Row::peers) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return;
        }
        let _ = write!(text, "\n## Peers\n\n| what | omnifs | {} |\n|---|---|", names.join(" | "));
        text.push_str(&"---|".repeat(names.len()));
        text.push('\n');
        for row in self.rows.iter().filter(|row| row.peers().next().is_some()) {
            let _ = write!(text, "| {} |", row.what);
            for name in std::iter::once(&"omnifs").chain(&names) {
                let cell = row.cell(name).map_or_else(|| "-".to_owned(), |cell| show(row, cell));
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
    }

    fn floor_table(&self, text: &mut String) {
        if self.floors.is_empty() {
            return;
        }
        text.push_str(
            "\n## Floors\n\nThe CPU of a call, client and server, here and in the measurements that the \
             targets come from.\n\n| what | here | there | ratio |\n|---|---|---|---|\n",
        );
        for Floor { what, here, there } in &self.floors {
            let ratio = digits(here / there);
            let _ = writeln!(text, "| {what} | {} us | {there} us | {ratio}x |", digits(*here));
        }
    }
}

/// Returns a cell in words.
fn show(row: &Row, cell: &Cell) -> String {
    match cell {
        Cell::Measured { value, requests, samples } => {
            let asked = requests.map(|count| format!(", {count} requests")).unwrap_or_default();
            format!("{}{asked} [{samples}]", row.unit.show(*value))
        }
        Cell::Wrong(what) => format!("**wrong**: {}", in_a_cell(what)),
        Cell::NotRun(reason) => format!("not run: {}", in_a_cell(reason)),
    }
}

/// Returns a text that does not end a cell of a table.
fn in_a_cell(text: &str) -> String {
    text.replace('|', "/").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Bar, Unit};

    #[test]
    fn a_row_says_all_there_is_to_say() {
        let measured = |value| Cell::Measured { value, requests: None, samples: 5 };
        let cells = vec![
            ("tmpfs".to_owned(), measured(2.0)),
            ("omnifs".to_owned(), measured(3.0)),
            ("rclone".to_owned(), Cell::NotRun("a | b\nc".to_owned())),
            ("sshfs".to_owned(), measured(1.0)),
        ];
        let row =
            Row::new("find", Unit::Seconds, cells).against("tmpfs").bar(Bar::TimesAtMost(1.3));
        let report = Report { rows: vec![row], ..Report::default() };
        let mut text = String::new();
        report.main_table(&mut text);
        let last = "| find | <= 1.3x tmpfs | 3.00 s [5] | 2.00 s [5] (tmpfs) | 1.50x | 1.00 s (sshfs, **ahead**) | **missed** |";
        assert_eq!(text.lines().last(), Some(last));
        let mut text = String::new();
        report.peer_table(&mut text);
        assert_eq!(
            text.lines().last(),
            Some("| find | 3.00 s [5] | not run: a / b c | 1.00 s [5] |")
        );
        assert!(report.wrong().is_empty());
    }
}
