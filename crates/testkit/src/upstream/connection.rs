//! A connection as the upstream has it: plain or TLS, over TCP or a socket of the file system.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The longest head of a request.
const HEAD_MAX: usize = 1 << 20;

/// A stream of bytes that can be ended properly.
pub(super) trait Stream: Read + Write + Send {
    /// Says that no more bytes come, where that takes more than to close.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for TcpStream {}
impl Stream for UnixStream {}
impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

/// A connection with what was read from it ahead.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// A copy of the descriptor below the stream.
    socket: OwnedFd,
    ahead: Vec<u8>,
    pub(super) secure: bool,
    pub(super) server_name: Option<String>,
}

impl Connection {
    pub(super) fn unix(stream: UnixStream) -> io::Result<Self> {
        let socket = stream.as_fd().try_clone_to_owned()?;
        Ok(Self::plain(Box::new(stream), socket))
    }

    fn plain(stream: Box<dyn Stream>, socket: OwnedFd) -> Self {
        Self { stream, socket, ahead: Vec::new(), secure: false, server_name: None }
    }

    pub(super) fn tcp(mut stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let socket = stream.as_fd().try_clone_to_owned()?;
        let Some(config) = tls else { return Ok(Self::plain(Box::new(stream), socket)) };
        let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        let server_name = session.server_name().map(str::to_owned);
        let stream = Box::new(StreamOwned::new(session, stream));
        Ok(Self { secure: true, server_name, ..Self::plain(stream, socket) })
    }

    /// Returns the head of the next request without the empty line, or none at the end.
    pub(super) fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        let end = b"\r\n\r\n";
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|part| part == end) {
                let head = self.take(at)?;
                self.take(end.len())?;
                return Ok(Some(head));
            }
            if self.ahead.len() > HEAD_MAX {
                return Err(io::Error::other("the head of the request is too long"));
            }
            if !self.fill()? {
                return if self.ahead.is_empty() { Ok(None) } else { Err(cut()) };
            }
        }
    }

    /// Returns exactly as many bytes.
    pub(super) fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < length {
            if !self.fill()? {
                return Err(cut());
            }
        }
        let rest = self.ahead.split_off(length);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    /// Returns the bytes up to the end of a line, which is not among them.
    pub(super) fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.ahead.windows(2).position(|part| part == b"\r\n") {
                let line = self.take(at)?;
                self.take(2)?;
                return Ok(line);
            }
            if !self.fill()? {
                return Err(cut());
            }
        }
    }

    /// Reads some more, or returns that this is the end.
    fn fill(&mut self) -> io::Result<bool> {
        let mut block = [0; 16 << 10];
        let count = self.stream.read(&mut block)?;
        self.ahead.extend(block.iter().take(count));
        Ok(count > 0)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Waits; an error when the other side goes meanwhile.
    pub(super) fn pause(&self, time: Duration) -> io::Result<()> {
        self.poll(Some(&Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        }))
    }

    /// Waits until the other side goes, which is an error.
    pub(super) fn hang(&self) -> io::Result<()> {
        self.poll(None)
    }

    fn poll(&self, time: Option<&Timespec>) -> io::Result<()> {
        // Also told of by the shutdown with which the upstream ends its connections.
        match poll(&mut [PollFd::new(&self.socket, PollFlags::RDHUP)], time)? {
            0 => Ok(()),
            _ => Err(cut()),
        }
    }

    /// Ends the stream properly.
    pub(super) fn finish(mut self) {
        // Who is gone need not be told.
        let _ = self.stream.finish();
    }

    /// Ends the connection with a reset; the caller holds no other copy of the descriptor.
    pub(super) fn reset(self) {
        let _ = set_socket_linger(&self.socket, Some(Duration::ZERO));
    }
}

fn cut() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
