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

/// Writes bytes to standard output, all of them.
///
/// # Errors
/// When it cannot be written, for another reason than that nobody reads it.
pub(super) fn write(bytes: &[u8]) -> Result<Output, Failure> {
    let mut out = anstream::stdout().lock();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(plain("a\x1b[2Jb\u{9b}1m\r\n\tc"), "a\\u{1b}[2Jb\\u{9b}1m\\r\n\\tc");
    }
}
