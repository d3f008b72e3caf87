//! A body as it arrives: held to its time, decoded, held to its size, and looked through for
//! secrets.

use std::time::Duration;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::BodyStream;
use hyper::header::{self, HeaderMap};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::Arriving;
use super::echo::Scanner;
use super::failure::HttpFailure;
use super::limits::HttpLimits;
use super::pace::Turn;
use super::recording::Tape;
use crate::limits::Bytes as Size;

/// How much is decoded or written at a time.
const PIECE: usize = 64 << 10;

/// How much room is made at once for a body that says how long it is. What it does not have costs
/// addresses and no memory.
const ANNOUNCED: usize = 4 << 20;

/// How many times an encoding may be applied; real answers have one.
const ENCODINGS: usize = 2;

/// The rest of an answer.
pub(crate) struct Body {
    source: Source,
    origin: String,
    scanner: Scanner,
    /// How many bytes it may still have.
    left: u64,
    allowed: Allowed,
    /// How long it says that it is, which may be a lie.
    announced: Option<usize>,
    /// Kept until the body is in: the request is under way as long.
    turn: Option<Turn>,
    /// What writes it down.
    tape: Option<Tape>,
}

/// The data of an answer.
type Data = BoxStream<'static, std::io::Result<Bytes>>;

/// Where the bytes of a body come from.
enum Source {
    /// As they came, and what is left of the last piece.
    Plain(Data, Bytes),
    /// Out of a decoder, by way of a buffer.
    Decoded(Box<dyn AsyncRead + Send + Unpin>, BytesMut),
}

impl Source {
    /// Returns the next bytes, at most `most` of them; none at the end.
    async fn piece(&mut self, most: usize) -> std::io::Result<Option<Bytes>> {
        match self {
            Self::Plain(data, left) => {
                while left.is_empty() {
                    match data.next().await {
                        Some(piece) => *left = piece?,
                        None => return Ok(None),
                    }
                }
                Ok(Some(left.split_to(left.len().min(most))))
            }
            Self::Decoded(reader, buffer) => {
                let most = most.min(PIECE);
                buffer.reserve(most);
                let read = reader.take(most as u64).read_buf(buffer).await?;
                Ok((read > 0).then(|| buffer.split().freeze()))
            }
        }
    }
}

/// How long a body may be, and for how long nothing of it may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Bytes after decoding.
    size: u64,
    /// The key that this is the limit of.
    key: &'static str,
    /// `None` is as long as it takes, for what is read as it happens.
    idle: Option<Duration>,
}

impl Allowed {
    /// Returns what holds for a body that goes through memory.
    pub(super) fn of_fetch(limits: &HttpLimits) -> Self {
        Self { size: limits.body, key: "limits.http_body", idle: Some(limits.idle) }
    }

    /// Returns what holds for a body that goes to a file.
    pub(crate) fn of_download(limits: &HttpLimits) -> Self {
        Self { size: limits.download, key: "cache.disk", idle: Some(limits.idle) }
    }

    /// Returns what holds for a body that is read as it happens: nothing.
    pub(crate) const ENDLESS: Self = Self { size: u64::MAX, key: "", idle: None };
}

impl Body {
    /// Returns the body of an answer with these headers, from which those go that no longer
    /// hold once it is decoded.
    ///
    /// # Errors
    /// [`HttpFailure::Protocol`] for an encoding that nobody asked for.
    pub(super) fn new(
        incoming: Arriving,
        headers: &mut HeaderMap,
        origin: &str,
        scanner: Scanner,
    ) -> Result<Self, HttpFailure> {
        let name = origin.to_owned();
        let data = BodyStream::new(incoming)
            .map_err(move |error| {
                let failure = match HttpFailure::classify(&*error, &name) {
                    // The answer had begun: what ended is its body.
                    HttpFailure::Reset(_) => {
                        HttpFailure::Short(format!("{name} ended the connection inside its answer"))
                    }
                    other => other,
                };
                std::io::Error::other(failure)
            })
            .try_filter_map(|frame| async { Ok(frame.into_data().ok()) });
        let announced = declared_size(headers).and_then(|size| usize::try_from(size).ok());
        let source = decoded(data.boxed(), headers, origin)?;
        Ok(Self {
            source,
            origin: origin.to_owned(),
            scanner,
            left: 0,
            allowed: Allowed { size: 0, key: "", idle: None },
            announced,
            turn: None,
            tape: None,
        })
    }

    /// Keeps a turn for as long as it lives.
    pub(super) fn holding(mut self, turn: Turn) -> Self {
        self.turn = Some(turn);
        self
    }

    /// Has it written down as it is read.
    pub(super) fn taped(mut self, tape: Tape) -> Self {
        self.tape = Some(tape);
        self
    }

    /// Gives its turn back: it goes on for longer than others can wait for.
    pub(crate) fn without_turn(mut self) -> Self {
        self.turn = None;
        self
    }

    /// Holds it to a size and a pace; until then it may have nothing.
    pub(crate) fn limited(mut self, allowed: Allowed) -> Self {
        (self.left, self.allowed) = (allowed.size, allowed);
        self
    }

    /// Returns the next bytes, at most `most` of them; none at the end.
    ///
    /// # Errors
    /// As the connection, the decoder, the limits or the look for secrets have it.
    pub(crate) async fn next(&mut self, most: usize) -> Result<Option<Bytes>, HttpFailure> {
        let piece = self.piece(most).await;
        if let Some(tape) = &mut self.tape {
            match &piece {
                Ok(Some(piece)) => tape.piece(piece),
                Ok(None) => tape.end(),
                Err(failure) => tape.failed(failure),
            }
        }
        piece
    }

    async fn piece(&mut self, most: usize) -> Result<Option<Bytes>, HttpFailure> {
        let reading = self.source.piece(most.max(1));
        let read = match self.allowed.idle {
            None => reading.await,
            Some(idle) => match tokio::time::timeout(idle, reading).await {
                Ok(read) => read,
                Err(_elapsed) => {
                    return Err(HttpFailure::Timeout(format!(
                        "nothing more of the answer of {} came for {} s (limits.http_idle)",
                        self.origin,
                        idle.as_secs_f64()
                    )));
                }
            },
        };
        let read = read.map_err(|error| HttpFailure::classify(&error, &self.origin))?;
        let Some(piece) = read else { return Ok(None) };
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| {
            HttpFailure::TooLarge(format!(
                "the answer of {} is over the limit of {} ({})",
                self.origin,
                Size(self.allowed.size),
                self.allowed.key
            ))
        })?;
        if let Some(name) = self.scanner.look(&piece) {
            let (origin, name) = (self.origin.clone(), name.to_owned());
            return Err(HttpFailure::SecretEcho { origin, name });
        }
        Ok(Some(piece))
    }

    /// Returns all of it, in memory of its own: a piece is a part of a connection's buffer, which
    /// it would keep.
    ///
    /// # Errors
    /// As [`Body::next`].
    pub(super) async fn collect(mut self) -> Result<Bytes, HttpFailure> {
        let announced = self.announced.unwrap_or(0).min(ANNOUNCED);
        let mut all = BytesMut::with_capacity(announced);
        while let Some(piece) = self.next(PIECE).await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

/// Returns how long a body is by its header (RFC 9110, 8.6).
pub(crate) fn declared_size(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Takes the encodings off, the last one first.
fn decoded(data: Data, headers: &mut HeaderMap, origin: &str) -> Result<Source, HttpFailure> {
    let values: Vec<String> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
        .collect();
    let encodings: Vec<&str> = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty() && *encoding != "identity")
        .collect();
    if encodings.is_empty() {
        return Ok(Source::Plain(data, Bytes::new()));
    }
    let unfit =
        |what: &str| HttpFailure::Protocol(format!("the answer of {origin} is encoded as {what}"));
    if encodings.len() > ENCODINGS {
        return Err(unfit("several things at once"));
    }
    let mut reader: Box<dyn AsyncBufRead + Send + Unpin> = Box::new(StreamReader::new(data));
    for encoding in encodings.iter().rev() {
        let inner = reader;
        let outer: Box<dyn AsyncRead + Send + Unpin> = match *encoding {
            "gzip" | "x-gzip" => {
                let mut decoder = GzipDecoder::new(inner);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            "br" => Box::new(BrotliDecoder::new(inner)),
            "zstd" => Box::new(ZstdDecoder::new(inner)),
            "deflate" => Box::new(ZlibDecoder::new(inner)),
            other => return Err(unfit(&format!("{other:?}, which nobody asked for"))),
        };
        reader = Box::new(tokio::io::BufReader::new(outer));
    }
    for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    Ok(Source::Decoded(reader, BytesMut::new()))
}
