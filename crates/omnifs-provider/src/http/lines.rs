//! The lines of a body as it arrives.

use super::{Error, Incoming};

/// The longest line, in bytes.
const LONGEST: usize = 1 << 20;

/// How many bytes are asked for at a time.
const PIECE: u32 = 16 << 10;

/// Gives the lines of a body as they arrive, without their ends; see [`Incoming::lines`].
#[derive(Debug)]
pub struct Lines {
    body: Incoming,
    splitter: Splitter,
    has_ended: bool,
}

impl Incoming {
    /// Returns the lines of the body, each as soon as it is whole: of a stream of events. A line has
    /// at most a mebibyte, and bytes that are not UTF-8 are replaced.
    ///
    /// ```no_run
    /// use omnifs_provider::http;
    ///
    /// let events = http::get("https://api.example.com/events").open()?.error_for_status()?;
    /// for line in events.lines() {
    ///     println!("{}", line?);
    /// }
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn lines(self) -> Lines {
        Lines { body: self, splitter: Splitter::default(), has_ended: false }
    }
}

impl Iterator for Lines {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.splitter.line() {
                return Some(Ok(line));
            }
            if self.has_ended {
                return None;
            }
            let read = self.body.read(PIECE);
            self.has_ended = !matches!(read, Ok(Some(_)));
            match read {
                Ok(Some(bytes)) => {
                    if let Err(error) = self.splitter.add(&bytes) {
                        self.has_ended = true;
                        return Some(Err(error));
                    }
                }
                Ok(None) => return self.splitter.rest().map(Ok),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

/// Bytes that come in pieces, as lines.
#[derive(Debug, Default)]
struct Splitter {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is no end of it.
    seen: usize,
}

impl Splitter {
    fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        if self.bytes.len() + bytes.len() > LONGEST + PIECE as usize {
            return Err(Error::new(format!("a line has more than {LONGEST} bytes")));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn line(&mut self) -> Option<String> {
        let unseen = self.bytes.get(self.seen..)?;
        let Some(length) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let end = self.seen + length;
        let line = text(self.bytes.get(self.start..end)?);
        (self.start, self.seen) = (end + 1, end + 1);
        Some(line)
    }

    /// Returns a last line without an end.
    fn rest(&mut self) -> Option<String> {
        let rest = self.bytes.split_off(self.start);
        (self.start, self.seen) = (self.bytes.len(), self.bytes.len());
        (!rest.is_empty()).then(|| text(&rest))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> Vec<String> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for piece in pieces {
            splitter.add(piece.as_bytes()).expect("short");
            lines.extend(std::iter::from_fn(|| splitter.line()));
        }
        lines.extend(splitter.rest());
        assert_eq!(splitter.rest(), None);
        lines
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(lines(&["a\nb", "c\r\n", "\n", "d", "e"]), ["a", "bc", "", "de"]);
        assert_eq!(lines(&["a\n"]), ["a"]);
        assert_eq!(lines(&[]), Vec::<String>::new());
        assert_eq!(lines(&["1\n2\n3\n", "4\n"]), ["1", "2", "3", "4"]);
    }

    #[test]
    fn a_line_has_an_end() {
        let mut splitter = Splitter::default();
        let mut added = 0;
        let error = loop {
            match splitter.add(&[b'x'; 1 << 16]) {
                Ok(()) => added += 1,
                Err(error) => break error,
            }
            assert_eq!(splitter.line(), None);
        };
        assert_eq!(added, 16);
        assert!(error.to_string().contains("1048576 bytes"), "{error}");
    }
}
