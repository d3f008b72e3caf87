//! The plainest HTTP client: what is sent and what comes back, to the byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use testkit::Network;

/// Longer than an honest answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to an address with a port inside the network.
pub(crate) fn connect(network: &Network, address: &str) -> TcpStream {
    let stream = network.connect(address.parse().expect("an address")).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream
}

/// An answer in its parts; the head is everything up to the empty line.
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// Whether the head has this line.
    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.split("\r\n").any(|line| line == header)
    }
}

/// Asks on a connection that stays open, and reads as much as `Content-Length` says.
pub(crate) fn ask(stream: &mut (impl Read + Write), request: &str) -> Reply {
    stream.write_all(request.as_bytes()).expect("it takes the request");
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        bytes.extend(byte);
    }
    let head = String::from_utf8(bytes).expect("text");
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
    let silent = request.starts_with("HEAD") || head.contains(" 304 ");
    let length = if silent { 0 } else { length.unwrap_or("0").parse().expect("a length") };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    Reply { head, body }
}

/// Returns the request line and headers of a request for a target.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Asks on a connection of its own and returns everything that comes, up to its end.
pub(crate) fn all(network: &Network, address: &str, target: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = connect(network, address);
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}
