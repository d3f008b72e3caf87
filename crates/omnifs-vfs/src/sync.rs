//! Locks and tasks: those of parking_lot and tokio, behind which the tests of this crate put
//! shuttle's, to go through the orders in which things can happen.

#[cfg(test)]
mod explored;

#[cfg(test)]
pub(crate) use explored::{AbortHandle, Mutex, MutexGuard, can_spawn, explore, sleep, spawn};
#[cfg(not(test))]
pub(crate) use real::{AbortHandle, Mutex, MutexGuard, can_spawn, sleep, spawn};

#[cfg(not(test))]
mod real {
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use tokio::task::AbortHandle;
    pub(crate) use tokio::time::sleep;

    /// Starts a task that nobody waits for.
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        tokio::spawn(task).abort_handle()
    }

    /// Returns whether a task can be started here. At the end of the runtime none can.
    pub(crate) fn can_spawn() -> bool {
        tokio::runtime::Handle::try_current().is_ok()
    }
}
