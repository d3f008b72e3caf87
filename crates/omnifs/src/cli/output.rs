//! What the user sees, on standard output and standard error.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

use crate::exit::Failure;

/// Prints text that ends in a line end. A reader that went away, as `head` does, is no failure.
///
/// # Errors
/// When standard output cannot be written, on a full disk say.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match write(text.as_bytes())? {
        Output::Open | Output::Closed => Ok(()),
    }
}

/// Whether anybody still reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Somebody does.
    Open,
    /// Nobody does.
    Closed,
}

/// Writes a text to standard output, all of it; what a terminal obeys is left out for who is none.
///
/// # Errors
/// When it cannot be written, for another reason than that nobody reads it.
pub(super) fn write(bytes: &[u8]) -> Result<Output, Failure> {
    write_to(anstream::stdout().lock(), bytes)
}

/// As [`write()`], and nothing is done to the bytes: they are a file's.
pub(super) fn write_raw(bytes: &[u8]) -> Result<Output, Failure> {
    write_to(io::stdout().lock(), bytes)
}

fn write_to(mut out: impl Write, bytes: &[u8]) -> Result<Output, Failure> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(Output::Open),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Output::Closed),
        Err(error) => Err(error).context("cannot write the output").map_err(Failure::from),
    }
}

/// Prints a text about a failure on standard error.
pub(super) fn error(text: &str) {
    // There is no place left to report this to.
    let _unread: io::Result<()> = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Escapes what a terminal would obey; texts of providers and paths go through here.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('\n'),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Returns a number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = (bytes, "B", 0);
    for unit in units {
        if scaled.0 < 1_024 {
            break;
        }
        scaled = (scaled.0 / 1_024, unit, scaled.0 % 1_024 * 10 / 1_024);
    }
    match scaled {
        (whole, "B", _) => format!("{whole} B"),
        (whole, unit, tenth) => format!("{whole}.{tenth} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(plain("a\x1b[2Jb\u{9b}1m\r\n\tc"), "a\\u{1b}[2Jb\\u{9b}1m\\r\n\\tc");
    }

    #[test]
    fn sizes_are_cut_to_one_digit_after_the_point() {
        let shown = [0, 1_023, 1_024, 1_536, 5 << 20, (3 << 30) - 1].map(size);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "2.9 GiB"]);
    }
}
