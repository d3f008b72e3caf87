//! A bare HTTP client: keep-alive connections, one thread each, and no file system at all. What a
//! mount of the upstream can reach at best.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// How much of an answer is read at once.
const BUFFER: usize = 1 << 20;

/// What to ask for: a path, and of some 4 KiB from an offset on.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Begins with a slash.
    pub(crate) path: String,
    /// Where the range begins; `None` is the whole.
    pub(crate) from: Option<u64>,
}

/// What came of asking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetched {
    /// How long all took.
    pub(crate) time: Duration,
    /// The bytes of all bodies.
    pub(crate) bytes: u64,
}

/// Asks for all targets over so many connections.
pub(crate) fn fetch(port: u16, targets: &[Target], connections: usize) -> Result<Fetched> {
    let todo = Mutex::new(targets.iter());
    let begun = Instant::now();
    let bytes = std::thread::scope(|scope| {
        let one = || -> Result<u64> {
            let mut connection = Connection::open(port)?;
            let mut bytes = 0;
            loop {
                let next = todo.lock().map_err(|_| anyhow!("another connection failed"))?.next();
                let Some(target) = next else { return Ok(bytes) };
                bytes += connection.get(target).with_context(|| target.path.clone())?;
            }
        };
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let ends =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("it panicked"))?);
        ends.sum::<Result<u64>>()
    })?;
    Ok(Fetched { time: begun.elapsed(), bytes })
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer is filled.
    filled: usize,
}

impl Connection {
    fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], filled: 0 })
    }

    /// Asks for one target and returns how many bytes its body has.
    fn get(&mut self, target: &Target) -> Result<u64> {
        let range = target.from.map(|from| format!("Range: bytes={from}-{}\r\n", from + 4095));
        let (path, range) = (&target.path, range.unwrap_or_default());
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{range}\r\n");
        self.stream.write_all(request.as_bytes())?;
        self.filled = 0;
        let head = loop {
            self.fill()?;
            let filled = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(end) = filled.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default());
        let text = text.to_ascii_lowercase();
        let wanted = if target.from.is_some() { "http/1.1 206 " } else { "http/1.1 200 " };
        ensure!(text.starts_with(wanted), "{}", text.lines().next().unwrap_or_default());
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        match length {
            Some(length) => self.rest(head, length.trim().parse()?),
            None => self.chunks(head),
        }
    }

    /// Reads a body of a known length.
    fn rest(&mut self, head: usize, length: u64) -> Result<u64> {
        let mut missing = length.saturating_sub(u64::try_from(self.filled - head)?);
        while missing > 0 {
            self.filled = 0;
            missing = missing.saturating_sub(u64::try_from(self.fill()?)?);
        }
        Ok(length)
    }

    /// Reads a body in chunks to its end; what is in it is a listing, which has no such line.
    fn chunks(&mut self, head: usize) -> Result<u64> {
        let mut bytes = u64::try_from(self.filled - head)?;
        loop {
            let filled = self.buffer.get(..self.filled).unwrap_or_default();
            if filled.ends_with(b"\r\n0\r\n\r\n") {
                return Ok(bytes);
            }
            if self.filled == self.buffer.len() {
                // The last bytes, in which the end may have begun.
                self.buffer.copy_within(self.filled - 8.., 0);
                self.filled = 8;
            }
            bytes += u64::try_from(self.fill()?)?;
        }
    }

    fn fill(&mut self) -> Result<usize> {
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = self.stream.read(free)?;
        if count == 0 {
            bail!("the server hung up, or its head is too long");
        }
        self.filled += count;
        Ok(count)
    }
}
