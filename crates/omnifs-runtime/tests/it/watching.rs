//! Watchers: how long they are left alone, and when they end. Time is tokio's, which stands still but
//! for what waits for it.

use std::sync::Arc;
use std::time::Duration;

use omnifs_runtime::{LogSource, WatchState};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::components::{INTERFACE, component};
use crate::fixture::Fixture;

/// A provider whose watcher returns at once.
fn returning() -> Fixture {
    let watcher = "interface watcher { watch: func(); }";
    let world = "world w { export filesystem; export watcher; }";
    let wit = format!("package omnifs:provider@1.0.0; {INTERFACE} {watcher} {world}");
    Fixture::new(&component(&wit))
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_ends_is_started_again_after_longer_and_longer_pauses() {
    let fixture = returning();
    let watch = || fixture.provider.statistics().watch;
    assert_eq!((watch().state, watch().restarts), (WatchState::None, 0), "nobody serves it");
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let service = fixture.provider.serve(&Handle::current(), move |what| telling.lock().push(what));
    let mut now = 0.0;
    // After 1, 2, 4, 8, 16, 32 and twice 60 seconds.
    for (at, restarts) in [
        (0.5, 0),
        (1.5, 1),
        (3.5, 2),
        (7.5, 3),
        (15.5, 4),
        (31.5, 5),
        (63.5, 6),
        (124.0, 7),
        (184.0, 8),
    ] {
        tokio::time::sleep(Duration::from_secs_f64(at - now)).await;
        now = at;
        assert_eq!((watch().state, watch().restarts), (WatchState::Waiting, restarts), "at {at} s");
    }
    drop(service);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((watch().state, watch().restarts), (WatchState::None, 8));
    let lines = fixture.lines.of(LogSource::Host);
    assert_eq!(lines, ["watch returned; it is started again in 1 s"], "one reason is said once");
    assert!(told.lock().is_empty());
    let statistics = fixture.provider.statistics();
    assert_eq!((statistics.instances, statistics.traps, statistics.calls), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_gone_leaves_no_task() {
    let fixture = returning();
    let provider = Arc::downgrade(&fixture.provider);
    let service = fixture.provider.serve(&Handle::current(), |_| {});
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop((service, fixture));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(provider.upgrade().is_none());
}
