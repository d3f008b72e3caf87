//! Answers that are proper HTTP.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use super::coding::Coding;
use super::connection::Connection;
use super::misdeed::After;
use super::target::Target;

/// An answer of an upstream, with its body as it is before any coding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    coding: Option<Coding>,
    chunk: Option<usize>,
    delay: Duration,
    close: bool,
}

/// Between two chunks: enough for the first to be read before the next is there.
const MOMENT: Duration = Duration::from_millis(5);

impl Answer {
    /// Returns an answer with a status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            coding: None,
            chunk: None,
            delay: Duration::ZERO,
            close: false,
        }
    }

    /// Returns a good answer whose body is JSON.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body).header("Content-Type", "application/json")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the body in this coding.
    #[must_use]
    pub fn coded(mut self, coding: Coding) -> Self {
        self.coding = Some(coding);
        self
    }

    /// Sends the body in chunks of so many bytes, a moment apart.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        self.chunk = Some(size.max(1));
        self
    }

    /// Waits before the answer.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay += delay;
        self
    }

    /// Adds what the query of a request asks for.
    pub(super) fn asked_for(mut self, target: &Target) -> Self {
        for header in target.all("h") {
            let (name, value) = header.split_once(':').unwrap_or((header, ""));
            self = self.header(name, value.trim());
        }
        for (asked, name) in [
            ("retry_after", "Retry-After"),
            ("remaining", "X-RateLimit-Remaining"),
            ("control", "Cache-Control"),
        ] {
            if let Some(value) = target.get(asked) {
                self = self.header(name, value);
            }
        }
        self.coding = target.get("encoding").and_then(Coding::parse).or(self.coding);
        if let Some(size) = target.number("chunk").and_then(|size| usize::try_from(size).ok()) {
            self = self.chunked(size);
        }
        self.delay += Duration::from_millis(target.number("delay").unwrap_or(0));
        self.close |= target.get("close").is_some();
        self
    }

    /// Sends it in answer to a request with this method.
    pub(super) fn send(self, connection: &mut Connection, method: &str) -> io::Result<After> {
        connection.pause(self.delay)?;
        let body = match self.coding {
            Some(coding) => coding.encode(&self.body),
            None => self.body.clone(),
        };
        // RFC 9110, 6.4.1: these have no body, and say nothing of one.
        let bare = matches!(self.status, 100..=199 | 204 | 304);
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        for (name, value) in &self.headers {
            push(&mut head, name, value);
        }
        if let Some(coding) = self.coding {
            push(&mut head, "Content-Encoding", coding.name());
        }
        match self.chunk {
            _ if bare => {}
            Some(_) => push(&mut head, "Transfer-Encoding", "chunked"),
            None => push(&mut head, "Content-Length", &body.len().to_string()),
        }
        if self.close {
            push(&mut head, "Connection", "close");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        let silent = bare || method == "HEAD";
        match self.chunk {
            Some(size) if !silent => {
                connection.send(&bytes)?;
                for piece in body.chunks(size) {
                    connection.pause(MOMENT)?;
                    connection.send(&chunk(piece))?;
                }
                connection.send(&chunk(&[]))?;
            }
            _ => {
                // One write: a head alone may arrive alone, and be read, before a reset.
                bytes.extend(body.iter().filter(|_| !silent));
                connection.send(&bytes)?;
            }
        }
        Ok(if self.close { After::Close } else { After::Keep })
    }
}

/// Returns a piece of a body as a chunk; an empty one is the last.
pub(super) fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
    bytes.extend(piece);
    bytes.extend(b"\r\n");
    bytes
}

fn push(head: &mut String, name: &str, value: &str) {
    write!(head, "{name}: {value}\r\n").expect("a text takes it");
}
