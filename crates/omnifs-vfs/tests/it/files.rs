use std::time::Duration;

use omnifs_vfs::{Change, Name, NodeId, NodeKind, Settings, VfsError};

use vfs_testing::Item;

use crate::rig::{Rig, TTL};

/// > Looking a name up reads nothing; asking for its size reads the file, once for all who ask at
/// > the same time.
#[tokio::test]
async fn a_lookup_reads_nothing_and_shows_no_size_that_stat_could_see() {
    let rig = Rig::new();
    rig.source.put("f", 5, "hello");
    let entry = rig.entry(NodeId::ROOT, "f").await;
    assert_eq!(entry.attributes.valid, Duration::ZERO);
    assert_eq!(rig.source.calls().reads, 0);
    let attributes = rig.tree.attributes(entry.node).await.unwrap();
    assert_eq!((attributes.size, attributes.kind), (5, NodeKind::File));
    assert_eq!(rig.read(entry.node).await.unwrap(), "hello");
    assert_eq!(rig.source.calls().reads, 1);
}

/// > Of two programs that ask for the first time at once both get the exact size.
#[tokio::test]
async fn an_exact_size_is_valid_once_it_has_taken_the_place_of_the_placeholder() {
    let rig = Rig::new();
    rig.source.put("f", 5, "hello");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    let mut told = Vec::new();
    for _ in 0..3 {
        let attributes = rig.tree.attributes(file).await.unwrap();
        let entry = rig.entry(NodeId::ROOT, "f").await;
        assert_eq!((attributes.size, entry.node), (5, file));
        told.extend([attributes, entry.attributes].map(|told| told.valid > TTL));
        rig.clock.advance(Duration::from_millis(60));
    }
    assert_eq!(told, [false, false, false, false, true, true]);
    // Whoever was never told anything else may believe it at once.
    rig.tree.forget(file, 4);
    assert!(rig.entry(NodeId::ROOT, "f").await.attributes.valid > TTL);
}

#[tokio::test]
async fn reads_are_slices_and_end_at_the_end() {
    let rig = Rig::new();
    rig.source.put("f", 5, "0123456789");
    rig.source.put("empty", 6, "");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.tree.read(file, 3, 4).await.unwrap(), "3456");
    assert_eq!(rig.tree.read(file, 8, 100).await.unwrap(), "89");
    assert_eq!(rig.tree.read(file, 10, 1).await.unwrap(), "");
    assert_eq!(rig.tree.read(file, u64::MAX, u32::MAX).await.unwrap(), "");
    let empty = rig.entry(NodeId::ROOT, "empty").await.node;
    assert_eq!(rig.tree.attributes(empty).await.unwrap().size, 0);
    assert_eq!(rig.read(empty).await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn stat_and_reads_at_once_cause_one_read() {
    let rig = Rig::new();
    rig.source.put("f", 5, "hello");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.source.delay(Duration::from_millis(100));
    let (size, a, b) = tokio::join!(rig.tree.attributes(file), rig.read(file), rig.read(file));
    assert_eq!((size.unwrap().size, a.unwrap(), b.unwrap()), (5, "hello".into(), "hello".into()));
    assert_eq!(rig.source.calls().reads, 1);
}

/// > When the bytes change, the name shows the new ones and the old version stays as it was until
/// > nobody has it open.
#[tokio::test]
async fn a_changed_file_is_another_node_and_the_old_one_keeps_its_bytes() {
    let rig = Rig::new();
    let mut changes = rig.tree.changes();
    rig.source.put("f", 5, "old");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.read(old).await.unwrap(), "old");
    rig.source.put("f", 5, "newer");
    rig.clock.advance(TTL);
    rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    let name = Name::from_provider("f").unwrap();
    assert_eq!(changes.try_recv(), Ok(Change::Version { parent: NodeId::ROOT, name, old }));

    let new = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(new.node, old);
    assert_eq!((new.attributes.size, new.attributes.st_ino), (5, 6));
    assert_eq!(rig.read(new.node).await.unwrap(), "newer");
    assert_eq!(rig.read(old).await.unwrap(), "old");
    assert_eq!(rig.tree.attributes(old).await.unwrap().size, 3);
}

#[tokio::test]
async fn a_new_version_survives_being_forgotten_at_once() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(old).await.unwrap();
    rig.source.put("f", 5, "new");
    rig.clock.advance(TTL);
    rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    let new = rig.entry(NodeId::ROOT, "f").await.node;
    rig.tree.forget(new, 1);
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.node, new);
    rig.tree.forget(new, 1);
    rig.tree.forget(old, 2);
    assert_eq!(rig.tree.statistics().nodes, 1);
}

/// > A file whose bytes are the same after a refresh keeps its pages in the kernel's cache and its
/// > times.
#[tokio::test]
async fn an_unchanged_file_keeps_its_node_and_time_over_a_refresh() {
    let rig = Rig::new();
    rig.source.put("f", 5, "same");
    let first = rig.entry(NodeId::ROOT, "f").await.node;
    let before = rig.tree.attributes(first).await.unwrap();
    rig.clock.advance(TTL);
    rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    let after = rig.entry(NodeId::ROOT, "f").await;
    assert_eq!((after.node, after.attributes.modified), (first, before.modified));
    assert_eq!(after.valid, TTL);
    assert_eq!(rig.source.calls().reads, 2);
}

#[tokio::test]
async fn bytes_that_were_evicted_and_changed_are_stale_never_others() {
    let rig = Rig::with(Settings { ttl: TTL, memory: 0, ..Settings::default() });
    rig.source.put("f", 5, "old");
    rig.source.put("other", 6, "other");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.read(old).await.unwrap(), "old");
    let other = rig.entry(NodeId::ROOT, "other").await.node;
    rig.read(other).await.unwrap();
    assert_eq!(rig.read(old).await.unwrap(), "old", "evicted, and the same again");

    rig.read(other).await.unwrap();
    rig.source.put("f", 5, "new");
    assert!(matches!(rig.read(old).await, Err(VfsError::Stale(_))));
    assert!(matches!(rig.read(old).await, Err(VfsError::Stale(_))), "for good");
    let new = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(new.node, old);
    assert_eq!(rig.read(new.node).await.unwrap(), "new");
}

#[tokio::test]
async fn a_file_that_vanished_is_not_found_and_its_name_is_asked_for_again() {
    let rig = Rig::new();
    rig.source.put("f", 5, "x");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.source.remove("f");
    assert_eq!(rig.tree.attributes(file).await, Err(VfsError::NotFound));
    rig.source.put("f", 6, Item::Directory);
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.attributes.kind, NodeKind::Directory);
}

#[tokio::test]
async fn what_was_read_outlives_its_node() {
    let rig = Rig::new();
    rig.source.put("f", 5, "hello");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(file).await.unwrap();
    rig.tree.forget(file, 1);
    let again = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(again.node, file);
    assert_eq!(again.attributes.size, 5);
    assert_eq!(rig.read(again.node).await.unwrap(), "hello");
    assert_eq!(rig.source.calls().reads, 1);
}

#[tokio::test]
async fn a_file_with_another_inode_is_not_served_from_what_was_read_of_the_old_one() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(old).await.unwrap();
    rig.tree.forget(old, 1);
    rig.source.put("f", 9, "new");
    let new = rig.entry(NodeId::ROOT, "f").await;
    assert_eq!(new.attributes.valid, Duration::ZERO);
    assert_eq!(rig.read(new.node).await.unwrap(), "new");
}
