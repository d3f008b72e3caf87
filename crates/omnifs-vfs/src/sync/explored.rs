//! What the tests of this crate run with: shuttle's locks and tasks inside of [`explore`], and
//! the real ones outside of it.
//!
//! Shuttle runs tasks one at a time and chooses at every lock, and wherever a task waits, which
//! one goes on. So only what can be waited for needs to be shuttle's.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// How many orders each scheduler tries: a few seconds. The rarest mistake so far needed more
/// than 500.
const ORDERS: usize = 2000;
/// The same orders every time, so that a failure stays.
const SEED: u64 = 29;
/// How often the second scheduler takes the turn from a task that could go on; few mistakes
/// need more.
const PREEMPTIONS: usize = 4;
/// More than shuttle's own tests need: a lookup and its formatted errors.
const STACK: usize = 1 << 18;

fn is_explored() -> bool {
    shuttle::current::try_get_current_task().is_some()
}

/// Runs `test` again and again, with its tasks in another order each time.
pub(crate) fn explore<F>(test: impl Fn() -> F + Send + Sync + 'static)
where
    F: Future<Output = ()>,
{
    fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) {
        let mut config = Config::new();
        config.stack_size = STACK;
        config.silence_warnings = true;
        Runner::new(scheduler, config).run(test);
    }
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    let random = RandomScheduler::new_from_seed(SEED, ORDERS);
    run(random, move || shuttle::future::block_on(again()));
    let few_switches = PctScheduler::new_from_seed(SEED, PREEMPTIONS, ORDERS);
    run(few_switches, move || shuttle::future::block_on(test()));
}

/// A lock; whoever waits for it waits as a task of shuttle.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T> {
    turn: shuttle::sync::Mutex<()>,
    /// Never waited for in [`explore`]: who has the turn has it.
    value: parking_lot::Mutex<T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { turn: shuttle::sync::Mutex::new(()), value: parking_lot::Mutex::new(value) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let turn = || self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = is_explored().then(turn);
        MutexGuard { value: self.value.lock(), _turn: turn }
    }
}

pub(crate) struct MutexGuard<'a, T> {
    value: parking_lot::MutexGuard<'a, T>,
    /// After the value, so that it is free before anybody has the next turn.
    _turn: Option<shuttle::sync::MutexGuard<'a, ()>>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Ends a task.
#[derive(Debug)]
pub(crate) enum AbortHandle {
    Real(tokio::task::AbortHandle),
    Explored(shuttle::future::AbortHandle),
}

impl AbortHandle {
    pub(crate) fn abort(&self) {
        match self {
            Self::Real(task) => task.abort(),
            Self::Explored(task) => task.abort(),
        }
    }
}

pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    if is_explored() {
        AbortHandle::Explored(shuttle::future::spawn(task).abort_handle())
    } else {
        AbortHandle::Real(tokio::spawn(task).abort_handle())
    }
}

pub(crate) fn can_spawn() -> bool {
    is_explored() || tokio::runtime::Handle::try_current().is_ok()
}

/// Waits; in [`explore`] until any other task had its turn or not, which is any time at all.
pub(crate) async fn sleep(time: Duration) {
    if is_explored() {
        shuttle::future::yield_now().await;
    } else {
        tokio::time::sleep(time).await;
    }
}
