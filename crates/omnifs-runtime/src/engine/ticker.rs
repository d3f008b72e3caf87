//! The thread that interrupts running guests every few milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How long a guest computes before it gives way to others on its thread.
const TICK: Duration = Duration::from_millis(10);

/// Moves the engine's epoch on while guests run, and sleeps otherwise.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many calls run.
    running: AtomicUsize,
    /// Whether the thread sleeps until somebody wakes it.
    asleep: AtomicBool,
    stop: AtomicBool,
    /// How often the epoch moved, for tests.
    ticks: AtomicUsize,
}

/// One running call; the epoch moves while any is alive.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let engine = engine.weak();
        let inner = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("omnifs-epoch".to_owned())
            .spawn(move || tick(&inner, &engine))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn running(&self) -> Ticking {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        // Waking a thread that is awake would make its next tick come early.
        if self.shared.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
        Ticking(Arc::clone(&self.shared))
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It ends within a tick, and does nothing that could panic.
            let _ = thread.join();
        }
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    while !shared.stop.load(Ordering::SeqCst) {
        if shared.running.load(Ordering::SeqCst) == 0 {
            shared.asleep.store(true, Ordering::SeqCst);
            // A call that began between the two lines above has not seen the flag.
            if shared.running.load(Ordering::SeqCst) == 0 {
                thread::park();
            }
            shared.asleep.store(false, Ordering::SeqCst);
        } else {
            thread::sleep(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
            shared.ticks.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(ticker: &Ticker) -> usize {
        ticker.shared.ticks.load(Ordering::Relaxed)
    }

    fn wait_for(mut done: impl FnMut() -> bool) {
        for _ in 0..2_000 {
            if done() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("did not happen in ten seconds");
    }

    #[test]
    fn sleeps_while_nothing_runs_and_wakes_for_each_call() {
        let engine = wasmtime::Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        for _ in 0..3 {
            wait_for(|| ticker.shared.asleep.load(Ordering::SeqCst));
            let before = ticks(&ticker);
            thread::sleep(TICK * 5);
            assert_eq!(ticks(&ticker), before, "ticked without a call");
            let running = ticker.running();
            wait_for(|| ticks(&ticker) > before + 1);
            drop(running);
        }
    }

    #[test]
    fn ends_with_its_owner() {
        let engine = wasmtime::Engine::default();
        let asleep = Ticker::start(&engine).unwrap();
        wait_for(|| asleep.shared.asleep.load(Ordering::SeqCst));
        let shared = Arc::downgrade(&asleep.shared);
        drop(asleep);
        assert!(shared.upgrade().is_none(), "the thread still holds its state");
    }
}
