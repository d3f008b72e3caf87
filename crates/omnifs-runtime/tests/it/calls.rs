//! Answers, inodes, traps and abandoned calls.

use std::sync::Arc;
use std::time::Duration;

use omnifs_runtime::{Limits, LogSource};
use omnifs_vfs::{Content, Inode, NodeKind, Object, ObjectKey, Source, VfsError};
use testkit::guests;
use tokio::time::timeout;

use crate::components::{Fixed, fixed};
use crate::fixture::{Fixture, name};

/// Long enough for a loaded machine, shorter than what a call would otherwise wait for.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_pages_provider_answers() {
    let hello = Fixture::new(guests::HELLO);
    assert_eq!(hello.list("").await.unwrap(), ["hello.txt"]);
    let child = hello.lookup(&hello.root, "hello.txt").await.unwrap().unwrap();
    assert_eq!((child.inode.number(), child.kind), (1, NodeKind::File));
    assert_eq!(hello.lookup(&hello.root, "absent").await.unwrap(), None);
    assert_eq!(hello.text("hello.txt").await, "hello from omnifs\n");
    let statistics = hello.provider.statistics();
    assert_eq!((statistics.calls, statistics.traps, statistics.instances), (5, 0, 1));
    assert!(statistics.memory >= 1 << 20, "{statistics:?}");
    assert_eq!((hello.provider.name(), hello.provider.face().number()), ("test", 1));
}

#[tokio::test]
async fn a_trap_is_told_in_the_guests_words_and_costs_one_instance() {
    let trap = Fixture::new(guests::TRAP);
    let told = |error: VfsError, call: &str| {
        let VfsError::Trap(reason) = error else { panic!("{error:?}") };
        assert!(reason.starts_with(&format!("{call}: panicked at ")), "{reason}");
        assert!(reason.contains("src/lib.rs:"), "{reason}");
        assert!(reason.ends_with(": boom"), "{reason}");
        assert_eq!(trap.provider.statistics().instances, 0);
    };
    told(trap.read("trap").await.unwrap_err(), "read-file(/trap)");
    assert_eq!(trap.text("ok").await, "ok\n");
    told(trap.list("trap-dir").await.unwrap_err(), "list-children(/trap-dir)");
    assert_eq!(trap.text("ok").await, "ok\n");
    let aborted = trap.read("abort").await.unwrap_err();
    assert!(matches!(aborted, VfsError::Trap(_)), "{aborted:?}");
    assert_eq!(trap.text("ok").await, "ok\n");
    assert_eq!(trap.provider.statistics().traps, 3);
}

#[tokio::test]
async fn after_a_trap_objects_are_found_by_their_path() {
    let counter = Fixture::new(guests::COUNTER);
    let mut objects = Vec::new();
    for path in ["c/2", "a/1", "z/3", "c/1"] {
        objects.push((path, counter.object(path).await));
    }
    let directory = counter.object("q").await;
    assert!(matches!(counter.read("trap").await, Err(VfsError::Trap(_))));
    // Turned round, so that the new instance numbers everything differently.
    for (path, object) in objects.iter().rev() {
        let content = counter.provider.read_file(object, None).await.unwrap().value.unwrap();
        assert_eq!(content, Content::from(format!("{path}\n")));
    }
    assert_eq!(
        counter.provider.list_children(&directory, None).await.unwrap().value.names,
        ["1", "2", "3"]
    );
    let child = counter.lookup(&directory, "2").await.unwrap().unwrap();
    assert_eq!(child.kind, NodeKind::File);
}

#[tokio::test]
async fn a_provider_that_numbers_on_discovery_is_told_so_once() {
    let counter = Fixture::new(guests::COUNTER);
    let mut objects = Vec::new();
    for path in ["c/2", "a/1"] {
        objects.push(counter.object(path).await);
    }
    for _ in 0..2 {
        counter.read("trap").await.unwrap_err();
        for object in objects.iter().rev() {
            counter.provider.read_file(object, None).await.unwrap();
        }
    }
    let host = counter.lines.of(LogSource::Host);
    let told: Vec<_> = host.iter().filter(|line| line.contains("stable_inode")).collect();
    assert_eq!(told.len(), 1, "{host:?}");
    assert!(told[0].starts_with("before read-file(/a/1), a new instance gave"), "{}", told[0]);
}

#[tokio::test]
async fn calls_run_beside_a_slow_one_on_instances_of_their_own() {
    let slow = Arc::new(Fixture::new(guests::SLOW));
    let directory = slow.object("dir").await;
    let long = slow.object("slow-9").await;
    let mut running = slow.provider.read_file(&long, None);
    assert!(timeout(Duration::from_millis(50), &mut running).await.is_err());
    for _ in 0..100 {
        let names = slow.provider.list_children(&directory, None);
        assert_eq!(
            timeout(SOON, names).await.unwrap().unwrap().value.names,
            ["a", "b", "c", "slow"]
        );
        assert_eq!(timeout(SOON, slow.text("dir/a")).await.unwrap(), "sibling\n");
    }
    assert_eq!(slow.provider.statistics().instances, 2, "one for each call at a time");
    drop(running);
    assert_eq!(slow.provider.statistics().instances, 1);
}

#[tokio::test]
async fn there_are_no_more_instances_than_allowed() {
    let limits = Limits { instances: Some(2), ..Limits::default() };
    let slow = Arc::new(Fixture::limited(guests::SLOW, limits));
    let long = slow.object("slow-1").await;
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let (slow, long) = (Arc::clone(&slow), Arc::clone(&long));
            tokio::spawn(async move { slow.provider.read_file(&long, None).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(slow.provider.statistics().instances, 2);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().value.unwrap(), Content::from("slow\n"));
    }
    assert_eq!(slow.provider.statistics().instances, 2);
}

#[tokio::test]
async fn forgotten_objects_are_found_again() {
    let counter = Fixture::new(guests::COUNTER);
    let object = counter.object("b/2").await;
    counter.provider.forget(object.key());
    let (parent, _) = object.place().unwrap();
    counter.provider.forget(parent.key());
    assert_eq!(
        counter.provider.read_file(&object, None).await.unwrap().value.unwrap(),
        Content::from("b/2\n")
    );
}

#[tokio::test]
async fn an_object_that_is_gone_is_stale_and_a_name_in_it_absent() {
    let hello = Fixture::new(guests::HELLO);
    let inode = Inode::of_child(9).unwrap();
    let gone = Object::child(&hello.root, name("gone"), ObjectKey(50), inode);
    let below = Object::child(&gone, name("x"), ObjectKey(51), inode);
    assert_eq!(
        hello.provider.read_file(&below, None).await,
        Err(VfsError::Stale("the provider has no file /gone/x any more".to_owned()))
    );
    assert_eq!(
        hello.provider.list_children(&gone, None).await,
        Err(VfsError::Stale("the provider has no directory /gone any more".to_owned()))
    );
    assert_eq!(hello.lookup(&gone, "x").await, Ok(None));
    // A file where a directory was is no better.
    let file = Object::child(&hello.root, name("hello.txt"), ObjectKey(52), inode);
    assert!(matches!(hello.provider.list_children(&file, None).await, Err(VfsError::Stale(_))));
    assert_eq!(hello.provider.statistics().traps, 0);
}

#[tokio::test]
async fn two_numbers_are_no_childs() {
    let bad = Fixture::new(guests::BADNAMES);
    let of = |text: &'static str| bad.lookup(&bad.root, text);
    assert_eq!(
        of("zero").await,
        Err(VfsError::Contract(
            "lookup-child(/zero) returned inode 0 for a child: 0 is the root's".to_owned()
        ))
    );
    let Err(VfsError::Contract(reason)) = of("max").await else { panic!() };
    assert!(reason.contains("18446744073709551615"), "{reason}");
    assert!(of("good").await.unwrap().is_some());
    let statistics = bad.provider.statistics();
    assert_eq!((statistics.traps, statistics.instances), (0, 1));
}

#[tokio::test]
async fn names_are_passed_on_as_they_are() {
    let names = Fixture::new(guests::BADNAMES).list("").await.unwrap();
    assert_eq!(&names[..5], ["good", "", ".", "..", "a/b"]);
    assert_eq!(names.last().unwrap(), "last");
}

#[tokio::test]
async fn a_bulk_lookup_answers_in_order_and_survives_bad_numbers() {
    let bad = Fixture::new(guests::BADNAMES);
    let names = ["good", "zero", "absent", "max", "second"].map(name);
    let mut found = Vec::new();
    while found.len() < names.len() {
        let probe = bad.provider.probe_children(&bad.root, &names[found.len()..]).await.unwrap();
        assert!(probe.more);
        assert!(!probe.children.is_empty());
        found.extend(probe.children);
    }
    let known: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(known, [true, false, false, false, true]);
}

#[tokio::test]
async fn a_bulk_lookup_of_many_gets_through_in_steps() {
    let big = Fixture::new(guests::BIG);
    let many = big.object("many").await;
    let names: Vec<_> = big
        .provider
        .list_children(&many, None)
        .await
        .unwrap()
        .value
        .names
        .iter()
        .map(|text| name(text))
        .collect();
    let mut found = 0_usize;
    while found < names.len() {
        let probe = big.provider.probe_children(&many, &names[found..]).await.unwrap();
        assert!(probe.more && !probe.children.is_empty());
        for child in probe.children {
            // The component numbers them from 4 * 2^32 on.
            assert_eq!(child.unwrap().inode.number(), (4 << 32) + found as u64);
            found += 1;
        }
    }
    assert_eq!(found, names.len());
}

#[tokio::test]
async fn a_name_that_costs_the_instance_ends_a_bulk_lookup() {
    let limits = Limits { cpu: Duration::from_millis(100), ..Limits::default() };
    let spin = Fixture::limited(guests::SPIN, limits);
    let names = ["ok", "spin-lookup", "spin"].map(name);
    let probe = spin.provider.probe_children(&spin.root, &names).await.unwrap();
    assert!(!probe.more);
    assert_eq!(probe.children.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    assert_eq!(spin.provider.statistics().traps, 1);
}

#[tokio::test]
async fn a_dropped_call_is_abandoned_and_the_next_one_served() {
    let slow = Fixture::new(guests::SLOW);
    let object = slow.object("slow-9").await;
    let call = slow.provider.read_file(&object, None);
    assert!(timeout(Duration::from_millis(200), call).await.is_err());
    assert_eq!(slow.provider.statistics().instances, 0, "its instance is gone");
    let next = timeout(Duration::from_secs(5), slow.text("ok")).await;
    assert_eq!(next.expect("did not wait for the dropped call"), "ok\n");
    assert_eq!(slow.provider.statistics().traps, 0);
}

#[tokio::test]
async fn a_dropped_call_that_never_ran_costs_nothing() {
    let limits = Limits { instances: Some(1), ..Limits::default() };
    let slow = Arc::new(Fixture::limited(guests::SLOW, limits));
    let running = {
        let slow = Arc::clone(&slow);
        tokio::spawn(async move { slow.text("slow-1").await })
    };
    let object = slow.object("ok").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = slow.provider.read_file(&object, None);
    assert!(timeout(Duration::from_millis(100), waiting).await.is_err());
    assert_eq!(running.await.unwrap(), "slow\n");
    assert_eq!(slow.provider.statistics().instances, 1);
}

#[tokio::test]
async fn a_name_that_is_not_text_breaks_the_contract() {
    let bytes = fixed(&Fixed {
        pages: 1,
        list: (2_048, 1),
        read: (0, 0),
        data: "(data (i32.const 2048) \"\\b8\\0b\\00\\00\\01\\00\\00\\00\")
               (data (i32.const 3000) \"\\ff\")",
    });
    let bad = Fixture::new(&bytes);
    let Err(VfsError::Contract(reason)) = bad.list("").await else { panic!() };
    assert_eq!(reason, "list-children(/) returned a name that is not UTF-8");
    assert_eq!(bad.text("any").await, "");
}
