//! A body that stays with the host: in a file without a name, however long it is.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::future::{self, Future};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::header::HeaderMap;
use omnifs_vfs::{ByteRange, VfsError};
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::http::{Allowed, HttpFailure, Started, declared_size};

/// How much is written at a time, where so much came at once.
const PIECE: usize = 1 << 20;

/// What of a body is there.
#[derive(Debug, Clone, Default)]
struct Arrived {
    bytes: u64,
    /// How it ended, once it did.
    end: Option<Result<(), HttpFailure>>,
}

/// A complete or arriving body.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Blob {
    status: u16,
    headers: HeaderMap,
    /// The size that the upstream declared, where what is here is what it sent.
    declared: Option<u64>,
    file: Arc<File>,
    arrived: watch::Receiver<Arrived>,
    receiving: AbortHandle,
}

impl Drop for Blob {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

impl Blob {
    /// Takes the body in, on a task of its own, as far as it is `allowed`.
    ///
    /// # Errors
    /// [`HttpFailure::TooLarge`] when there is no file to put it into.
    pub(crate) fn receive(
        started: Started,
        allowed: Allowed,
        scratch: Option<&Path>,
    ) -> Result<Self, HttpFailure> {
        let made = match scratch {
            Some(directory) => tempfile::tempfile_in(directory).or_else(|error| {
                if error.kind() != io::ErrorKind::NotFound {
                    return Err(error);
                }
                // Caches are removed by their users.
                DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
                tempfile::tempfile_in(directory)
            }),
            None => tempfile::tempfile(),
        };
        let file = Arc::new(made.map_err(|error| {
            HttpFailure::TooLarge(format!("there is no room on disk for a download: {error}"))
        })?);
        let (sender, arrived) = watch::channel(Arrived::default());
        let mut body = started.body.limited(allowed);
        let target = Arc::clone(&file);
        let receiving = tokio::spawn(async move {
            let end = loop {
                let piece = match body.next(PIECE).await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => break Ok(()),
                    Err(failure) => break Err(failure),
                };
                let at = sender.borrow().bytes;
                // Into the page cache: not long enough to be worth another thread.
                if let Err(error) = target.write_all_at(&piece, at) {
                    break Err(HttpFailure::TooLarge(format!("cannot keep a download: {error}")));
                }
                sender.send_modify(|arrived| arrived.bytes += piece.len() as u64);
            };
            sender.send_modify(|arrived| arrived.end = Some(end));
        })
        .abort_handle();
        let (status, headers) = (started.status.as_u16(), started.headers);
        let declared = declared_size(&headers);
        Ok(Self { status, headers, declared, file, arrived, receiving })
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the size, once the whole body is there.
    pub(crate) fn size(&self) -> Option<u64> {
        let arrived = self.arrived.borrow();
        matches!(arrived.end, Some(Ok(()))).then_some(arrived.bytes)
    }

    /// Returns up to `length` bytes from `offset` on, fewer only at the end; waits until they
    /// are there.
    pub(crate) fn read(
        &self,
        offset: u64,
        length: u32,
    ) -> impl Future<Output = Result<Vec<u8>, HttpFailure>> + Send + use<> {
        let (file, mut arrived) = (Arc::clone(&self.file), self.arrived.clone());
        async move {
            let end = offset.saturating_add(length.into());
            let enough = |arrived: &Arrived| arrived.bytes >= end || arrived.end.is_some();
            let there = match arrived.wait_for(enough).await {
                Ok(arrived) => arrived.clone(),
                Err(_gone) => return Err(given_up()),
            };
            // What came before a failure is true, but nobody can know what it is a part of.
            if there.bytes < end
                && let Some(Err(failure)) = there.end
            {
                return Err(failure);
            }
            let available = there.bytes.min(end).saturating_sub(offset);
            read_back(&file, offset, available).map_err(|error| {
                HttpFailure::Short(format!("a download cannot be read back: {error}"))
            })
        }
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, declared, .. } = self;
        f.debug_struct("Blob").field("status", status).field("declared", declared).finish()
    }
}

impl omnifs_vfs::Blob for Blob {
    /// A declared size is no promise of the upstream's that is believed in the end: a body that is
    /// shorter is a failure, and so is a longer one.
    fn size(&self) -> BoxFuture<'_, Result<u64, VfsError>> {
        if let Some(declared) = self.declared {
            return future::ready(Ok(declared)).boxed();
        }
        let mut arrived = self.arrived.clone();
        async move {
            let there = arrived.wait_for(|arrived| arrived.end.is_some()).await;
            let there = there.map_err(|_| given_up().to_vfs())?;
            match &there.end {
                Some(Err(failure)) => Err(failure.to_vfs()),
                Some(Ok(())) | None => Ok(there.bytes),
            }
        }
        .boxed()
    }

    fn read(&self, range: ByteRange) -> BoxFuture<'_, Result<Bytes, VfsError>> {
        let ByteRange { offset, length } = range;
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let reading = self.read(offset, length);
        async move { reading.await.map(Bytes::from).map_err(|failure| failure.to_vfs()) }.boxed()
    }
}

/// Returns so many bytes of a file, which has them, into memory that was not cleared before.
fn read_back(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).unwrap_or_default();
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        if retry_on_intr(|| pread(file, spare_capacity(&mut bytes), at))? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // There may be more room than was asked for.
    bytes.truncate(length);
    Ok(bytes)
}

fn given_up() -> HttpFailure {
    HttpFailure::Short("the download was given up".to_owned())
}
