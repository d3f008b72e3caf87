//! The watcher of a provider: one call that goes on for as long as the provider is served.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use omnifs_vfs::{Made, VfsError};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::failed::FailedCall;
use super::failure::Broken;
use super::{Provider, calls::ops};
use crate::bindings::WatcherIndices;
use crate::capability::Outdated;
use crate::log::Console;
use crate::meter::Meter;
use crate::store::{Watching, Wiring, limited_store};

/// How long a watcher that ended is left alone the first time.
const FIRST: Duration = Duration::from_secs(1);

/// How long it is left alone at most.
const LONGEST: Duration = Duration::from_secs(60);

/// After how long without an end the next one counts as the first.
const SETTLED: Duration = Duration::from_secs(60);

/// How often it is looked whether the machine was suspended, as nobody else may: a watcher can wait
/// for hours on a connection that has no other end any more.
const LOOK: Duration = Duration::from_secs(15);

/// How long what is outdated is gathered before the tree is told again: what it does with that
/// takes a time of its own, however much it is.
const GATHERED: Duration = Duration::from_millis(50);

/// Which part of the time telling the tree may take.
const SHARE: u32 = 10;

/// What the watcher of a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchState {
    /// There is none, or the provider is not served.
    #[default]
    None,
    /// It runs.
    Running,
    /// It has ended and waits to be started again.
    Waiting,
}

/// What is known of a provider's watcher, for `omnifs status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WatchStatistics {
    /// What it does.
    pub state: WatchState,
    /// How often it was started again.
    pub restarts: u64,
    /// How often the provider said that something is outdated, in whichever call.
    pub outdated: u64,
    /// How often that could be none of its nodes.
    pub dropped: u64,
}

/// Where a component's watcher is, and how it fares.
pub(super) struct Watcher {
    indices: Option<WatcherIndices>,
    /// Held for a look or a change.
    state: Mutex<WatchState>,
    restarts: AtomicU64,
    /// Bytes of its instance's memory.
    memory: Arc<AtomicU64>,
}

impl Watcher {
    pub(super) fn new(indices: Option<WatcherIndices>) -> Self {
        Self {
            indices,
            state: Mutex::default(),
            restarts: AtomicU64::new(0),
            memory: Arc::default(),
        }
    }

    /// Returns the bytes of its instance's memory.
    pub(super) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    pub(super) fn statistics(&self, (outdated, dropped): (u64, u64)) -> WatchStatistics {
        let (state, restarts) = (*self.state.lock(), self.restarts.load(Ordering::Relaxed));
        WatchStatistics { state, restarts, outdated, dropped }
    }

    fn set(&self, state: WatchState) {
        *self.state.lock() = state;
    }
}

/// For how long a watcher that ended is left alone.
#[derive(Debug, Default)]
struct Backoff(Duration);

impl Backoff {
    /// Returns the pause after an end.
    fn after(&mut self, ran: Duration) -> Duration {
        let first = self.0.is_zero() || ran >= SETTLED;
        self.0 = if first { FIRST } else { (self.0 * 2).min(LONGEST) };
        self.0
    }
}

/// A provider that is served: for as long as this lives its watcher runs, and what it says is
/// outdated is told.
#[must_use]
pub struct Service {
    provider: Arc<Provider>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Service {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.provider.blueprint.watcher.set(WatchState::None);
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Provider {
    /// Serves the provider on this runtime: runs its watcher, if it has one, and has `tell` told
    /// what it says is outdated, on a thread that may wait, one batch after the other.
    pub fn serve(
        self: &Arc<Self>,
        runtime: &Handle,
        tell: impl Fn(Outdated) + Send + Sync + 'static,
    ) -> Service {
        let mut tasks = vec![runtime.spawn(Arc::clone(self).forward(Arc::new(tell)))];
        if self.blueprint.watcher.indices.is_some() {
            self.blueprint.watcher.set(WatchState::Running);
            tasks.push(runtime.spawn(Arc::clone(self).keep_watching()));
            tasks.push(runtime.spawn(Arc::clone(self).look_for_suspensions()));
        }
        let tasks = tasks.iter().map(tokio::task::JoinHandle::abort_handle).collect();
        Service { provider: Arc::clone(self), tasks }
    }

    async fn forward(self: Arc<Self>, tell: Arc<impl Fn(Outdated) + Send + Sync + 'static>) {
        loop {
            let outdated = self.blueprint.capabilities.outbox.take().await;
            let (begun, tell) = (Instant::now(), Arc::clone(&tell));
            if tokio::task::spawn_blocking(move || tell(outdated)).await.is_err() {
                tracing::error!(provider = self.name(), "telling what is outdated failed");
            }
            tokio::time::sleep(GATHERED.max(begun.elapsed() * SHARE)).await;
        }
    }

    async fn look_for_suspensions(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.blueprint.capabilities.http.renew_after_suspension();
        }
    }

    async fn keep_watching(self: Arc<Self>) {
        let watcher = &self.blueprint.watcher;
        let (mut backoff, mut last) = (Backoff::default(), None);
        loop {
            watcher.set(WatchState::Running);
            let begun = self.clock.monotonic();
            let end = self.watch().await;
            watcher.memory.store(0, Ordering::Relaxed);
            let ran = self.clock.monotonic().saturating_sub(begun);
            let pause = backoff.after(ran);
            let end = end.map_or_else(|error| error.to_string(), |()| "watch returned".to_owned());
            let seconds = pause.as_secs();
            // What ends each time for one reason is said once.
            if pause == FIRST || last.as_ref() != Some(&end) {
                let output = &self.blueprint.output;
                output.host(&format!("{end}; it is started again in {seconds} s"));
            }
            tracing::debug!(provider = self.name(), end, seconds, "the watcher ended");
            last = Some(end);
            watcher.set(WatchState::Waiting);
            tokio::time::sleep(pause).await;
            watcher.restarts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs the watcher once, to its end.
    async fn watch(self: &Arc<Self>) -> Result<(), VfsError> {
        let Some(indices) = &self.blueprint.watcher.indices else { return Ok(()) };
        let blueprint = &self.blueprint;
        let request = blueprint.engine.next_request();
        let (reporting, meter) = (Arc::downgrade(self), Arc::new(Meter::by_stretch()));
        let failed = move |error: &VfsError, made: Made| {
            if let Some(provider) = reporting.upgrade() {
                provider.record_watch(error, made);
            }
        };
        let console = Console::endless(Arc::clone(&blueprint.output));
        let memory = Arc::clone(&blueprint.watcher.memory);
        let mut store = limited_store(&Wiring {
            engine: &blueprint.engine,
            limits: &blueprint.limits,
            console: &console,
            meter: &meter,
            capabilities: &blueprint.capabilities,
            watching: Some(Watching { request, failed: Arc::new(failed), memory }),
        });
        let span = tracing::info_span!("call", %request, op = ops::WATCH);
        let running = meter.measure(async {
            let instance = blueprint.pre.instantiate_async(&mut store).await?;
            indices.load(&mut store, &instance)?.call_watch(&mut store).await
        });
        let mut running = pin!(running.instrument(span));
        // The epoch moves while it runs, not while it waits: that may be for hours.
        let outcome = poll_fn(|context| {
            let _ticking = blueprint.engine.ticking();
            running.as_mut().poll(context)
        });
        let outcome = outcome.await;
        let last_words = console.end_call();
        outcome.map_err(|error| {
            let (call, error) = ("watch()", &error);
            let broken = Broken { op: ops::WATCH, call, error, last_words: &last_words };
            let error = broken.classify(&blueprint.limits);
            self.record_watch(&error, Made { request, exchanges: Vec::new(), more: 0 });
            error
        })
    }

    /// Takes in that something failed in the watcher.
    fn record_watch(&self, error: &VfsError, made: Made) {
        self.failures.lock().add(FailedCall {
            at: self.clock.calendar(),
            op: ops::WATCH,
            path: "/".to_owned(),
            error: error.clone(),
            partial: false,
            times: 1,
            made: Arc::new(made),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_anew_after_one() {
        let mut backoff = Backoff::default();
        let mut pauses = |ran| backoff.after(Duration::from_secs(ran)).as_secs();
        let first: Vec<_> = (0..8).map(|_| pauses(0)).collect();
        assert_eq!(first, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!([pauses(59), pauses(60), pauses(0), pauses(3_600)], [60, 1, 2, 1]);
    }
}
