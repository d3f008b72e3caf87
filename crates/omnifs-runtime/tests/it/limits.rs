//! Each limit, hit by a real component.

use std::sync::Arc;
use std::time::Duration;

use omnifs_runtime::{Engine, EngineOptions, Grants, Limits, LoadError, Provider, ProviderOptions};
use omnifs_vfs::{Content, Source, VfsError};
use testkit::guests;
use tokio::time::timeout;

use crate::components::{Fixed, fixed};
use crate::fixture::{Fixture, Lines, engine};

/// Long enough for a loaded machine, short enough to say that nothing hangs.
const SOON: Duration = Duration::from_secs(10);

fn cpu(milliseconds: u64) -> Limits {
    Limits { cpu: Duration::from_millis(milliseconds), ..Limits::default() }
}

/// One thread for everything: a guest that kept it would stop the neighbour and the timers.
#[tokio::test]
async fn a_spinning_guest_is_stopped_while_a_neighbour_answers() {
    let engine = engine();
    let spin = Arc::new(Fixture::on(&engine, guests::SPIN, cpu(400)));
    let hello = Fixture::on(&engine, guests::HELLO, Limits::default());
    let spinning = {
        let spin = Arc::clone(&spin);
        tokio::spawn(async move { spin.read("spin").await })
    };
    let mut answers = 0;
    while !spinning.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(hello.text("hello.txt").await, "hello from omnifs\n");
        answers += 1;
    }
    assert!(answers >= 5, "{answers}");
    assert_eq!(
        spinning.await.unwrap(),
        Err(VfsError::TimedOut(
            "read-file(/spin): it used 400 ms of CPU, all it may (limits.cpu)".to_owned()
        ))
    );
    assert_eq!(spin.text("ok").await, "ok\n");
    let statistics = spin.provider.statistics();
    assert_eq!((statistics.traps, statistics.instances), (1, 1));
}

#[tokio::test]
async fn a_spinning_lookup_is_stopped_too() {
    let spin = Fixture::limited(guests::SPIN, cpu(100));
    let outcome = spin.lookup(&spin.root, "spin-lookup").await;
    assert!(matches!(outcome, Err(VfsError::TimedOut(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_spinning_call_can_be_dropped() {
    let spin = Fixture::new(guests::SPIN);
    let object = spin.object("spin").await;
    assert!(
        timeout(Duration::from_millis(100), spin.provider.read_file(&object, None)).await.is_err()
    );
    assert_eq!(timeout(SOON, spin.text("ok")).await.unwrap(), "ok\n");
}

#[tokio::test]
async fn waiting_costs_no_cpu() {
    let slow = Fixture::limited(guests::SLOW, cpu(300));
    assert_eq!(slow.text("slow-1").await, "slow\n");
}

#[tokio::test]
async fn a_call_that_waits_too_long_is_given_up() {
    let limits = Limits { call: Duration::from_millis(300), ..Limits::default() };
    let slow = Fixture::limited(guests::SLOW, limits);
    assert_eq!(
        timeout(SOON, slow.read("slow-9")).await.unwrap(),
        Err(VfsError::TimedOut(
            "read-file(/slow-9) took longer than 0.3 s (limits.call)".to_owned()
        ))
    );
    assert_eq!(slow.provider.statistics().instances, 0);
    assert_eq!(slow.text("ok").await, "ok\n");
}

#[tokio::test]
async fn one_waiter_too_many_is_refused() {
    let limits = Limits { queue: 1, instances: Some(1), ..Limits::default() };
    let slow = Arc::new(Fixture::limited(guests::SLOW, limits));
    let object = slow.object("ok").await;
    let long = slow.object("slow-1").await;
    let running = {
        let (slow, long) = (Arc::clone(&slow), Arc::clone(&long));
        tokio::spawn(async move { slow.provider.read_file(&long, None).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut waiting = slow.provider.read_file(&object, None);
    assert!(timeout(Duration::from_millis(50), &mut waiting).await.is_err());
    assert_eq!(
        slow.provider.read_file(&object, None).await,
        Err(VfsError::Busy("1 calls wait for the provider already (limits.queue)".to_owned()))
    );
    assert_eq!(waiting.await.unwrap().value.unwrap(), Content::from("ok\n"));
    assert_eq!(running.await.unwrap().unwrap().value.unwrap(), Content::from("slow\n"));
}

#[tokio::test]
async fn a_turn_that_does_not_come_times_out() {
    let limits =
        Limits { call: Duration::from_millis(400), instances: Some(1), ..Limits::default() };
    let slow = Arc::new(Fixture::limited(guests::SLOW, limits));
    let long = slow.object("slow-9").await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (slow, long) = (Arc::clone(&slow), Arc::clone(&long));
            tokio::spawn(async move { slow.provider.read_file(&long, None).await })
        })
        .collect();
    let mut reasons = Vec::new();
    for call in calls {
        let Err(VfsError::TimedOut(reason)) = timeout(SOON, call).await.unwrap().unwrap() else {
            panic!()
        };
        reasons.push(reason);
    }
    assert!(
        reasons.contains(&"other calls kept the provider busy for 0.4 s".to_owned()),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn memory_has_an_end() {
    let alloc = Fixture::new(guests::ALLOC);
    assert_eq!(
        alloc.read("alloc").await,
        Err(VfsError::Trap(
            "read-file(/alloc): it needs more than the 128 MiB of memory it may have \
             (limits.memory)"
                .to_owned()
        ))
    );
    assert_eq!(alloc.text("ok").await, "ok\n");
}

#[tokio::test]
async fn memory_has_an_end_before_the_first_call_too() {
    let bytes = fixed(&Fixed { pages: 3_000, list: (0, 0), read: (0, 0), data: "" });
    let outcome = Fixture::new(&bytes).list("").await;
    let Err(VfsError::Trap(reason)) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("128 MiB of memory"), "{reason}");
}

#[tokio::test]
async fn recursion_has_an_end() {
    let alloc = Fixture::new(guests::ALLOC);
    let outcome = alloc.read("recurse").await;
    assert!(matches!(outcome, Err(VfsError::Trap(_))), "{outcome:?}");
    assert_eq!(alloc.text("ok").await, "ok\n");
}

#[tokio::test]
async fn a_large_file_is_whole_and_its_instance_not_kept() {
    let big = Fixture::new(guests::BIG);
    let content = big.read("big").await.unwrap().unwrap();
    assert!(content == guests::pseudo_random(60 << 20), "the bytes differ");
    let statistics = big.provider.statistics();
    assert_eq!((statistics.instances, statistics.memory, statistics.traps), (0, 0, 0));
    assert_eq!(big.list("").await.unwrap().len(), 7);
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_with_its_size() {
    let big = Fixture::new(guests::BIG);
    assert_eq!(
        big.read("over").await,
        Err(VfsError::FileTooLarge { size: 65 << 20, limit: 64 << 20 })
    );
    assert_eq!(big.provider.statistics().traps, 0);
}

#[tokio::test]
async fn a_listing_of_a_million_names_passes_and_one_more_does_not() {
    let big = Fixture::new(guests::BIG);
    assert_eq!(big.list("names").await.unwrap().len(), 1_000_000);
    let limits = Limits { names: 9_999, ..Limits::default() };
    let big = Fixture::limited(guests::BIG, limits);
    assert_eq!(
        big.list("many").await,
        Err(VfsError::ListingTooLarge { names: 10_000, limit: 9_999 })
    );
    assert_eq!(big.list("").await.unwrap().len(), 7);
}

#[tokio::test]
async fn what_is_not_worth_lifting_is_left_in_the_guest() {
    let bytes = fixed(&Fixed {
        pages: 1_600,
        list: (65_536, 4_000_000),
        read: (65_536, 80 << 20),
        data: "",
    });
    let huge = Fixture::new(&bytes);
    assert_eq!(
        huge.read("any").await,
        Err(VfsError::FileTooLarge { size: 72 << 20, limit: 64 << 20 })
    );
    let outcome = huge.list("").await;
    let Err(VfsError::ListingTooLarge { names, limit: 1_000_000 }) = outcome else {
        panic!("{:?}", outcome.map(|names| names.len()))
    };
    assert!(names > 1_000_000, "{names}");
}

#[tokio::test]
async fn what_is_lifted_follows_its_limit() {
    let bytes = fixed(&Fixed { pages: 100, list: (65_536, 100_000), read: (0, 0), data: "" });
    assert_eq!(Fixture::new(&bytes).list("").await.unwrap().len(), 100_000);
    // A name takes 24 bytes, and so do 100,000 of them more than the least there is: a longer
    // file would raise it.
    let limits = Limits { lift: 1 << 20, file: 1, ..Limits::default() };
    let bytes = fixed(&Fixed { pages: 200, list: (65_536, 400_000), read: (0, 0), data: "" });
    let small = Fixture::limited(&bytes, limits);
    let outcome = small.list("").await;
    assert!(
        matches!(outcome, Err(VfsError::ListingTooLarge { .. })),
        "{:?}",
        outcome.map(|l| l.len())
    );
}

#[tokio::test]
async fn tables_have_an_end() {
    let bytes =
        fixed(&Fixed { pages: 2, list: (0, 0), read: (0, 0), data: "(table 2000 funcref)" });
    Fixture::new(&bytes).list("").await.unwrap();
    let limits = Limits { table: 1_999, ..Limits::default() };
    let outcome = Fixture::limited(&bytes, limits).list("").await;
    let Err(VfsError::Trap(reason)) = outcome else { panic!("{outcome:?}") };
    assert!(reason.ends_with("more than the 1999 elements it may have (limits.table)"), "{reason}");
}

#[tokio::test]
async fn the_stack_is_as_deep_as_it_is_set() {
    // Each call keeps 100 words over the next one.
    let deep = "(func $down (param i32) (result i64) (local i64)
          (if (result i64) (i32.eqz (local.get 0)) (then (i64.const 1))
            (else (i64.add (i64.extend_i32_u (local.get 0))
              (call $down (i32.sub (local.get 0) (i32.const 1)))))))
        (func $start (drop (call $down (i32.const 6000))))
        (start $start)";
    let bytes = fixed(&Fixed { pages: 2, list: (0, 0), read: (0, 0), data: deep });
    for (stack, fits) in [(1 << 20, true), (64 << 10, false)] {
        let engine = Engine::new(EngineOptions { stack, ..EngineOptions::default() }).unwrap();
        let outcome = Fixture::on(&engine, &bytes, Limits::default()).list("").await;
        assert_eq!(outcome.is_ok(), fits, "{stack}: {outcome:?}");
    }
}

#[tokio::test]
async fn so_many_traps_as_are_set_have_it_left_alone() {
    let trap = Fixture::limited(guests::TRAP, Limits { traps: 2, ..Limits::default() });
    for alone in [false, true] {
        let _trapped = trap.read("trap").await.unwrap_err();
        assert_eq!(trap.provider.trouble().is_some(), alone);
    }
}

/// Returns why a component cannot be loaded under these limits.
fn not_loaded(limits: Limits) -> LoadError {
    let options = ProviderOptions {
        name: "test".to_owned(),
        limits,
        log: Arc::new(Lines::default()),
        grants: Grants::default(),
        live: false,
    };
    let engine = Engine::new(EngineOptions::default()).unwrap();
    Provider::load(&engine, guests::HELLO, options).unwrap_err()
}

#[test]
fn a_component_over_its_limit_is_refused() {
    let limits = Limits { component: 1_000, ..Limits::default() };
    let refused = not_loaded(limits);
    assert!(refused.to_string().contains("over the limit of 1000 bytes"), "{refused}");
}

#[test]
fn compiling_has_an_end() {
    let limits = Limits { compile: Duration::ZERO, ..Limits::default() };
    assert_eq!(
        not_loaded(limits).to_string(),
        "compiling it takes longer than 0 s (limits.compile)\n\
         help: try again later: compiling goes on, and its result is kept"
    );
}
