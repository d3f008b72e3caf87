//! A request as it arrived.

use std::io;

/// A request that an upstream got, whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Which of the upstream's connections it came on, from 1 on.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The target, as the request line had it: usually path and query.
    pub target: String,
    /// The headers in their order, names as they were.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The address and port that it came to, or the path of the socket.
    pub local: String,
    /// The address and port that it came from; empty for a socket of the file system.
    pub peer: String,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The name that the TLS session was asked for, if any.
    pub server_name: Option<String>,
}

impl Received {
    /// Reads a request line and headers, without the empty line at their end.
    pub(super) fn parse(head: &[u8]) -> io::Result<Self> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let parts: Vec<&str> = first.split(' ').collect();
        let [method, target, "HTTP/1.1" | "HTTP/1.0"] = parts[..] else {
            return Err(io::Error::other(format!("no request line: {first:?}")));
        };
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        let headers: Option<Vec<_>> = lines.map(header).collect();
        let headers = headers.ok_or_else(|| io::Error::other("a header without a colon"))?;
        let (method, target) = (method.to_owned(), target.to_owned());
        Ok(Self { method, target, headers, ..Self::default() })
    }

    /// Returns the value of the first header with this name, in whatever letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let is = |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().find(is).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Received;

    #[test]
    fn takes_a_request_apart() {
        let request = Received::parse(b"GET /a?b HTTP/1.1\r\nHost: x:1\r\nA:b").unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/a?b"));
        assert_eq!((request.header("host"), request.header("a")), (Some("x:1"), Some("b")));
        assert!(Received::parse(b"GET /a b HTTP/1.1").is_err());
        assert!(Received::parse(b"GET / HTTP/1.1\r\nno header").is_err());
    }
}
