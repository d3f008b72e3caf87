//! How much CPU a call uses, and whether it waited.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// For so long a call is measured by the time that passes while it runs, which is at least its CPU:
/// the thread's CPU clock is a system call, and most calls are over before. No call is charged
/// twice as much for what it did not use, and the turn that begins so is charged this at most.
const ROUGHLY: Duration = Duration::from_millis(5);

/// Measures one call at a time of one instance.
///
/// The guest runs only while its call's future is polled, so the thread's CPU clock around
/// each poll counts exactly the guest and the host functions it calls; what it waits for is
/// free. Only the task that polls writes here; the atomics are for sharing, not for racing.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// CPU nanoseconds of the polls that ended.
    used: AtomicU64,
    /// The clock of the running poll when that began.
    since: AtomicU64,
    /// Whether that is the thread's CPU clock.
    exactly: AtomicBool,
    /// Whether the guest gave way on its own since the running poll began.
    gave_way: AtomicBool,
    /// Whether the call waited for something outside.
    waited: AtomicBool,
    /// Whether each wait begins another count: for a call that has no end.
    by_stretch: bool,
}

/// The guest used up its CPU time.
#[derive(Debug, thiserror::Error)]
#[error("it used {} ms of CPU, all it may (limits.cpu)", budget.as_millis())]
pub(crate) struct CpuExhausted {
    budget: Duration,
}

impl Meter {
    /// Returns one that counts what is used between two waits.
    pub(crate) fn by_stretch() -> Self {
        Self { by_stretch: true, ..Self::default() }
    }

    /// Forgets the last call.
    pub(crate) fn reset(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.waited.store(false, Ordering::Relaxed);
    }

    /// Says that a running guest is about to give way; called between `enter` and `leave`.
    ///
    /// # Errors
    /// [`CpuExhausted`] when the call has used `budget`.
    pub(crate) fn give_way(&self, budget: Duration) -> Result<(), CpuExhausted> {
        self.gave_way.store(true, Ordering::Relaxed);
        if self.used() + self.running() >= budget { Err(CpuExhausted { budget }) } else { Ok(()) }
    }

    /// Returns whether the call has waited for anything but its turn.
    pub(crate) fn waited(&self) -> bool {
        self.waited.load(Ordering::Relaxed)
    }

    fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    fn running(&self) -> Duration {
        let since = self.since.load(Ordering::Relaxed);
        let after = |clock| Duration::from_nanos(now(clock).saturating_sub(since));
        if self.exactly.load(Ordering::Relaxed) {
            return after(ClockId::ThreadCPUTime);
        }
        after(ClockId::Monotonic).min(ROUGHLY)
    }

    fn enter(&self) {
        self.gave_way.store(false, Ordering::Relaxed);
        let exactly = self.used() >= ROUGHLY;
        let clock = if exactly { ClockId::ThreadCPUTime } else { ClockId::Monotonic };
        self.exactly.store(exactly, Ordering::Relaxed);
        self.since.store(now(clock), Ordering::Relaxed);
    }

    fn leave(&self, pending: bool) {
        let used = self.used() + self.running();
        self.used.store(nanos(used), Ordering::Relaxed);
        if pending && !self.gave_way.load(Ordering::Relaxed) {
            self.waited.store(true, Ordering::Relaxed);
            if self.by_stretch {
                self.used.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Runs `call` to its end and counts what it uses.
    pub(crate) async fn measure<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.enter();
            let answer = call.as_mut().poll(context);
            self.leave(answer.is_pending());
            answer
        })
        .await
    }
}

/// Returns what a clock says, in nanoseconds.
fn now(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(time: Duration) {
        let start = now(ClockId::ThreadCPUTime);
        while now(ClockId::ThreadCPUTime) - start < nanos(time) {}
    }

    #[tokio::test]
    async fn waiting_is_free_and_noticed() {
        let meter = Meter::default();
        meter.measure(tokio::time::sleep(Duration::from_millis(60))).await;
        assert!(meter.waited());
        assert!(meter.used() < Duration::from_millis(30), "{:?}", meter.used());
        meter.reset();
        assert!(!meter.waited());
    }

    #[tokio::test]
    async fn time_without_cpu_is_charged_for_a_moment_only() {
        let meter = Meter::default();
        meter
            .measure(async {
                for _ in 0..4 {
                    // As a thread does that others are run instead of.
                    std::thread::sleep(ROUGHLY * 3);
                    let _ = meter.give_way(Duration::MAX);
                    tokio::task::yield_now().await;
                }
            })
            .await;
        assert!(meter.used() >= ROUGHLY, "{:?}: it may all have been its own", meter.used());
        assert!(meter.used() < ROUGHLY * 2, "{:?}", meter.used());
    }

    #[tokio::test]
    async fn of_a_call_without_end_each_stretch_is_counted() {
        let budget = Duration::from_millis(20);
        let outcome = Meter::by_stretch();
        let outcome = outcome
            .measure(async {
                for _ in 0..10 {
                    burn(Duration::from_millis(5));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                for step in 0..100 {
                    burn(Duration::from_millis(5));
                    let given = outcome.give_way(budget);
                    if given.is_err() {
                        return step;
                    }
                    tokio::task::yield_now().await;
                }
                100
            })
            .await;
        assert!(
            (2..10).contains(&outcome),
            "{outcome} steps of 5 ms: waits are an end, turns none"
        );
    }

    #[tokio::test]
    async fn computing_is_counted_and_giving_way_is_not_waiting() {
        let meter = Meter::default();
        let budget = Duration::from_millis(20);
        let outcome = meter
            .measure(async {
                for _ in 0..100 {
                    burn(Duration::from_millis(5));
                    meter.give_way(budget)?;
                    tokio::task::yield_now().await;
                }
                Ok::<(), CpuExhausted>(())
            })
            .await;
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "it used 20 ms of CPU, all it may (limits.cpu)"
        );
        assert!(!meter.waited());
    }
}
