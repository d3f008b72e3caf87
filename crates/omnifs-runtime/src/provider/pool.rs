//! The instances that wait for calls, and the calls that wait for instances.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use omnifs_vfs::VfsError;
use parking_lot::Mutex;
use tokio::sync::{AcquireError, Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::artifact::Face;
use crate::limits::Limits;

/// How many calls run at a time, and for how long the others wait.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// The most instances.
    pub(super) instances: u32,
    /// The most calls that wait for a turn.
    pub(super) queue: u32,
    /// The longest that a call waits for its turn.
    pub(super) longest_wait: Duration,
    /// How long a call that has its turn waits for a busy instance before it gets a new one:
    /// where the busy one knows the objects, a new one has to be shown the way to them.
    pub(super) patience: Duration,
    /// After how long without a call an instance beyond the first is dropped.
    pub(super) idle: Duration,
}

impl Rules {
    pub(super) fn of(limits: &Limits, face: Face) -> Self {
        let patience = match face {
            Face::Filesystem => Duration::from_millis(5),
            // Any instance knows every object.
            Face::Projection => Duration::ZERO,
        };
        Self {
            instances: limits.instances.unwrap_or_else(|| face.instances()),
            queue: limits.queue,
            longest_wait: limits.call,
            patience,
            idle: Duration::from_secs(30),
        }
    }
}

/// Hands out turns, first come first served, and keeps idle instances of type `I`.
pub(super) struct Pool<I> {
    rules: Rules,
    /// As many as there may be instances.
    turns: Semaphore,
    /// The one turn of a provider that is pinned to one instance.
    single: Semaphore,
    pinned: AtomicBool,
    waiting: AtomicU32,
    instances: Arc<Instances<I>>,
}

struct Instances<I> {
    /// Held to push, pop or cut only.
    idle: Mutex<Idle<I>>,
    /// How many turns are out.
    running: AtomicU32,
    returned: Notify,
    /// Whether a task drops what is idle for long.
    sweeping: AtomicBool,
}

/// The idle instances, the one that was used last on top: calls keep to few instances, and
/// those at the bottom are not used when few suffice.
struct Idle<I> {
    stack: Vec<I>,
    /// The lowest that the stack has been since the last sweep.
    lowest: usize,
}

/// The right to run one call.
pub(super) struct Turn<'a> {
    _any: SemaphorePermit<'a>,
    _single: Option<SemaphorePermit<'a>>,
    running: Counted<'a>,
}

/// One more in a count for as long as it lives.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    /// Returns it with the count before.
    fn new(count: &'a AtomicU32) -> (Self, u32) {
        let before = count.fetch_add(1, Ordering::Relaxed);
        (Self(count), before)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turn<'_> {
    /// Returns whether other calls run, too.
    fn has_company(&self) -> bool {
        self.running.0.load(Ordering::Relaxed) > 1
    }
}

impl<I: Send + 'static> Pool<I> {
    pub(super) fn new(rules: Rules) -> Self {
        let idle = Mutex::new(Idle { stack: Vec::new(), lowest: 0 });
        Self {
            turns: Semaphore::new(rules.instances.max(1) as usize),
            single: Semaphore::new(1),
            pinned: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            instances: Arc::new(Instances {
                idle,
                running: AtomicU32::new(0),
                returned: Notify::new(),
                sweeping: AtomicBool::new(false),
            }),
            rules,
        }
    }

    /// Returns the most instances at a time.
    pub(super) fn instances(&self) -> u32 {
        self.rules.instances
    }

    /// Lets one call at a time run from now on; returns whether this is new. Calls that run
    /// already come to their end.
    pub(super) fn pin(&self) -> bool {
        let new = !self.pinned.swap(true, Ordering::Relaxed);
        if new {
            drop(self.instances.idle.lock().cut(1));
        }
        new
    }

    /// Waits until one more call may run.
    ///
    /// # Errors
    /// [`VfsError::Busy`] when too many calls wait already, [`VfsError::TimedOut`] when the
    /// turn does not come in time.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, VfsError> {
        match self.try_turn() {
            Some(turn) => Ok(turn),
            None => self.wait().await,
        }
    }

    fn try_turn(&self) -> Option<Turn<'_>> {
        let single = if self.pinned.load(Ordering::Relaxed) {
            Some(self.single.try_acquire().ok()?)
        } else {
            None
        };
        let any = self.turns.try_acquire().ok()?;
        Some(self.begin(any, single))
    }

    fn begin<'a>(
        &'a self,
        any: SemaphorePermit<'a>,
        single: Option<SemaphorePermit<'a>>,
    ) -> Turn<'a> {
        Turn { _any: any, _single: single, running: Counted::new(&self.instances.running).0 }
    }

    async fn wait(&self) -> Result<Turn<'_>, VfsError> {
        let (_waiting, before) = Counted::new(&self.waiting);
        if before >= self.rules.queue {
            return Err(VfsError::Busy(format!(
                "{before} calls wait for the provider already (limits.queue)"
            )));
        }
        let acquire = async {
            // In this order, or a pinned provider's waiting calls would hold the turns that
            // the running one's successor needs.
            let single = match self.pinned.load(Ordering::Relaxed) {
                true => Some(self.single.acquire().await?),
                false => None,
            };
            let any = self.turns.acquire().await?;
            Ok::<_, AcquireError>(self.begin(any, single))
        };
        match timeout(self.rules.longest_wait, acquire).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_closed)) => Err(VfsError::Internal("the provider is closed".to_owned())),
            Err(_elapsed) => Err(VfsError::TimedOut(format!(
                "other calls kept the provider busy for {} s",
                self.rules.longest_wait.as_secs_f64()
            ))),
        }
    }

    /// Takes the instance that was used last, waiting a moment for a busy one; `None` when the
    /// call needs a new one.
    pub(super) async fn take(&self, turn: &Turn<'_>) -> Option<I> {
        let idle = self.instances.idle.lock().pop();
        if idle.is_some() || !turn.has_company() || self.rules.patience.is_zero() {
            return idle;
        }
        let returned = async {
            loop {
                self.instances.returned.notified().await;
                // Somebody else may have been faster.
                if let Some(instance) = self.instances.idle.lock().pop() {
                    return instance;
                }
            }
        };
        timeout(self.rules.patience, returned).await.ok()
    }

    /// Gives an instance back.
    pub(super) fn put(&self, instance: I) {
        let mut idle = self.instances.idle.lock();
        if self.pinned.load(Ordering::Relaxed) && !idle.stack.is_empty() {
            drop(idle);
            return;
        }
        idle.stack.push(instance);
        let several = idle.stack.len() > 1;
        drop(idle);
        self.instances.returned.notify_one();
        if several && !self.instances.sweeping.swap(true, Ordering::Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(&self.instances), self.rules.idle));
        }
    }
}

impl<I> Idle<I> {
    fn pop(&mut self) -> Option<I> {
        let instance = self.stack.pop();
        self.lowest = self.lowest.min(self.stack.len());
        instance
    }

    /// Takes all but the `keep` that were used last off.
    fn cut(&mut self, keep: usize) -> Vec<I> {
        let surplus = self.stack.len().saturating_sub(keep);
        let cut = self.stack.drain(..surplus).collect();
        self.lowest = self.stack.len();
        cut
    }
}

/// Drops instances that were not used between two looks, until one is left or the pool ends.
async fn sweep<I>(instances: Weak<Instances<I>>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(instances) = instances.upgrade() else { return };
        let (unused, left) = {
            let mut idle = instances.idle.lock();
            let used = idle.stack.len().saturating_sub(idle.lowest);
            (idle.cut(used.max(1)), idle.stack.len())
        };
        drop(unused);
        if left <= 1 {
            // An instance that comes back now starts a new sweep.
            instances.sweeping.store(false, Ordering::Relaxed);
            return;
        }
    }
}
