//! A body that stays with the host, however long it is.

mod room;

use std::fmt;
use std::future::{self, Future};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::header::HeaderMap;
use omnifs_vfs::{ByteRange, VfsError};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use self::room::Place;
pub(crate) use self::room::Room;
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

/// How many bytes whoever needs the fewest waits for: those who wait are not woken before, as a body
/// comes in many small pieces.
#[derive(Debug)]
struct Awaited(AtomicU64);

impl Default for Awaited {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Awaited {
    /// Says that somebody is about to look whether so many bytes are there, and to wait if not.
    fn note(&self, bytes: u64) {
        self.0.fetch_min(bytes, Ordering::SeqCst);
    }

    /// Returns whether to wake those who wait: all of them, and each says again what for.
    fn reached(&self, bytes: u64) -> bool {
        let is_reached = bytes >= self.0.load(Ordering::SeqCst);
        if is_reached {
            self.0.store(u64::MAX, Ordering::SeqCst);
        }
        is_reached
    }
}

/// A complete or arriving body.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Blob {
    status: u16,
    headers: HeaderMap,
    /// The size that the upstream declared, where what is here is what it sent.
    declared: Option<u64>,
    place: Place,
    arrived: watch::Receiver<Arrived>,
    awaited: Arc<Awaited>,
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
        let (sender, arrived) = watch::channel(Arrived::default());
        let mut body = started.body.limited(allowed);
        let awaited = Arc::new(Awaited::default());
        let (target, wanted) = (place.clone(), Arc::clone(&awaited));
        let receiving = tokio::spawn(async move {
            let end = loop {
                let piece = match body.next(PIECE).await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => break Ok(()),
                    Err(failure) => break Err(failure),
                };
                let at = sender.borrow().bytes;
                if let Err(error) = target.append(&piece, at) {
                    break Err(HttpFailure::TooLarge(format!("cannot keep a download: {error}")));
                }
                // What is awaited is looked at while nobody can look at what has arrived.
                sender.send_if_modified(|arrived| {
                    arrived.bytes += piece.len() as u64;
                    wanted.reached(arrived.bytes)
                });
            };
            target.complete();
            sender.send_modify(|arrived| arrived.end = Some(end));
        })
        .abort_handle();
        let (status, headers) = (started.status.as_u16(), started.headers);
        Ok(Self { status, headers, declared, place, arrived, awaited, receiving })
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
    ) -> impl Future<Output = Result<Bytes, HttpFailure>> + Send + use<> {
        let (place, mut arrived) = (self.place.clone(), self.arrived.clone());
        let awaited = Arc::clone(&self.awaited);
        async move {
            let end = offset.saturating_add(length.into());
            let there = loop {
                awaited.note(end);
                let there = arrived.borrow_and_update().clone();
                if there.bytes >= end || there.end.is_some() {
                    break there;
                }
                arrived.changed().await.map_err(|_gone| given_up())?;
            };
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
        async move { reading.await.map_err(|failure| failure.to_vfs()) }.boxed()
    }

    fn memory(&self) -> u64 {
        self.place.memory()
    }
}

fn given_up() -> HttpFailure {
    HttpFailure::Short("the download was given up".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_are_woken_when_the_first_has_what_it_waits_for() {
        let awaited = Awaited::default();
        assert!(!awaited.reached(1_000), "nobody waits");
        awaited.note(300);
        awaited.note(200);
        assert!(!awaited.reached(199));
        assert!(awaited.reached(200));
        assert!(!awaited.reached(250), "who was woken says again what for");
        awaited.note(300);
        assert!(awaited.reached(400));
    }
}
