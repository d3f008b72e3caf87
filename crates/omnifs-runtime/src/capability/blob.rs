//! A body that stays with the host, however long it is.

mod arrival;
mod room;

use std::fmt;
use std::future::{self, Future};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::header::HeaderMap;
use omnifs_vfs::{ByteRange, VfsError};
use tokio::task::AbortHandle;

use self::arrival::{Waiting, arrival};
use self::room::Place;
pub(crate) use self::room::Room;
use crate::http::{Allowed, HttpFailure, Started, declared_size};

/// How much is written at a time, where so much came at once.
const PIECE: usize = 1 << 20;

/// A complete or arriving body.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Blob {
    status: u16,
    headers: HeaderMap,
    /// The size that the upstream declared, where what is here is what it sent.
    declared: Option<u64>,
    place: Place,
    arrived: Waiting,
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
        room: &Room,
    ) -> Result<Self, HttpFailure> {
        let declared = declared_size(&started.headers);
        let place = room.place(declared).map_err(|error| {
            HttpFailure::TooLarge(format!("there is no room on disk for a download: {error}"))
        })?;
        let (receiver, arrived) = arrival();
        let mut body = started.body.limited(allowed);
        let target = place.clone();
        let receiving = tokio::spawn(async move {
            let end = loop {
                let piece = match body.next(PIECE).await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => break Ok(()),
                    Err(failure) => break Err(failure),
                };
                if let Err(error) = target.append(&piece, receiver.bytes()) {
                    break Err(HttpFailure::TooLarge(format!("cannot keep a download: {error}")));
                }
                receiver.add(piece.len() as u64);
            };
            target.complete();
            receiver.end(end);
        })
        .abort_handle();
        let (status, headers) = (started.status.as_u16(), started.headers);
        Ok(Self { status, headers, declared, place, arrived, receiving })
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the size, once the whole body is there.
    pub(crate) fn size(&self) -> Option<u64> {
        let arrived = self.arrived.now();
        matches!(arrived.end, Some(Ok(()))).then_some(arrived.bytes)
    }

    /// Returns up to `length` bytes from `offset` on, fewer only at the end; waits until they
    /// are there.
    pub(crate) fn read(
        &self,
        offset: u64,
        length: u32,
    ) -> impl Future<Output = Result<Bytes, HttpFailure>> + Send + use<> {
        let (place, mut arrived) = (self.place.clone(), self.arrived.clone());
        async move {
            let end = offset.saturating_add(length.into());
            let there = arrived.until(end).await.ok_or_else(given_up)?;
            // What came before a failure is true, but nobody can know what it is a part of.
            if there.bytes < end
                && let Some(Err(failure)) = there.end
            {
                return Err(failure);
            }
            let available = there.bytes.min(end).saturating_sub(offset);
            place.read(offset, available).map_err(|error| {
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
            // It ends before.
            let there = arrived.until(u64::MAX).await.ok_or_else(|| given_up().to_vfs())?;
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
        async move { reading.await.map_err(|failure| failure.to_vfs()) }.boxed()
    }

    fn memory(&self) -> u64 {
        self.place.memory()
    }
}

fn given_up() -> HttpFailure {
    HttpFailure::Short("the download was given up".to_owned())
}
