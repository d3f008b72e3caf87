//! Single flight: several callers who miss the same thing cause one call.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::VfsError;

/// How long a call whose callers were all interrupted goes on, in case somebody asks again:
/// a shell that restarts a system call after a signal does.
const ABANDON_AFTER: Duration = Duration::from_secs(2);

type Outcome<V> = Result<V, VfsError>;

/// The calls under way, by what they fetch.
///
/// A call runs as a task, so its result reaches the cache even when its callers have left at
/// their deadline. When they left before it, they were interrupted, and the call is dropped
/// unless somebody joins it within [`ABANDON_AFTER`].
pub(crate) struct Flights<K, V> {
    /// Guards the table; held for a look or an insertion only.
    calls: Mutex<HashMap<K, Flight<V>>>,
    answer: Duration,
}

struct Flight<V> {
    outcome: watch::Receiver<Option<Outcome<V>>>,
    waiters: usize,
    started: Instant,
    task: AbortHandle,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Returns an empty table; `answer` is the time that callers wait at most.
    pub(crate) fn new(answer: Duration) -> Arc<Self> {
        Arc::new(Self { calls: Mutex::new(HashMap::new()), answer })
    }

    /// Waits for the call for `key` that is under way, or starts `call`.
    pub(crate) async fn run<F>(self: &Arc<Self>, key: K, call: impl FnOnce() -> F) -> Outcome<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let mut outcome = self.join(key.clone(), 1, call);
        let _waiter = Waiter { flights: self, key };
        match outcome.wait_for(Option::is_some).await {
            Ok(value) => value.clone().unwrap_or_else(|| Err(vanished())),
            Err(_) => Err(vanished()),
        }
    }

    /// Starts `call` unless one for `key` is under way, and does not wait for it.
    pub(crate) fn start<F>(self: &Arc<Self>, key: K, call: impl FnOnce() -> F)
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        self.join(key, 0, call);
    }

    fn join<F>(
        self: &Arc<Self>,
        key: K,
        waiters: usize,
        call: impl FnOnce() -> F,
    ) -> watch::Receiver<Option<Outcome<V>>>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let mut calls = self.calls.lock();
        match calls.entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                let flight = entry.get_mut();
                flight.waiters += waiters;
                flight.outcome.clone()
            }
            Entry::Vacant(entry) => {
                let (sender, outcome) = watch::channel(None);
                let flights = Arc::clone(self);
                let call = AssertUnwindSafe(call()).catch_unwind();
                // The task takes the same lock before it ends, so it finds its entry.
                let task = tokio::spawn(async move {
                    let result = call.await.unwrap_or_else(|_| Err(panicked()));
                    flights.calls.lock().remove(&key);
                    sender.send_replace(Some(result));
                })
                .abort_handle();
                let started = Instant::now();
                entry.insert(Flight { outcome: outcome.clone(), waiters, started, task });
                outcome
            }
        }
    }

    /// Takes one waiter away; schedules the end of a call that lost its last one too early.
    fn leave(self: &Arc<Self>, key: &K) {
        let mut calls = self.calls.lock();
        let Some(flight) = calls.get_mut(key) else { return };
        flight.waiters = flight.waiters.saturating_sub(1);
        if flight.waiters > 0 || flight.started.elapsed() >= self.answer {
            return;
        }
        let (flights, key, task) = (Arc::clone(self), key.clone(), flight.task.id());
        tokio::spawn(async move {
            tokio::time::sleep(ABANDON_AFTER).await;
            let mut calls = flights.calls.lock();
            if calls.get(&key).is_some_and(|call| call.waiters == 0 && call.task.id() == task)
                && let Some(call) = calls.remove(&key)
            {
                call.task.abort();
            }
        });
    }
}

struct Waiter<'a, K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    flights: &'a Arc<Flights<K, V>>,
    key: K,
}

impl<K, V> Drop for Waiter<'_, K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        // At the end of the runtime nothing can be spawned, nor is there anything to end.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.flights.leave(&self.key);
        }
    }
}

fn panicked() -> VfsError {
    VfsError::Internal("the call panicked".into())
}

fn vanished() -> VfsError {
    VfsError::Internal("the call ended without an answer".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const ANSWER: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn callers_of_one_key_share_one_call() {
        let (flights, calls) = (Flights::new(ANSWER), Arc::new(AtomicU32::new(0)));
        let call = || {
            let calls = Arc::clone(&calls);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(calls.fetch_add(1, Ordering::SeqCst))
            }
        };
        let (a, b) = tokio::join!(flights.run(1, call), flights.run(1, call));
        assert_eq!((a, b), (Ok(0), Ok(0)));
        assert_eq!(flights.run(1, call).await, Ok(1), "a finished call is not joined");
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupted_call_is_given_up_after_a_moment() {
        let flights = Flights::<u8, ()>::new(ANSWER);
        let (alive, dead) = tokio::sync::oneshot::channel::<()>();
        let call = || async move {
            let _alive = alive;
            std::future::pending().await
        };
        let asked = tokio::time::timeout(Duration::from_secs(1), flights.run(1, call));
        assert!(asked.await.is_err());
        assert!(dead.await.is_err(), "the call's future was dropped");
        assert_eq!(flights.run(1, || async { Ok(()) }).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_past_the_deadline_goes_on_for_the_next_caller() {
        let flights = Flights::<u8, u8>::new(ANSWER);
        let call = || async {
            tokio::time::sleep(ANSWER * 2).await;
            Ok(7)
        };
        assert!(tokio::time::timeout(ANSWER, flights.run(1, call)).await.is_err());
        tokio::time::sleep(ABANDON_AFTER * 2).await;
        assert_eq!(flights.run(1, || async { Ok(8) }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_frees_the_key() {
        let flights = Flights::<u8, ()>::new(ANSWER);
        assert_eq!(flights.run(1, || async { panic!("boom") }).await, Err(panicked()));
        assert_eq!(flights.run(1, || async { Ok(()) }).await, Ok(()));
    }
}
