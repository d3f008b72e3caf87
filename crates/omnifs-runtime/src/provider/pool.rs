//! The instances that wait for calls, and the calls that wait for instances.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use omnifs_vfs::VfsError;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::instance::Instance;
use crate::limits::Limits;

/// How many instances serve calls at a time. Several need the rule that pins a provider which
/// numbers on discovery to one instance; until then the limit above one is not used.
const AT_ONCE: usize = 1;

/// Hands out turns, first come first served, and keeps idle instances.
pub(super) struct Pool {
    turns: Semaphore,
    waiting: AtomicU32,
    queue: u32,
    patience: Duration,
    /// Held to push or pop only.
    idle: Mutex<Vec<Instance>>,
}

/// A call in the queue; leaving it, served or dropped, makes room.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            waiting: AtomicU32::new(0),
            queue: limits.queue,
            patience: limits.call,
            idle: Mutex::default(),
        }
    }

    /// Waits until one more call may run.
    ///
    /// # Errors
    /// [`VfsError::Busy`] when too many calls wait already, [`VfsError::TimedOut`] when the
    /// turn does not come within the time of one call.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, VfsError> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.queue {
            return Err(VfsError::Busy(format!(
                "{before} calls wait for the provider already (limits.queue)"
            )));
        }
        match timeout(self.patience, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_closed)) => Err(VfsError::Internal("the provider is closed".to_owned())),
            Err(_elapsed) => Err(VfsError::TimedOut(format!(
                "other calls kept the provider busy for {} s",
                self.patience.as_secs_f64()
            ))),
        }
    }

    /// Takes the instance that was used last, if one is idle.
    pub(super) fn take(&self) -> Option<Instance> {
        self.idle.lock().pop()
    }

    pub(super) fn put(&self, instance: Instance) {
        self.idle.lock().push(instance);
    }
}
