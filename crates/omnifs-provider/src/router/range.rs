//! The part of a file that is asked for.

use crate::http::{RequestBuilder, Response};
use crate::projection::ByteRange;
use crate::router::File;
use crate::Error;

/// The status of an answer that has a part (RFC 9110, 15.3.7).
const PARTIAL_CONTENT: u16 = 206;

/// The status of an answer that has none, as the part begins behind the end (15.5.17).
const RANGE_NOT_SATISFIABLE: u16 = 416;

/// The part of a file that the host asks for: the last parameter of a handler that can answer for
/// parts.
///
/// A file whose handler takes one is read in parts only as far as somebody wants it. The handler
/// returns exactly those bytes, fewer only at the end of the file and none behind it.
///
/// ```
/// use omnifs_provider::router::{Entry, Range, Router};
/// use omnifs_provider::{http, Error};
///
/// fn logs() -> Result<Vec<Entry>, Error> {
///     // A log keeps its key when it is renamed, and the new one has another.
///     Ok(vec![Entry::file("app.log").key(77).size(120_000).live()])
/// }
///
/// fn log(key: u64, range: Range) -> Result<Vec<u8>, Error> {
///     range.fetch(http::get(format!("https://logs.example.com/{key}")))
/// }
///
/// let app = Router::new().dir("/logs", logs).file("/logs/{log}", log);
/// # assert_eq!(app.problems(), Vec::<String>::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    offset: u64,
    length: Option<u64>,
}

impl From<Option<ByteRange>> for Range {
    fn from(range: Option<ByteRange>) -> Self {
        match range {
            Some(ByteRange { offset, length }) => Self { offset, length: Some(length) },
            None => Self { offset: 0, length: None },
        }
    }
}

impl Range {
    /// Returns where it begins, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many bytes it has; none for all to the end.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Returns this part of all bytes of a file.
    #[must_use]
    pub fn of<'a>(&self, all: &'a [u8]) -> &'a [u8] {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(all.len());
        let end = self.length.map_or(u64::MAX, |length| self.offset.saturating_add(length));
        all.get(place(self.offset)..place(end)).unwrap_or_default()
    }

    /// Returns the value of a `Range` header that asks for it; none for a whole file.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        match self.length {
            None if self.offset == 0 => None,
            None => Some(format!("bytes={}-", self.offset)),
            Some(length) => {
                let last = self.offset.saturating_add(length).saturating_sub(1);
                Some(format!("bytes={}-{last}", self.offset))
            }
        }
    }

    /// Returns a request for this part of what it asks for.
    pub fn ask<'a>(&self, request: RequestBuilder<'a>) -> RequestBuilder<'a> {
        match self.header() {
            Some(value) => request.header("Range", value),
            None => request,
        }
    }

    /// Returns the bytes of this part from an answer to a request for it.
    ///
    /// A server that does not answer for parts sends all, of which the part is taken.
    ///
    /// # Errors
    /// By the status of the answer, which is neither an error nor a redirection; when the server
    /// sends another part.
    pub fn take(&self, answer: Response) -> Result<Vec<u8>, Error> {
        match answer.status() {
            RANGE_NOT_SATISFIABLE => Ok(Vec::new()),
            PARTIAL_CONTENT => match self.begins(answer.header("content-range")) {
                Ok(()) => Ok(answer.body),
                Err(error) => Err(error.at(answer.url)),
            },
            _ => {
                let mut answer = answer.error_for_status()?;
                if !answer.is_success() {
                    let why = format!("the answer {} has no bytes of the file", answer.status);
                    return Err(Error::new(why).at(answer.url));
                }
                match self.header() {
                    None => Ok(std::mem::take(&mut answer.body)),
                    Some(_) => Ok(self.of(&answer.body).to_vec()),
                }
            }
        }
    }

    /// Returns whether an answer with this `Content-Range` begins where this part does.
    fn begins(&self, content_range: Option<&str>) -> Result<(), Error> {
        let got = content_range.and_then(begin);
        if got == Some(self.offset) {
            return Ok(());
        }
        let got = got.map_or("nowhere".to_string(), |at| format!("byte {at}"));
        let asked = self.offset;
        Err(Error::new(format!("asked for bytes from {asked} on, it sent some from {got} on")))
    }

    /// Sends a request for this part of what it asks for, whose bytes stay with the host and go to
    /// readers as they arrive: for long parts. Returns none when the answer is no part, as that of a
    /// server that does not answer for parts, or of one that redirects; see [`fetch`](Self::fetch).
    ///
    /// # Errors
    /// As the request failed; when the server sends another part.
    pub fn download(&self, request: RequestBuilder<'_>) -> Result<Option<File>, Error> {
        let blob = self.ask(request).download()?;
        if blob.status() != PARTIAL_CONTENT {
            return Ok(None);
        }
        self.begins(blob.header("content-range").as_deref())?;
        Ok(Some(blob.into()))
    }

    /// Sends a request for this part of what it asks for, and returns the bytes of the part.
    ///
    /// # Errors
    /// As the request failed, and as [`take`](Self::take).
    pub fn fetch(&self, request: RequestBuilder<'_>) -> Result<Vec<u8>, Error> {
        self.take(self.ask(request).send()?)
    }
}

/// Returns where a part begins by its `Content-Range`: `bytes 0-99/*`.
fn begin(header: &str) -> Option<u64> {
    header.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, length: u64) -> Range {
        Some(ByteRange { offset, length }).into()
    }

    #[test]
    fn a_part_is_asked_for_and_taken() {
        assert_eq!(Range::from(None).header(), None);
        assert_eq!(range(0, 1).header().as_deref(), Some("bytes=0-0"));
        assert_eq!(range(10, 90).header().as_deref(), Some("bytes=10-99"));
        assert_eq!(range(5, u64::MAX).header(), Some(format!("bytes=5-{}", u64::MAX - 1)));
        let all = b"0123456789";
        assert_eq!(Range::from(None).of(all), all);
        assert_eq!(range(2, 3).of(all), b"234");
        assert_eq!([range(8, 9).of(all), range(10, 1).of(all)], [&b"89"[..], b""]);
        assert_eq!(begin("bytes 10-99/1000"), Some(10));
        assert_eq!([begin("bytes */1000"), begin("pages 1-2")], [None, None]);
    }
}
