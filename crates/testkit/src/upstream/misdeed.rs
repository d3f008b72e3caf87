//! Answers that are not proper HTTP, or come too slowly, or never end.

use std::io;
use std::time::Duration;

use super::answer::chunk;
use super::connection::Connection;

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It takes the next request.
    Keep,
    /// It is closed properly.
    Close,
    /// It is closed without the end of its TLS session.
    Cut,
    /// It is reset.
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misdeed {
    Never,
    Drip(Duration),
    Stall,
    Endless,
    EndlessChunks,
    Short,
    ShortChunks,
    Long,
    Reset,
    Close,
    Garbage,
}

const BLOCK: [u8; 16 << 10] = [b'x'; 16 << 10];

impl Misdeed {
    pub(super) fn commit(self, connection: &mut Connection) -> io::Result<After> {
        match self {
            Self::Never => connection.hang()?,
            Self::Drip(pause) => {
                connection.send(&head("Content-Length: 1000"))?;
                for _ in 0..1000 {
                    connection.pause(pause)?;
                    connection.send(b"x")?;
                }
                return Ok(After::Keep);
            }
            Self::Stall => {
                connection.send(&[head("Content-Length: 100"), vec![b'x'; 10]].concat())?;
                connection.hang()?;
            }
            Self::Endless => {
                connection.send(&head("Connection: close"))?;
                loop {
                    connection.send(&BLOCK)?;
                }
            }
            Self::EndlessChunks => {
                connection.send(&head("Transfer-Encoding: chunked"))?;
                let piece = chunk(&BLOCK);
                loop {
                    connection.send(&piece)?;
                }
            }
            Self::Short => {
                connection.send(&[head("Content-Length: 100"), vec![b'x'; 10]].concat())?;
            }
            Self::ShortChunks => {
                let head = head("Transfer-Encoding: chunked");
                connection.send(&[head, chunk(b"xxxxxxxxxx")].concat())?;
            }
            Self::Long => {
                let forged = head("Content-Length: 6");
                let body = [b"right".to_vec(), forged, b"forged".to_vec()].concat();
                connection.send(&[head("Content-Length: 5"), body].concat())?;
                return Ok(After::Keep);
            }
            Self::Reset => return Ok(After::Reset),
            Self::Close => return Ok(After::Close),
            Self::Garbage => {
                connection.send(b"this is no HTTP\r\n\r\n")?;
                return Ok(After::Close);
            }
        }
        Ok(After::Cut)
    }
}

fn head(header: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 Status\r\nContent-Type: text/plain\r\n{header}\r\n\r\n").into_bytes()
}
