//! What a provider prints: cut into lines, escaped, and held to a budget.

mod budget;
mod output;

use std::fmt;

pub(crate) use self::output::{Console, Output, Stream};

/// Where a line of a provider's log comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The provider's standard output.
    Stdout,
    /// The provider's standard error; panics are here.
    Stderr,
    /// The host, about the provider.
    Host,
    /// The provider's messages, through the capability `log`.
    Message(Severity),
}

/// How important a provider says that a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error,
    /// Something looks wrong.
    Warn,
    /// Something a user may want to know.
    Info,
    /// For the provider's author.
    Debug,
    /// Everything.
    Trace,
}

/// One line of a provider's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// Where the line comes from.
    pub source: LogSource,
    /// The line without its end, at most 4 KiB; control characters are escaped, so it can be
    /// shown on a terminal.
    pub text: &'a str,
}

/// Where the lines go.
///
/// Lines come from the threads that run providers: an implementer must not block for long, and
/// must not call the provider. Within one call of an instance lines come in order.
pub trait ProviderLog: Send + Sync + 'static {
    /// Takes one line.
    fn line(&self, line: LogLine<'_>);
}

/// Shows text with every control character escaped (`\n`, `\u{1b}`).
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            let (plain, control) = match part.char_indices().next_back() {
                Some((at, last)) if last.is_control() => (part.get(..at).unwrap_or(""), Some(last)),
                _ => (part, None),
            };
            f.write_str(plain)?;
            match control {
                Some('\t') => f.write_str("\t")?,
                Some(control) => write!(f, "{}", control.escape_default())?,
                None => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        let text = "a\x1b[31mb\r\nc\u{9b}d\te\u{7f}é";
        assert_eq!(Escaped(text).to_string(), "a\\u{1b}[31mb\\r\\nc\\u{9b}d\te\\u{7f}é");
        assert_eq!(Escaped("").to_string(), "");
        assert_eq!(Escaped("plain").to_string(), "plain");
    }
}
