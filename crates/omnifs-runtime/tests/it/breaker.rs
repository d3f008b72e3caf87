//! A component that traps again and again.

use std::sync::Arc;
use std::time::Duration;

use omnifs_runtime::{Grants, Limits};
use omnifs_vfs::{TestClock, VfsError};
use testkit::guests;

use crate::fixture::{Fixture, engine};

const SECOND: Duration = Duration::from_secs(1);

fn rig() -> (Fixture, Arc<TestClock>) {
    let clock = Arc::new(TestClock::new());
    let grants = Grants { clock: Arc::clone(&clock) as _, ..Grants::default() };
    (Fixture::granted(&engine(), guests::TRAP, (Limits::default(), grants)), clock)
}

#[tokio::test]
async fn after_five_traps_nobody_is_asked_until_the_pause_is_over() {
    let (trap, clock) = rig();
    let (bad, good) = (trap.object("trap").await, trap.object("ok").await);
    for _ in 0..5 {
        assert_eq!(trap.provider.trouble(), None);
        trap.read_object(&bad).await.unwrap_err();
    }
    let calls = trap.provider.statistics().calls;
    for object in [&bad, &good] {
        let Err(VfsError::Trap(reason)) = trap.read_object(object).await else { panic!("asked") };
        assert_eq!(reason, "it trapped again and again, and is called again in 1 s");
    }
    assert_eq!(trap.provider.statistics().calls, calls);
    clock.advance(SECOND);
    trap.read_object(&bad).await.unwrap_err();
    assert_eq!(trap.provider.statistics().traps, 6);
    clock.advance(SECOND);
    assert!(trap.provider.trouble().unwrap().ends_with("in 1 s"), "twice as long");
    trap.read_object(&good).await.unwrap_err();
    clock.advance(SECOND);
    trap.read_object(&good).await.unwrap();
    for _ in 0..4 {
        trap.read_object(&bad).await.unwrap_err();
    }
    assert_eq!(trap.provider.trouble(), None, "an answer closed it");
}

#[tokio::test]
async fn ten_thousand_traps_take_no_memory_with_them() {
    let (trap, clock) = rig();
    let bad = trap.object("trap").await;
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let mut begun = 0;
    for number in 0..11_000 {
        // Longer ago than the breaker looks back.
        clock.advance(SECOND * 61);
        trap.read_object(&bad).await.unwrap_err();
        if number == 1_000 {
            begun = memory();
        }
    }
    assert_eq!(trap.provider.statistics().traps, 11_000);
    let grown = memory().saturating_sub(begun);
    println!("10,000 traps: {grown} KiB more than before");
    assert!(grown < 20 << 10, "{grown} KiB");
}
