//! Live files: bytes that grow under one node, and what happens when they do not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use omnifs_vfs::{
    Answer, Attributes, ByteRange, Content, Details, Entry, Found, Listed, Lookup, Name, NodeId,
    Object, ObjectKey, Probe, Settings, Source, TestClock, Tree, VfsError,
};
use tokio::sync::Semaphore;
use vfs_testing::Memory;

use crate::rig::{Rig, TTL};

/// How the source lets the size of a file be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A lookup tells it.
    Told,
    /// By reading at the end.
    Ranges,
    /// By reading all of it.
    Whole,
}

const WAYS: [Way; 3] = [Way::Told, Way::Ranges, Way::Whole];

/// Longer than an answer about the size is good for.
const LATER: Duration = Duration::from_millis(60);

/// Longer than the name of a live file is believed.
const OUTLIVED: Duration = Duration::from_millis(1_001);

fn details(way: Way) -> Details {
    let size = (way == Way::Told).then_some(0);
    Details { live: true, ranges: way != Way::Whole, size, ..Details::default() }
}

/// A tree with `log`, a live file with these bytes and the number 5.
fn rig(way: Way, bytes: &[u8]) -> Rig {
    let rig = Rig::new();
    rig.source.put("log", 5, "").tell("log", details(way)).append("log", bytes);
    rig
}

async fn log(rig: &Rig) -> Entry {
    rig.entry(NodeId::ROOT, "log").await
}

async fn size(rig: &Rig, node: NodeId) -> u64 {
    rig.clock.advance(LATER);
    stat(rig, node).await.size
}

async fn stat(rig: &Rig, node: NodeId) -> Attributes {
    rig.tree.attributes(node).await.unwrap()
}

async fn read(rig: &Rig, node: NodeId, offset: u64) -> Result<Vec<u8>, VfsError> {
    rig.tree.read(node, offset, 1 << 20).await.map(|bytes| bytes.to_vec())
}

/// > A file that its provider calls live is one file while it grows: its size and bytes are asked
/// > for each time, and who reads on from where it was gets what is new.
#[tokio::test]
async fn a_file_that_grows_is_one_node() {
    for way in WAYS {
        let rig = rig(way, b"one\n");
        let entry = log(&rig).await;
        assert!(entry.attributes.valid.is_zero() && entry.valid <= Duration::from_secs(1));
        assert_eq!(size(&rig, entry.node).await, 4, "{way:?}");
        let (mut got, mut all) = (read(&rig, entry.node, 0).await.unwrap(), b"one\n".to_vec());
        for number in 0..200 {
            let line = format!("{number:0width$}\n", width = number * 7 % 600 + 1);
            rig.source.append("log", line.as_bytes());
            all.extend(line.as_bytes());
            let shown = stat(&rig, entry.node).await;
            assert!(shown.valid.is_zero() && shown.size <= all.len() as u64, "{way:?}");
            rig.clock.advance(LATER);
            let more = read(&rig, entry.node, got.len() as u64).await.unwrap();
            got.extend(more);
            assert_eq!(got.len(), all.len(), "{way:?}: a read has what the source has");
            assert_eq!(size(&rig, entry.node).await, all.len() as u64, "{way:?}");
        }
        assert_eq!(got, all);
        rig.clock.advance(TTL * 20);
        let again = log(&rig).await;
        assert_eq!((again.node, again.attributes.st_ino), (entry.node, 6), "{way:?}");
        assert!(rig.tree.is_live(again.node));
    }
}

#[tokio::test]
async fn nothing_of_it_is_kept_when_it_is_read_in_parts() {
    let rig = rig(Way::Told, &vec![b'x'; 1 << 20]);
    let node = log(&rig).await.node;
    let before = rig.tree.statistics().memory;
    for _ in 0..3 {
        assert_eq!(read(&rig, node, 0).await.unwrap().len(), 1 << 20);
    }
    assert_eq!((rig.source.calls().reads, rig.tree.statistics().memory), (3, before));
}

#[tokio::test]
async fn what_is_read_whole_is_there_for_who_has_it_open_and_no_longer() {
    let rig = rig(Way::Whole, &vec![b'x'; 1 << 20]);
    let node = log(&rig).await.node;
    for offset in (0..1 << 20).step_by(1 << 17) {
        assert_eq!(rig.tree.read(node, offset, 1 << 17).await.unwrap().len(), 1 << 17);
    }
    assert_eq!(rig.source.calls().reads, 1);
    assert!(rig.tree.statistics().memory > 1 << 20);
    rig.tree.forget(node, 1);
    assert!(rig.tree.statistics().memory < 1 << 20);
}

/// > All who ask for the size of a live file within 50 ms cause one call, and who has read bytes is never
/// > told of fewer.
#[tokio::test]
async fn who_asks_at_once_causes_one_call() {
    for way in WAYS {
        let rig = rig(way, b"one\n");
        rig.source.delay(Duration::from_millis(5));
        let node = log(&rig).await.node;
        rig.clock.advance(LATER);
        let before = rig.source.calls();
        let all = futures_util::future::join_all((0..20).map(|_| stat(&rig, node))).await;
        assert!(all.iter().all(|shown| shown.size == 4), "{way:?}: {all:?}");
        rig.source.append("log", b"two\n");
        rig.clock.advance(Duration::from_millis(49));
        assert_eq!(stat(&rig, node).await.size, 4, "{way:?}");
        let calls = rig.source.calls();
        let asked = calls.lookups + calls.reads - before.lookups - before.reads;
        assert_eq!(asked, 1, "{way:?}");
        rig.clock.advance(Duration::from_millis(1));
        assert_eq!(stat(&rig, node).await.size, 8, "{way:?}");
        rig.source.append("log", b"three\n");
        let end = 8 + read(&rig, node, 8).await.unwrap().len() as u64;
        assert_eq!(stat(&rig, node).await.size, end, "{way:?}");
    }
}

/// > A live file whose name leads to another one goes on for who has it open, and the name shows the
/// > other one, with another `st_ino`, within a second.
#[tokio::test]
async fn a_rotated_file_goes_on_under_its_old_node() {
    for way in WAYS {
        let rig = rig(way, b"first\n");
        let first = log(&rig).await;
        assert_eq!(size(&rig, first.node).await, 6);
        rig.source.rotate("log", "log.1", 9).append("log", b"second\n");
        rig.source.append("log.1", b"and on\n");
        rig.clock.advance(OUTLIVED);
        let second = log(&rig).await;
        assert_ne!(second.node, first.node, "{way:?}");
        assert_ne!(second.attributes.st_ino, first.attributes.st_ino);
        assert_eq!(read(&rig, second.node, 0).await.unwrap(), b"second\n");
        assert_eq!(read(&rig, first.node, 6).await.unwrap(), b"and on\n", "{way:?}");
        assert_eq!(size(&rig, first.node).await, 13, "{way:?}");
        assert_eq!(size(&rig, second.node).await, 7);
        let renamed = rig.entry(NodeId::ROOT, "log.1").await;
        assert_eq!(renamed.attributes.st_ino, first.attributes.st_ino, "the same object");
        // Removed upstream: as with a file that is open and has no name any more.
        rig.source.remove("log.1");
        assert_eq!(size(&rig, first.node).await, 13, "{way:?}");
        assert_eq!(read(&rig, first.node, 13).await.unwrap(), b"");
        if way != Way::Whole {
            let gone = read(&rig, first.node, 12).await;
            assert!(matches!(gone, Err(VfsError::Stale(_))), "{way:?}: {gone:?}");
        }
    }
}

/// > A live file that has fewer bytes than before is another file, with another `st_ino`; bytes of
/// > the old one that are gone are an error, and behind them is nothing.
#[tokio::test]
async fn a_truncated_file_is_another_node_with_another_number() {
    for (way, found_by) in WAYS.into_iter().flat_map(|way| [(way, "stat"), (way, "read")]) {
        let rig = rig(way, b"first line\n");
        let first = log(&rig).await;
        assert_eq!(size(&rig, first.node).await, 11);
        rig.source.put("log", 5, "").tell("log", details(way)).append("log", b"new\n");
        rig.clock.advance(LATER);
        match found_by {
            "stat" => {
                assert_eq!(stat(&rig, first.node).await.size, 11, "never less");
            }
            _ => {
                let piece = rig.tree.read(first.node, 11, 10).await;
                let is_stale = matches!(piece, Err(VfsError::Stale(_)));
                assert!(is_stale || piece.as_ref().is_ok_and(Bytes::is_empty), "{piece:?}");
                let piece = rig.tree.read(first.node, 0, 1 << 20).await;
                assert!(matches!(piece, Err(VfsError::Stale(_))), "{way:?}: {piece:?}");
            }
        }
        for _ in 0..3 {
            let second = log(&rig).await;
            assert_ne!(second.node, first.node, "{way:?} by {found_by}");
            assert_ne!(second.attributes.st_ino, first.attributes.st_ino);
            assert!(second.attributes.st_ino < 1 << 53);
            assert_eq!(size(&rig, second.node).await, 4);
            assert_eq!(read(&rig, second.node, 0).await.unwrap(), b"new\n");
            let gone = read(&rig, first.node, 3).await;
            assert!(matches!(gone, Err(VfsError::Stale(_))), "{way:?}: {gone:?}");
            assert_eq!(read(&rig, first.node, 11).await.unwrap(), b"");
            assert_eq!(size(&rig, first.node).await, 11, "never less");
            // The listing agrees with it, also when the kernel forgot the new node.
            let listed = inodes(&rig).await;
            assert_eq!(listed, [("log".to_owned(), second.attributes.st_ino)], "{way:?}");
            rig.tree.forget(second.node, 100);
            rig.clock.advance(OUTLIVED);
        }
    }
}

/// Returns the names in the root with their numbers.
async fn inodes(rig: &Rig) -> Vec<(String, u64)> {
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let mut reader = rig.tree.read_directory(handle.id, 0).await.unwrap();
    let mut found = Vec::new();
    while let Some(entry) = reader.peek() {
        found.push((entry.name.to_owned(), entry.st_ino));
        assert_eq!(reader.entry(), None, "what a listing knows of it is old");
        reader.advance();
    }
    rig.tree.release_directory(handle.id);
    found.split_off(2)
}

/// > While its upstream fails, reading a live file and asking for its size are errors, never an end
/// > that is none and never a smaller size.
#[tokio::test]
async fn a_failure_is_an_error_and_no_end() {
    for way in WAYS {
        let rig = rig(way, b"one\n");
        let node = log(&rig).await.node;
        assert_eq!(size(&rig, node).await, 4);
        rig.source.append("log", b"two\n");
        let failure = VfsError::Reset("the connection broke".into());
        rig.source.fail(Some(failure.clone()));
        rig.clock.advance(OUTLIVED);
        assert_eq!(log(&rig).await.node, node, "the name still leads there");
        assert_eq!(rig.tree.attributes(node).await, Err(failure.clone()), "{way:?}");
        assert_eq!(read(&rig, node, 4).await, Err(failure), "{way:?}");
        rig.source.fail(None);
        assert_eq!(size(&rig, node).await, 8, "{way:?}");
        assert_eq!(read(&rig, node, 4).await.unwrap(), b"two\n");
    }
}

#[tokio::test]
async fn a_listing_does_not_bring_back_what_a_name_no_longer_is() {
    let rig = rig(Way::Told, b"first\n");
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 1);
    let first = log(&rig).await;
    rig.source.rotate("log", "log.1", 9);
    rig.clock.advance(OUTLIVED);
    let second = log(&rig).await;
    assert_ne!(second.node, first.node);
    rig.tree.forget(second.node, 2);
    rig.clock.advance(OUTLIVED);
    assert_eq!(inodes(&rig).await.len(), 1, "the old listing, which is fresh");
    assert_eq!(log(&rig).await.attributes.st_ino, 10);
}

#[tokio::test]
async fn what_is_told_follows_what_was_shown() {
    let rig = rig(Way::Told, b"one\n");
    let node = log(&rig).await.node;
    assert_eq!(size(&rig, node).await, 4);
    rig.source.append("log", b"two\n");
    rig.clock.advance(LATER);
    let bytes = read(&rig, node, 4).await.unwrap();
    assert_eq!((bytes.as_slice(), rig.tree.live_size(node)), (&b"two\n"[..], Some(8)));
    assert_eq!(log(&rig).await.attributes.size, 4, "a lookup raises nothing");
    let shown = rig.tree.attributes_up_to(node, || 6).await.unwrap();
    assert_eq!(shown.size, 6);
    rig.clock.advance(LATER);
    let shown = rig.tree.attributes_up_to(node, || 0).await.unwrap();
    assert_eq!(shown.size, 6, "it never shrinks");
    assert_eq!(size(&rig, node).await, 8);
}

/// A source whose answers wait after they were made.
struct Late {
    memory: Arc<Memory>,
    lookups: Semaphore,
    reads: Semaphore,
}

/// A tree over one that has answered a lookup of `log`, which has a line.
struct LateRig {
    source: Arc<Late>,
    clock: Arc<TestClock>,
    tree: Arc<Tree>,
    log: NodeId,
}

impl LateRig {
    async fn new(memory: &Arc<Memory>) -> Self {
        let (lookups, reads) = (Semaphore::new(1), Semaphore::new(0));
        let source = Arc::new(Late { memory: Arc::clone(memory), lookups, reads });
        let clock = Arc::new(TestClock::new());
        let tree =
            Tree::new(Arc::clone(&source) as _, Arc::clone(&clock) as _, Settings::default());
        let log = Self::lookup(&tree).await;
        clock.advance(LATER);
        Self { source, clock, tree, log }
    }

    async fn lookup(tree: &Arc<Tree>) -> NodeId {
        let name = Name::from_provider("log").unwrap();
        match tree.lookup(NodeId::ROOT, &name).await {
            Ok(Lookup::Found(entry)) => entry.node,
            other => panic!("{other:?}"),
        }
    }
}

impl Source for Late {
    fn lookup_child<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Found>>, VfsError>> {
        async move {
            let answer = self.memory.lookup_child(parent, name).await;
            self.lookups.acquire().await.unwrap().forget();
            answer
        }
        .boxed()
    }

    fn list_children<'a>(
        &'a self,
        directory: &'a Arc<Object>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Answer<Listed>, VfsError>> {
        self.memory.list_children(directory, cursor)
    }

    fn read_file<'a>(
        &'a self,
        file: &'a Arc<Object>,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, Result<Answer<Option<Content>>, VfsError>> {
        async move {
            let answer = self.memory.read_file(file, range).await;
            self.reads.acquire().await.unwrap().forget();
            answer
        }
        .boxed()
    }

    fn probe_children<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>> {
        self.memory.probe_children(parent, names)
    }

    fn forget(&self, object: ObjectKey) {
        self.memory.forget(object);
    }
}

/// An answer that was under way while others came is old, and no truncation.
#[tokio::test]
async fn an_answer_that_comes_late_truncates_nothing() {
    let rig = rig(Way::Told, b"one\n");
    let LateRig { source, clock, tree, log } = LateRig::new(&rig.source).await;
    let asking = {
        let tree = Arc::clone(&tree);
        tokio::spawn(async move { tree.attributes(log).await })
    };
    rig.settle().await;
    rig.source.append("log", b"two\n");
    source.reads.add_permits(1);
    assert_eq!(tree.read(log, 0, 100).await.unwrap(), "one\ntwo\n");
    source.lookups.add_permits(1);
    assert_eq!(asking.await.unwrap().unwrap().size, 8);
    source.lookups.add_permits(1);
    clock.advance(OUTLIVED);
    assert_eq!(LateRig::lookup(&tree).await, log);
}

/// A read that is under way may have been answered before the file grew.
#[tokio::test]
async fn who_knows_of_more_joins_no_read_that_may_have_less() {
    let rig = rig(Way::Told, b"one\n");
    let LateRig { source, tree, log, .. } = LateRig::new(&rig.source).await;
    let read = || {
        let tree = Arc::clone(&tree);
        tokio::spawn(async move { tree.read(log, 0, 100).await })
    };
    let first = read();
    rig.settle().await;
    rig.source.append("log", b"two\n");
    source.lookups.add_permits(1);
    assert_eq!(tree.attributes(log).await.unwrap().size, 8);
    let second = read();
    rig.settle().await;
    source.reads.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), "one\n");
    assert_eq!(second.await.unwrap().unwrap(), "one\ntwo\n");
}
