//! Single flight: several callers who miss the same thing cause one call.

#[cfg(test)]
mod orders;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Settings;
use crate::sync::{AbortHandle, Mutex, can_spawn, sleep, spawn};
use crate::{Tally, VfsError};

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
    /// How many calls were begun.
    begun: AtomicU64,
    /// How long callers wait at most.
    answer: Duration,
    /// Whether calls are told to the tallies of those who wait for them.
    watched: bool,
}

struct Flight<V> {
    /// Which call it is. A key alone does not say: a call that was given up may still come to
    /// its end when the next one for the key has begun.
    number: u64,
    outcome: watch::Receiver<Option<Outcome<V>>>,
    waiters: usize,
    started: Instant,
    task: AbortHandle,
    /// What the call comes to, if that is watched.
    tally: Option<Arc<Tally>>,
}

/// A call that somebody joined, or began.
struct Joined<V> {
    number: u64,
    outcome: watch::Receiver<Option<Outcome<V>>>,
    tally: Option<Arc<Tally>>,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Returns an empty table for a tree with these settings.
    pub(crate) fn of(settings: &Settings) -> Arc<Self> {
        let Settings { answer, watched, .. } = *settings;
        let (calls, begun) = (Mutex::new(HashMap::new()), AtomicU64::new(0));
        Arc::new(Self { calls, begun, answer, watched })
    }

    /// Waits for the call for `key` that is under way, or starts `call`.
    pub(crate) async fn run<F>(self: &Arc<Self>, key: K, call: impl FnOnce() -> F) -> Outcome<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let Joined { number, mut outcome, tally } = self.join(key.clone(), 1, call);
        let _waiter = Waiter { flights: self, key, number };
        let watched = tally.and_then(|tally| Some((Tally::current()?, tally)));
        if let Some((asker, _)) = &watched {
            asker.begin();
        }
        let value = match outcome.wait_for(Option::is_some).await {
            Ok(value) => value.clone().unwrap_or_else(|| Err(vanished())),
            Err(_) => Err(vanished()),
        };
        if let Some((asker, call)) = &watched {
            asker.end(call);
        }
        value
    }

    /// Starts `call` unless one for `key` is under way, and does not wait for it.
    pub(crate) fn start<F>(self: &Arc<Self>, key: K, call: impl FnOnce() -> F)
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        self.join(key, 0, call);
    }

    fn join<F>(self: &Arc<Self>, key: K, waiters: usize, call: impl FnOnce() -> F) -> Joined<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let mut calls = self.calls.lock();
        match calls.entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                let flight = entry.get_mut();
                flight.waiters += waiters;
                let (outcome, tally) = (flight.outcome.clone(), flight.tally.clone());
                Joined { number: flight.number, outcome, tally }
            }
            Entry::Vacant(entry) => {
                let (sender, outcome) = watch::channel(None);
                let flights = Arc::clone(self);
                let call = AssertUnwindSafe(call()).catch_unwind();
                let number = self.begun.fetch_add(1, Ordering::Relaxed);
                let tally: Option<Arc<Tally>> = self.watched.then(Arc::default);
                // The task takes the same lock before it ends, so it finds its entry.
                let run = async move {
                    let result = call.await.unwrap_or_else(|_| Err(panicked()));
                    flights.take(&key, |flight| flight.number == number);
                    sender.send_replace(Some(result));
                };
                let task = match &tally {
                    Some(tally) => spawn(tally.scope(run)),
                    None => spawn(run),
                };
                let started = Instant::now();
                let joined = Joined { number, outcome: outcome.clone(), tally: tally.clone() };
                entry.insert(Flight { number, outcome, waiters, started, task, tally });
                joined
            }
        }
    }

    /// Takes the call for `key` off the table if it is the right one.
    fn take(&self, key: &K, is_right: impl FnOnce(&Flight<V>) -> bool) -> Option<Flight<V>> {
        let mut calls = self.calls.lock();
        calls.get(key).is_some_and(is_right).then(|| calls.remove(key)).flatten()
    }

    /// Takes one waiter away; schedules the end of a call that lost its last one too early.
    fn leave(self: &Arc<Self>, key: &K, number: u64) {
        let mut calls = self.calls.lock();
        let Some(flight) = calls.get_mut(key).filter(|flight| flight.number == number) else {
            return;
        };
        flight.waiters = flight.waiters.saturating_sub(1);
        if flight.waiters > 0 || flight.started.elapsed() >= self.answer {
            return;
        }
        drop(calls);
        let (flights, key) = (Arc::clone(self), key.clone());
        spawn(async move {
            sleep(ABANDON_AFTER).await;
            let idle = |flight: &Flight<V>| flight.waiters == 0 && flight.number == number;
            if let Some(flight) = flights.take(&key, idle) {
                flight.task.abort();
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
    number: u64,
}

impl<K, V> Drop for Waiter<'_, K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        // At the end of the runtime nothing can be spawned, nor is there anything to end.
        if can_spawn() {
            self.flights.leave(&self.key, self.number);
        }
    }
}

fn panicked() -> VfsError {
    VfsError::Internal("the call panicked".into())
}

fn vanished() -> VfsError {
    VfsError::Internal("the call ended without an answer".into())
}
