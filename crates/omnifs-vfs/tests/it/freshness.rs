use std::time::Duration;

use omnifs_vfs::{Lookup, NodeId, VfsError};

use vfs_testing::Item;

use crate::rig::{Rig, STALE, TTL};

/// > Past that it is served for `stale_while_revalidate` and asked for behind; past that it is
/// > waited for.
#[tokio::test]
async fn past_its_freshness_a_name_serves_at_once_and_is_refreshed_behind() {
    let rig = Rig::new();
    rig.source.put("d", 5, Item::Directory);
    let before = rig.entry(NodeId::ROOT, "d").await;
    rig.clock.advance(TTL);
    let stale = rig.entry(NodeId::ROOT, "d").await;
    assert!(stale.node == before.node && stale.valid < TTL);
    rig.settle().await;
    assert_eq!(rig.source.calls().lookups, 2);
    assert_eq!(rig.entry(NodeId::ROOT, "d").await.valid, TTL);
}

#[tokio::test]
async fn past_its_stale_time_a_file_is_read_anew() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(old).await.unwrap();
    rig.source.put("f", 5, "new");
    rig.clock.advance(TTL + STALE);
    let new = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(new.node, old);
    assert_eq!(rig.read(new.node).await.unwrap(), "new");
    assert_eq!(rig.read(old).await.unwrap(), "old");
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_answer() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(old).await.unwrap();
    rig.source.fail(Some(VfsError::Trap("boom".into())));
    rig.clock.advance(TTL);
    rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.node, old);
    rig.clock.advance(STALE);
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.node, old);
}

#[tokio::test]
async fn a_refresh_that_finds_nothing_takes_the_name_away() {
    let rig = Rig::new();
    rig.source.put("f", 5, "x");
    rig.entry(NodeId::ROOT, "f").await;
    rig.source.remove("f");
    rig.clock.advance(TTL);
    rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    assert!(matches!(rig.lookup(NodeId::ROOT, "f").await, Ok(Lookup::Absent { .. })));
}

#[tokio::test(start_paused = true)]
async fn so_many_are_refreshed_behind_at_once_and_the_others_at_their_next_use() {
    let rig = Rig::new();
    let names: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
    for (number, name) in (5..).zip(&names) {
        rig.source.put(name, number, "x");
        rig.entry(NodeId::ROOT, name).await;
    }
    rig.clock.advance(TTL);
    rig.source.delay(Duration::from_secs(1));
    let before = rig.source.begun();
    for name in &names {
        rig.entry(NodeId::ROOT, name).await;
    }
    rig.settle().await;
    assert_eq!(rig.source.begun() - before, 32);
    while rig.source.begun() - before < 100 {
        let begun = rig.source.begun();
        tokio::time::sleep(Duration::from_secs(2)).await;
        for name in &names {
            rig.entry(NodeId::ROOT, name).await;
        }
        rig.settle().await;
        assert!(rig.source.begun() > begun, "the places are free again");
    }
}
