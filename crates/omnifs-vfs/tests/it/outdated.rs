//! A source that says itself what is outdated.

use std::path::Path;
use std::time::Duration;

use omnifs_vfs::{
    Change, Details, Disk, Identity, Inode, Lookup, Name, NodeId, NodeKind, Settings,
};
use vfs_testing::Item;

use crate::rig::Rig;

/// Nothing of these tests gets that old.
const LONG: Duration = Duration::from_secs(3_600);

const MOMENT: Duration = Duration::from_millis(100);

fn settings() -> Settings {
    Settings { ttl: LONG, outdates: true, ..Settings::default() }
}

fn rig() -> Rig {
    Rig::with(settings())
}

fn inode(number: u64) -> Inode {
    Inode::of_child(number).unwrap()
}

fn name(text: &str) -> Name {
    Name::from_provider(text).unwrap()
}

fn of(bytes: &str, version: &str) -> Details {
    Details { size: Some(bytes.len() as u64), version: Some(version.into()), ..Details::default() }
}

fn told(changes: &mut tokio::sync::mpsc::UnboundedReceiver<Change>) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_recv().ok()).collect()
}

/// > What a provider says is outdated is asked for anew at its next use, and nothing else is,
/// > however fresh it was; an unchanged version keeps its pages.
#[tokio::test]
async fn what_is_outdated_is_asked_for_anew_and_nothing_else() {
    let rig = rig();
    rig.source.put("d", 4, Item::Directory).put("d/a", 5, "first").tell("d/a", of("first", "1"));
    rig.source.put("d/b", 6, "other").tell("d/b", of("other", "1"));
    let d = rig.entry(NodeId::ROOT, "d").await.node;
    let (a, b) = (rig.entry(d, "a").await.node, rig.entry(d, "b").await.node);
    for file in [a, b] {
        rig.read(file).await.unwrap();
    }
    let mut changes = rig.tree.changes();
    let before = rig.source.calls();
    rig.tree.invalidate(&[inode(5)]);
    let expired = Change::Expired { parent: d, name: name("a") };
    assert_eq!(told(&mut changes), vec![expired.clone()], "the kernel hears of it alone");
    rig.tree.invalidate(&[inode(5)]);
    assert_eq!(told(&mut changes), [], "once, as long as it has not asked again");
    let entry = rig.entry(d, "a").await;
    assert_eq!((entry.node, entry.valid), (a, LONG), "the same version, and fresh again");
    assert_eq!(rig.read(a).await.unwrap(), "first");
    assert_eq!(rig.entry(d, "b").await.node, b);
    assert_eq!(rig.entry(NodeId::ROOT, "d").await.node, d);
    let calls = rig.source.calls();
    assert_eq!((calls.lookups - before.lookups, calls.reads - before.reads), (1, 0));

    rig.source.put("d/a", 5, "second").tell("d/a", of("second", "2"));
    rig.tree.invalidate(&[inode(5)]);
    assert_eq!(told(&mut changes), [expired]);
    let new = rig.entry(d, "a").await.node;
    assert_ne!(new, a);
    assert_eq!(rig.read(new).await.unwrap(), "second");
    assert_eq!(rig.read(a).await.unwrap(), "first", "who has it open keeps it");
}

#[tokio::test]
async fn bytes_without_a_version_are_read_again() {
    let rig = rig();
    rig.source.put("a", 5, "first").put("b", 6, "other");
    let (a, b) = (rig.entry(NodeId::ROOT, "a").await.node, rig.entry(NodeId::ROOT, "b").await.node);
    let _read = (rig.read(a).await.unwrap(), rig.read(b).await.unwrap());
    // The kernel forgets the node, and the bytes stay.
    rig.tree.forget(a, 1);
    rig.source.put("a", 5, "second");
    rig.tree.invalidate(&[inode(5)]);
    for (file, bytes) in [("a", "second"), ("b", "other")] {
        let node = rig.entry(NodeId::ROOT, file).await.node;
        assert_eq!(rig.read(node).await.unwrap(), bytes);
    }
    assert_eq!((rig.source.reads("a"), rig.source.reads("b")), (2, 1));
}

/// > Of a directory that is outdated the names are asked for anew, those that were absent too.
#[tokio::test]
async fn the_names_of_an_outdated_directory_are_asked_for_anew() {
    let rig = rig();
    rig.source.put("d", 4, Item::Directory).put("d/a", 5, "a").tell("d/a", of("a", "1"));
    rig.source.put("d/gone", 6, "g").tell("d/gone", of("g", "1"));
    rig.source.put("e", 8, Item::Directory).put("e/x", 9, "x");
    let d = rig.entry(NodeId::ROOT, "d").await.node;
    let e = rig.entry(NodeId::ROOT, "e").await.node;
    let (_names, _others) = (rig.list(d).await, rig.list(e).await);
    let a = rig.entry(d, "a").await.node;
    rig.read(a).await.unwrap();
    let _gone = rig.entry(d, "gone").await;
    // The complete listing says so, and the kernel believes it.
    assert_eq!(rig.lookup(d, "new").await.unwrap(), Lookup::Absent { valid: LONG });
    rig.source.put("d/new", 7, "n").tell("d/new", of("n", "1")).remove("d/gone");
    let mut changes = rig.tree.changes();
    let before = rig.source.calls();
    rig.tree.invalidate(&[inode(4)]);
    let told = told(&mut changes);
    let expired = |parent, text| Change::Expired { parent, name: name(text) };
    assert!(told.contains(&Change::Listing(d)), "{told:?}");
    for (parent, text) in [(NodeId::ROOT, "d"), (d, "a"), (d, "gone"), (d, "new")] {
        assert!(told.contains(&expired(parent, text)), "{text}: {told:?}");
    }
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(matches!(rig.lookup(d, "gone").await.unwrap(), Lookup::Absent { .. }));
    assert!(matches!(rig.lookup(d, "new").await.unwrap(), Lookup::Found(_)));
    assert_eq!(rig.entry(d, "a").await.node, a);
    assert_eq!(rig.read(a).await.unwrap(), "a");
    let names: Vec<String> = rig.list(d).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "new"]);
    let _same = rig.list(e).await;
    let calls = rig.source.calls();
    assert_eq!((calls.listings - before.listings, calls.reads - before.reads), (1, 0));
}

#[tokio::test]
async fn the_root_and_listings_that_tell_of_a_file_are_outdated_as_well() {
    let rig = rig();
    rig.source.put("a", 5, "first").tell("a", of("first", "1"));
    rig.source.put("d", 6, Item::Directory).put("d/x", 7, "x");
    let _names = rig.list(NodeId::ROOT).await;
    let d = rig.entry(NodeId::ROOT, "d").await.node;
    let _inner = rig.list(d).await;
    rig.source.put("a", 5, "second").tell("a", of("second", "2"));
    rig.tree.invalidate(&[inode(5)]);
    // Nobody had looked it up: the listing alone knew its size.
    assert_eq!(rig.entry(NodeId::ROOT, "a").await.attributes.size, 6);
    let before = rig.source.calls().listings;
    let (_names, _inner) = (rig.list(NodeId::ROOT).await, rig.list(d).await);
    assert_eq!(rig.source.calls().listings, before + 1);
    rig.source.put("b", 9, "b").tell("b", of("b", "1"));
    rig.tree.invalidate(&[Inode::ROOT]);
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 3);
    assert_eq!(rig.source.calls().listings, before + 2);
}

/// > What was asked for before it was outdated is never believed, nor given to who asks later.
#[tokio::test(start_paused = true)]
async fn an_answer_under_way_is_not_believed() {
    let rig = rig();
    rig.source.put("a", 5, "first").tell("a", of("first", "1")).slow_lookup("a", MOMENT);
    rig.source.put("b", 6, "other").tell("b", of("other", "1")).slow_lookup("b", MOMENT);
    let later = async {
        tokio::time::sleep(MOMENT / 2).await;
        rig.source.put("a", 5, "second").tell("a", of("second", "2"));
        rig.tree.invalidate(&[inode(5)]);
        // It joins what is under way, of which nobody knows yet that it is about this object.
        rig.entry(NodeId::ROOT, "a").await
    };
    // Answers are made at the end of their time here, so that the first one is new, too.
    let (first, second, other) =
        tokio::join!(rig.entry(NodeId::ROOT, "a"), later, rig.entry(NodeId::ROOT, "b"));
    assert!(first.valid.is_zero(), "{first:?}");
    assert_eq!((second.valid, second.attributes.size), (LONG, 6));
    assert_eq!(other.valid, LONG, "what is said of one says nothing of another");
    let before = rig.source.calls().lookups;
    let _known = (rig.entry(NodeId::ROOT, "a").await, rig.entry(NodeId::ROOT, "b").await);
    assert_eq!((before, rig.source.calls().lookups), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn bytes_and_listings_under_way_are_not_believed() {
    let rig = rig();
    rig.source.put("a", 5, "first").slow_read("a", MOMENT).slow_list("", MOMENT);
    let a = rig.entry(NodeId::ROOT, "a").await.node;
    let told = async {
        tokio::time::sleep(MOMENT / 2).await;
        rig.tree.invalidate(&[inode(5)]);
        let node = rig.entry(NodeId::ROOT, "a").await.node;
        rig.read(node).await.unwrap()
    };
    let (_first, _second, _names) = tokio::join!(rig.read(a), told, rig.list(NodeId::ROOT));
    assert_eq!(rig.source.reads("a"), 2, "it did not wait for what was under way");
    let listings = rig.source.calls().listings;
    let node = rig.entry(NodeId::ROOT, "a").await.node;
    let (_read, _names) = (rig.read(node).await.unwrap(), rig.list(NodeId::ROOT).await);
    assert_eq!(rig.source.reads("a"), 2, "the second is believed");
    assert_eq!(rig.source.calls().listings, listings, "its names had been told by nobody");

    rig.tree.invalidate(&[Inode::ROOT]);
    let (before, begun) = (rig.source.calls().listings, rig.source.begun());
    let told = async {
        tokio::time::sleep(MOMENT / 2).await;
        rig.tree.invalidate(&[Inode::ROOT]);
        rig.list(NodeId::ROOT).await
    };
    let (_first, _second) = tokio::join!(rig.list(NodeId::ROOT), told);
    assert_eq!(rig.source.begun() - begun, 2, "nor did the second listing");
    let _names = rig.list(NodeId::ROOT).await;
    assert_eq!(rig.source.calls().listings - before, 2);
}

#[tokio::test]
async fn a_listing_that_is_read_ends_as_it_began_and_is_not_gone_on_with() {
    let rig = rig();
    for number in 0..30 {
        let path = format!("f{number:02}");
        rig.source.put(&path, 100 + number, "12345").tell(&path, of("12345", "1"));
    }
    rig.source.page(10);
    let old = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    rig.tree.invalidate(&[Inode::ROOT]);
    let before = rig.source.calls().listings;
    let new = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    assert_eq!(rig.source.calls().listings, before + 1, "it begins anew");
    for handle in [old, new] {
        let (mut names, mut cookie) = (0, 0);
        loop {
            let mut reader = rig.tree.read_directory(handle.id, cookie).await.unwrap();
            let start = names;
            while let Some(entry) = reader.peek() {
                (names, cookie) = (names + 1, entry.cookie);
                reader.advance();
            }
            if names == start {
                break;
            }
        }
        assert_eq!(names, 32);
        rig.tree.release_directory(handle.id);
    }
    let before = rig.source.calls().listings;
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 30);
    assert_eq!(rig.source.calls().listings, before, "the one that began later is kept");
}

#[tokio::test]
async fn objects_that_nobody_knows_change_nothing_however_many() {
    let rig = rig();
    rig.source.put("a", 5, "first").tell("a", of("first", "1"));
    let _names = rig.list(NodeId::ROOT).await;
    let a = rig.entry(NodeId::ROOT, "a").await;
    rig.read(a.node).await.unwrap();
    let mut changes = rig.tree.changes();
    let (before, memory) = (rig.source.calls(), rig.tree.statistics().memory);
    for batch in 0..1_000 {
        let some: Vec<Inode> = (0..1_000).map(|n| inode(1_000 + batch * 1_000 + n)).collect();
        rig.tree.invalidate(&some);
    }
    rig.tree.invalidate(&[]);
    assert_eq!(told(&mut changes), []);
    assert_eq!(rig.entry(NodeId::ROOT, "a").await.node, a.node);
    assert_eq!(rig.list(NodeId::ROOT).await, [("a".to_owned(), Some(NodeKind::File))]);
    assert_eq!((rig.source.calls(), rig.tree.statistics().memory), (before, memory));
}

fn on_disk(directory: &Path) -> Settings {
    let disk = Disk::open(directory, Identity::of(&[b"it"]), 64 << 20).unwrap();
    Settings { disk: Some(disk), ..settings() }
}

/// > Of a provider that says what is outdated is kept on disk what has a version.
#[tokio::test]
async fn over_a_restart_only_versions_are_believed() {
    let directory = tempfile::TempDir::new().unwrap();
    let rig = Rig::with(on_disk(directory.path()));
    rig.source.put("told", 5, "told").tell("told", of("told", "1")).put("not", 6, "not");
    for file in ["told", "not"] {
        let node = rig.entry(NodeId::ROOT, file).await.node;
        rig.read(node).await.unwrap();
    }
    let _names = rig.list(NodeId::ROOT).await;
    rig.settle().await;
    let (source, clock) = (rig.source.clone(), rig.clock.clone());
    drop(rig);
    let ended = Rig { source, clock, tree: Rig::new().tree };
    let rig = ended.again(on_disk(directory.path()));
    let before = rig.source.calls();
    for file in ["told", "not"] {
        let node = rig.entry(NodeId::ROOT, file).await.node;
        assert_eq!(rig.read(node).await.unwrap(), file);
    }
    let _names = rig.list(NodeId::ROOT).await;
    let calls = rig.source.calls();
    let more = (calls.lookups - before.lookups, calls.reads - before.reads);
    assert_eq!((more, calls.listings - before.listings), ((2, 1), 1));
}
