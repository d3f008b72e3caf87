use std::time::Duration;

use omnifs_vfs::{Caching, Change, NodeId, NodeKind, Settings, VfsError};

use vfs_testing::Item;

use crate::rig::{Rig, STALE, TTL};

/// > Listing reads no file, and asks for kinds only for as long as that needs no request.
#[tokio::test]
async fn a_listing_has_names_kinds_and_inodes_and_reads_nothing() {
    let rig = Rig::new();
    rig.source.put("f", 5, "x");
    rig.source.put("d", 6, Item::Directory);
    let kinds = [("f".into(), Some(NodeKind::File)), ("d".into(), Some(NodeKind::Directory))];
    assert_eq!(rig.list(NodeId::ROOT).await, kinds);
    assert_eq!((rig.source.calls().reads, rig.source.calls().listings), (0, 1));
    let entry = rig.entry(NodeId::ROOT, "d").await;
    assert_eq!((entry.attributes.st_ino, rig.source.calls().lookups), (7, 0), "probed");
}

/// > A name is 1 to 255 bytes without `/`, NUL and control characters, and neither `.` nor `..`;
/// > what cannot be one is left out and counted, and of two that are equal the first is kept.
#[tokio::test]
async fn names_that_cannot_be_names_are_left_out_and_counted() {
    let rig = Rig::new();
    rig.source.put("ok", 5, "x");
    let bad = ["", ".", "..", "a/b", "nul\0", "bell\u{7}", "ok", &"x".repeat(256)];
    rig.source.list_also(&bad);
    assert_eq!(rig.list(NodeId::ROOT).await, [("ok".into(), Some(NodeKind::File))]);
    assert_eq!(rig.tree.statistics().dropped_names, bad.len() as u64);
}

#[tokio::test]
async fn a_listed_name_that_lookup_does_not_know_has_no_kind() {
    let rig = Rig::new();
    rig.source.list_also(&["ghost"]);
    assert_eq!(rig.list(NodeId::ROOT).await, [("ghost".into(), None)]);
}

#[tokio::test]
async fn entries_with_attributes_are_those_that_cost_nothing() {
    let rig = Rig::new();
    rig.source.put("read", 5, "12345");
    rig.source.put("unread", 6, "x");
    rig.source.put("zdir", 7, Item::Directory);
    let read = rig.entry(NodeId::ROOT, "read").await.node;
    rig.tree.attributes(read).await.unwrap();
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let mut reader = rig.tree.read_directory(handle.id, 0).await.unwrap();
    let mut entries = Vec::new();
    while reader.peek().is_some() {
        entries.push(reader.entry());
        reader.advance();
    }
    assert_eq!(entries[..2], [None, None], "the dots");
    assert_eq!((entries[2].unwrap().node, entries[2].unwrap().attributes.size), (read, 5));
    assert_eq!(entries[3], None);
    assert_eq!(entries[4].unwrap().attributes.kind, NodeKind::Directory);
    rig.tree.forget(entries[4].unwrap().node, 1);
    rig.tree.forget(read, 2);
    assert_eq!(rig.tree.statistics().nodes, 1, "entries were counted");
}

#[tokio::test]
async fn listing_again_and_again_does_not_keep_old_bytes_fresh() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(file).await.unwrap();
    rig.source.put("f", 5, "newer");
    for _ in 0..15 {
        rig.clock.advance(TTL);
        let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
        rig.settle().await;
        let mut reader = rig.tree.read_directory(handle.id, 0).await.unwrap();
        while reader.peek().is_some() {
            let _ = reader.entry();
            reader.advance();
        }
    }
    let entry = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(entry.node, file);
    assert_eq!(rig.read(entry.node).await.unwrap(), "newer");
}

#[tokio::test]
async fn a_reader_goes_on_in_its_own_generation() {
    let rig = Rig::new();
    let mut changes = rig.tree.changes();
    for i in 0..10 {
        rig.source.put(&format!("{i}"), 5 + i, "x");
    }
    let first = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(first.caching, Caching::Anew);
    let mut reader = rig.tree.read_directory(first.id, 0).await.unwrap();
    for _ in 0..5 {
        reader.advance();
    }
    let cookie = reader.peek().unwrap().cookie;
    for i in 0..9 {
        rig.source.remove(&format!("{i}"));
    }
    let before = rig.tree.attributes(NodeId::ROOT).await.unwrap().modified;
    rig.clock.advance(TTL);
    let stale = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(stale.caching, Caching::Nothing, "served at once, refreshed behind");
    rig.settle().await;
    assert_eq!(changes.try_recv(), Ok(Change::Listing(NodeId::ROOT)));
    assert!(rig.tree.attributes(NodeId::ROOT).await.unwrap().modified > before);
    let second = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(second.caching, Caching::Anew);

    let rest = rig.tree.read_directory(first.id, cookie).await.unwrap();
    assert_eq!(rest.peek().unwrap().name, "4");
    let shared = rig.tree.read_directory(second.id, cookie).await.unwrap();
    assert_eq!(shared.peek().unwrap().name, "4", "a cookie of another reader's generation");
    rig.tree.release_directory(first.id);
    rig.tree.release_directory(stale.id);
    assert!(matches!(rig.tree.read_directory(second.id, cookie).await, Err(VfsError::Stale(_))));
    assert!(matches!(rig.tree.read_directory(first.id, 0).await, Err(VfsError::Stale(_))));
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 1);
}

#[tokio::test]
async fn a_place_among_the_same_names_outlives_the_listing() {
    let rig = Rig::new();
    for i in 0..10 {
        rig.source.put(&format!("{i}"), 5 + i, "x");
    }
    let first = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let mut reader = rig.tree.read_directory(first.id, 0).await.unwrap();
    for _ in 0..5 {
        reader.advance();
    }
    let cookie = reader.peek().unwrap().cookie;
    rig.tree.release_directory(first.id);
    rig.clock.advance(TTL + STALE);
    let second = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(rig.source.calls().listings, 2);
    let rest = rig.tree.read_directory(second.id, cookie).await.unwrap();
    assert_eq!(rest.peek().unwrap().name, "4");
}

#[tokio::test]
async fn past_its_stale_time_a_listing_is_waited_for() {
    let rig = Rig::new();
    rig.source.put("a", 5, "x");
    rig.list(NodeId::ROOT).await;
    rig.source.put("b", 6, "x");
    rig.clock.advance(TTL + STALE);
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 2);
}

fn names(listed: &[(String, Option<NodeKind>)]) -> Vec<&str> {
    listed.iter().map(|(name, _)| name.as_str()).collect()
}

/// > As long as the same names are there each keeps its place, in whatever order a provider lists
/// > them.
#[tokio::test]
async fn the_same_names_in_another_order_keep_their_places() {
    let rig = Rig::new();
    let mut changes = rig.tree.changes();
    rig.source.list_also(&["a", "b", "c"]);
    let first = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let mut reader = rig.tree.read_directory(first.id, 0).await.unwrap();
    for _ in 0..3 {
        reader.advance();
    }
    let cookie = reader.peek().unwrap().cookie;
    rig.tree.release_directory(first.id);
    rig.source.list_also(&["c", "b", "a"]);
    rig.clock.advance(TTL + STALE);
    let second = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(rig.source.calls().listings, 2);
    let rest = rig.tree.read_directory(second.id, cookie).await.unwrap();
    assert_eq!(rest.peek().unwrap().name, "c", "a place that the kernel may hold");
    assert_eq!(names(&rig.list(NodeId::ROOT).await), ["a", "b", "c"]);
    assert!(changes.try_recv().is_err());
}

#[tokio::test]
async fn an_order_that_nobody_remembers_any_more_is_shown_anew() {
    let rig = Rig::with(Settings { memory: 1, ..Settings::default() });
    let open = async || {
        let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
        rig.tree.release_directory(handle.id);
        handle.caching
    };
    rig.source.list_also(&["a", "b"]);
    assert_eq!([open().await, open().await], [Caching::Anew, Caching::Keep]);
    // One slot always fits: this file takes the place of the listing.
    rig.source.put("f", 5, "x");
    let modified = rig.tree.attributes(NodeId::ROOT).await.unwrap().modified;
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(file).await.unwrap();
    rig.source.remove("f");
    rig.source.list_also(&["b", "a"]);
    assert_eq!(open().await, Caching::Anew, "the kernel may have the other order");
    assert_eq!(names(&rig.list(NodeId::ROOT).await), ["b", "a"]);
    let after = rig.tree.attributes(NodeId::ROOT).await.unwrap().modified;
    assert_eq!(after, modified, "the set of names is the same");
}

#[tokio::test]
async fn the_kernel_keeps_its_copy_only_while_it_looks_like_the_listing() {
    let rig = Rig::new();
    rig.source.put("x", 5, "x");
    let open = async || rig.tree.open_directory(NodeId::ROOT).await.unwrap().caching;
    assert_eq!([open().await, open().await], [Caching::Anew, Caching::Keep]);
    rig.clock.advance(TTL + STALE);
    assert_eq!(open().await, Caching::Keep, "listed again, and the same");
    rig.source.put("x", 5, Item::Directory);
    rig.clock.advance(TTL + STALE);
    assert_eq!(open().await, Caching::Anew, "the same names, and another kind");
    rig.source.put("y", 6, "y");
    rig.clock.advance(TTL);
    assert_eq!(open().await, Caching::Nothing);
    rig.settle().await;
    assert_eq!([open().await, open().await], [Caching::Anew, Caching::Keep]);
}

#[tokio::test(start_paused = true)]
async fn two_who_list_cause_one_call() {
    let rig = Rig::new();
    rig.source.put("a", 5, "x");
    rig.source.delay(Duration::from_millis(50));
    let both = async { tokio::join!(rig.list(NodeId::ROOT), rig.list(NodeId::ROOT)) };
    let (a, b) = tokio::time::timeout(Duration::from_secs(1), both).await.unwrap();
    assert_eq!(a.len() + b.len(), 2);
    assert_eq!(rig.source.calls().listings, 1);
}
