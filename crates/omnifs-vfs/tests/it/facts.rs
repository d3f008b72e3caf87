//! What the tree says of itself, and being told to believe it no more.

use std::time::Duration;

use omnifs_vfs::{Change, Facts, NodeId, NodeKind, VfsError};
use vfs_testing::Item;

use crate::rig::{Rig, TTL};

/// The calendar time at which the test clock begins, in seconds.
const BEGINNING: u64 = 1_700_000_000;

fn times(facts: &Facts) -> (Option<u64>, Option<u64>) {
    let after = |time: omnifs_vfs::Timestamp| time.seconds - BEGINNING;
    (facts.fetched_at.map(after), facts.fresh_until.map(after))
}

#[tokio::test]
async fn facts_say_what_is_kept_and_how_old_it_is() {
    let rig = Rig::new();
    rig.source.put("f", 5, "hello");
    assert_eq!(rig.tree.facts_at("/f"), None, "nobody asked yet");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    let unread = rig.tree.facts_at("/f").unwrap();
    assert_eq!((unread.node, unread.kind, unread.path.as_str()), (file, NodeKind::File, "/f"));
    assert_eq!((unread.size, times(&unread)), (None, (None, Some(60))));
    rig.clock.advance(Duration::from_secs(10));
    rig.read(file).await.unwrap();
    let read = rig.tree.facts(file).unwrap();
    assert_eq!((read.size, times(&read)), (Some(5), (Some(10), Some(60))));
    assert!(!read.stale && !read.partial);
    rig.clock.advance(TTL);
    let stale = rig.tree.facts(file).unwrap();
    assert!(stale.stale, "{stale:?}");
    assert_eq!(times(&stale), (Some(10), Some(60)));
    assert_eq!(rig.tree.facts_at("/f/x"), None);
    assert!(matches!(rig.tree.facts(NodeId(99)), Err(VfsError::Stale(_))));
}

#[tokio::test]
async fn facts_of_a_directory_are_those_of_its_listing() {
    let rig = Rig::new();
    let before = rig.tree.facts_at("/").unwrap();
    assert_eq!((before.kind, times(&before)), (NodeKind::Directory, (None, None)));
    rig.clock.advance(Duration::from_secs(3));
    rig.list(NodeId::ROOT).await;
    assert_eq!(times(&rig.tree.facts_at("").unwrap()), (Some(3), Some(63)));
}

#[tokio::test]
async fn what_is_expired_is_asked_for_anew_and_nothing_else() {
    let rig = Rig::new();
    rig.source.put("f", 5, "f").put("d", 6, Item::Directory).put("d/x", 7, "old");
    let f = rig.entry(NodeId::ROOT, "f").await.node;
    let d = rig.entry(NodeId::ROOT, "d").await.node;
    let x = rig.entry(d, "x").await.node;
    rig.read(f).await.unwrap();
    rig.read(x).await.unwrap();
    rig.list(d).await;
    rig.source.put("d/x", 7, "new");
    let mut changes = rig.tree.changes();
    assert!(rig.tree.expire("/d"));
    assert_eq!(rig.tree.facts(x).unwrap().fresh_until, None);
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(change);
    }
    assert_eq!(told.len(), 3, "the listing of d, and the names d and x: {told:?}");
    assert!(told.contains(&Change::Listing(d)), "{told:?}");
    let before = rig.source.calls();
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.node, f);
    assert_eq!(rig.source.calls().lookups, before.lookups, "f is as fresh as it was");
    assert_eq!(rig.entry(NodeId::ROOT, "d").await.node, d);
    let new = rig.entry(d, "x").await.node;
    assert_eq!(rig.read(new).await.unwrap(), "new");
    rig.list(d).await;
    let after = rig.source.calls();
    assert_eq!(after.listings - before.listings, 1);
    assert_eq!(rig.read(x).await.unwrap(), "old", "who has it open keeps it");
    assert!(!rig.tree.expire("/nowhere"));
}

#[tokio::test]
async fn what_only_a_listing_knows_is_asked_for_anew_as_well() {
    let rig = Rig::new();
    rig.source.file("a", "first");
    let _names = rig.list(NodeId::ROOT).await;
    assert!(!rig.tree.expire("/a"), "nobody looked it up");
    for _ in 0..2 {
        let entry = rig.entry(NodeId::ROOT, "a").await;
        assert!(!entry.valid.is_zero(), "{entry:?} is what is known now");
    }
    assert_eq!(rig.source.calls().lookups, 1);
}
