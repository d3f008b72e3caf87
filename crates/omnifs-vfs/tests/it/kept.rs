//! What outlives memory and the process.

mod parts;

use std::path::Path;
use std::time::Duration;

use omnifs_vfs::{Clock, Disk, Identity, Lookup, NodeId, NodeKind, Settings, VfsError};
use tempfile::TempDir;
use vfs_testing::Item;

use crate::rig::{Rig, STALE, TTL};

const LONG: Duration = Duration::from_secs(60);
const IF_ERROR: Duration = Duration::from_secs(3600);

fn settings(directory: &Path) -> Settings {
    Settings {
        ttl: TTL,
        stale_while_revalidate: STALE,
        stale_if_error: IF_ERROR,
        disk: Some(Disk::open(directory, Identity::of(&[b"it"]), 64 << 20).unwrap()),
        ..Settings::default()
    }
}

/// A tree whose answers are kept in a directory.
struct Kept {
    rig: Option<Rig>,
    directory: TempDir,
}

impl Kept {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let rig = Rig::with(settings(directory.path()));
        rig.source.put("f", 5, "bytes").put("d", 6, Item::Directory).put("d/x", 7, "x");
        Self { rig: Some(rig), directory }
    }

    fn rig(&self) -> &Rig {
        self.rig.as_ref().unwrap()
    }

    /// Ends the tree and begins another one with what was kept.
    async fn restart(&mut self) {
        let old = self.rig.take().unwrap();
        old.settle().await;
        let (source, clock) = (old.source.clone(), old.clock.clone());
        drop(old.tree);
        let ended = Rig { source, clock, tree: Rig::new().tree };
        self.rig = Some(ended.again(settings(self.directory.path())));
    }

    /// Reads everything; returns what was found.
    async fn walk(&self) -> Vec<String> {
        let rig = self.rig();
        let mut found = Vec::new();
        for (name, kind) in rig.list(NodeId::ROOT).await {
            let node = rig.entry(NodeId::ROOT, &name).await.node;
            if kind == Some(NodeKind::Directory) {
                for (inner, _) in rig.list(node).await {
                    let node = rig.entry(node, &inner).await.node;
                    found.push(format!("{name}/{inner}={:?}", rig.read(node).await.unwrap()));
                }
            } else {
                assert_eq!(rig.tree.attributes(node).await.unwrap().size, 5);
                found.push(format!("{name}={:?}", rig.read(node).await.unwrap()));
            }
        }
        found.sort();
        found
    }

    fn asked(&self) -> u64 {
        let calls = self.rig().source.calls();
        calls.lookups + calls.listings + calls.reads
    }
}

#[tokio::test]
async fn after_a_restart_nothing_is_asked_for_again_while_it_is_fresh() {
    let mut kept = Kept::new();
    let before = kept.walk().await;
    let modified = kept.rig().entry(NodeId::ROOT, "f").await.attributes.modified;
    let asked = kept.asked();
    kept.rig().clock.advance(TTL / 2);
    kept.restart().await;
    assert_eq!(kept.walk().await, before);
    let file = kept.rig().entry(NodeId::ROOT, "f").await;
    assert_eq!(file.attributes.modified, modified, "its bytes are no newer");
    assert!(file.valid <= TTL / 2, "{file:?} has the rest of its freshness");
    assert_eq!(kept.asked(), asked);
}

#[tokio::test]
async fn names_that_no_listing_shows_are_found_again() {
    let mut kept = Kept::new();
    let directory = kept.rig().entry(NodeId::ROOT, "d").await.node;
    let file = kept.rig().entry(directory, "x").await.node;
    kept.rig().read(file).await.unwrap();
    let asked = kept.asked();
    kept.restart().await;
    let directory = kept.rig().entry(NodeId::ROOT, "d").await;
    assert_eq!(directory.attributes.kind, NodeKind::Directory);
    let file = kept.rig().entry(directory.node, "x").await.node;
    assert_eq!(kept.rig().read(file).await.unwrap(), "x");
    assert_eq!(kept.asked(), asked);
}

#[tokio::test]
async fn past_its_freshness_it_is_served_at_once_and_refreshed_behind() {
    let mut kept = Kept::new();
    kept.walk().await;
    kept.rig().clock.advance(TTL * 2);
    kept.rig().source.put("f", 5, "other bytes");
    kept.restart().await;
    let asked = kept.asked();
    let old = kept.rig().entry(NodeId::ROOT, "f").await;
    assert_eq!(kept.rig().read(old.node).await.unwrap(), "bytes");
    assert!(kept.rig().tree.facts(old.node).unwrap().stale);
    assert!(old.valid < TTL, "the kernel asks again soon");
    kept.rig().settle().await;
    assert!(kept.asked() > asked);
    let new = kept.rig().entry(NodeId::ROOT, "f").await;
    assert_ne!(new.node, old.node);
    assert_eq!(kept.rig().read(new.node).await.unwrap(), "other bytes");
    assert_eq!(kept.rig().read(old.node).await.unwrap(), "bytes", "one version for ever");
}

#[tokio::test]
async fn while_the_source_fails_everything_read_before_is_there_and_says_so() {
    let mut kept = Kept::new();
    let before = kept.walk().await;
    kept.rig().clock.advance(TTL + STALE + LONG);
    kept.restart().await;
    let failure = VfsError::Refused("nobody listens".into());
    kept.rig().source.fail(Some(failure.clone()));
    assert_eq!(kept.walk().await, before);
    for path in ["/", "/f", "/d", "/d/x"] {
        assert!(kept.rig().tree.facts_at(path).unwrap().stale, "{path}");
    }
    assert_eq!(kept.rig().lookup(NodeId::ROOT, "g").await, Err(failure.clone()), "never seen");
    kept.rig().clock.advance(IF_ERROR);
    kept.restart().await;
    let late = kept.rig().lookup(NodeId::ROOT, "f").await;
    assert_eq!(late, Err(failure.clone()), "older than stale_if_error");
    assert_eq!(kept.rig().tree.open_directory(NodeId::ROOT).await, Err(failure));
}

#[tokio::test]
async fn what_went_away_stays_away_after_a_restart() {
    let mut kept = Kept::new();
    kept.walk().await;
    kept.rig().clock.advance(TTL + STALE);
    kept.rig().source.remove("f");
    let gone = kept.rig().lookup(NodeId::ROOT, "f").await.unwrap();
    assert!(matches!(gone, Lookup::Absent { .. }));
    kept.restart().await;
    let gone = kept.rig().lookup(NodeId::ROOT, "f").await.unwrap();
    assert!(matches!(gone, Lookup::Absent { .. }), "{gone:?}");
    assert_eq!(kept.walk().await.len(), 1);
}

#[tokio::test]
async fn what_is_refreshed_by_hand_is_not_believed_after_a_restart() {
    let mut kept = Kept::new();
    kept.walk().await;
    assert!(kept.rig().tree.expire("/d"));
    kept.restart().await;
    let asked = kept.rig().source.calls();
    kept.walk().await;
    let again = kept.rig().source.calls();
    assert_eq!(again.reads, asked.reads + 1, "d/x, and not f");
    assert_eq!(again.listings, asked.listings + 1, "d, and not the root");
    kept.restart().await;
    assert!(kept.rig().tree.expire("/f"), "nobody looked it up yet, and it is kept");
    assert!(!kept.rig().tree.expire("/never"));
    kept.walk().await;
    assert_eq!(kept.rig().source.calls().reads, again.reads + 1);
}

#[tokio::test]
async fn bytes_that_memory_had_no_room_for_come_from_the_disk() {
    let directory = TempDir::new().unwrap();
    let settings = settings(directory.path());
    let disk = settings.disk.clone().unwrap();
    let rig = Rig::with(Settings { memory: 0, ..settings });
    rig.source.put("f", 5, "first").put("g", 6, "second");
    let [f, g] = ["f", "g"].map(|name| rig.entry(NodeId::ROOT, name));
    let (f, g) = (f.await.node, g.await.node);
    for _ in 0..3 {
        assert_eq!(rig.read(f).await.unwrap(), "first");
        assert_eq!(rig.read(g).await.unwrap(), "second");
        disk.flush(LONG);
    }
    let reads = rig.source.reads("f") + rig.source.reads("g");
    assert_eq!(reads, 2, "each once");
    // A version that its name no longer has.
    rig.source.put("f", 5, "newer");
    rig.clock.advance(TTL + STALE);
    let newer = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.read(newer).await.unwrap(), "newer");
    assert_eq!(rig.read(f).await.unwrap(), "first");
}

#[tokio::test]
async fn another_component_or_grant_gets_nothing_of_it() {
    let mut kept = Kept::new();
    kept.walk().await;
    let old = kept.rig.take().unwrap();
    let (source, clock) = (old.source.clone(), old.clock.clone());
    drop(old);
    let disk = Disk::open(kept.directory.path(), Identity::of(&[b"other"]), 1 << 20).unwrap();
    let rig = Rig { source, clock, tree: Rig::new().tree };
    let rig = rig.again(Settings { disk: Some(disk), ..Settings::default() });
    let reads = rig.source.calls().reads;
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(file).await.unwrap();
    assert_eq!(rig.source.calls().reads, reads + 1);
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_nothing_fresh() {
    let mut kept = Kept::new();
    kept.rig().clock.advance(LONG * 60 * 24);
    kept.walk().await;
    let ahead = kept.rig().clock.monotonic();
    let source = kept.rig().source.clone();
    drop(kept.rig.take());
    // The same source at a time before all that was kept.
    let rig = Rig { source, clock: Default::default(), tree: Rig::new().tree };
    assert!(rig.clock.monotonic() < ahead);
    kept.rig = Some(rig.again(settings(kept.directory.path())));
    let file = kept.rig().entry(NodeId::ROOT, "f").await;
    assert!(file.valid < TTL, "{file:?}");
    kept.rig().source.put("f", 5, "other bytes");
    kept.rig().read(file.node).await.unwrap();
    kept.rig().settle().await;
    let file = kept.rig().entry(NodeId::ROOT, "f").await;
    assert_eq!(kept.rig().read(file.node).await.unwrap(), "other bytes");
}
