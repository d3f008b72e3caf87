//! What is served while the source fails.

use std::time::Duration;

use omnifs_vfs::{Caching, NodeId, Settings, VfsError};
use vfs_testing::Item;

use crate::rig::{Rig, TTL};

/// How long an old answer may be served while the source fails.
const IF_ERROR: Duration = Duration::from_secs(3600);

/// A tree that waits for each refresh, over a source with `f`, and `d` with `x` in it.
fn rig() -> Rig {
    let rig = Rig::with(Settings {
        ttl: TTL,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: IF_ERROR,
        ..Settings::default()
    });
    rig.source.put("f", 5, "bytes").put("d", 6, Item::Directory).put("d/x", 7, "x");
    rig
}

fn failure() -> VfsError {
    VfsError::Refused("nobody listens".into())
}

#[tokio::test]
async fn names_bytes_and_listings_outlive_a_failure_and_then_it_shows() {
    let rig = rig();
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(file).await.unwrap();
    let listed = rig.list(NodeId::ROOT).await;
    rig.source.fail(Some(failure()));
    for _ in 0..3 {
        rig.clock.advance(IF_ERROR / 4);
        let old = rig.entry(NodeId::ROOT, "f").await;
        assert!(old.node == file && old.valid < TTL, "{old:?}");
        assert_eq!(rig.read(file).await.unwrap(), "bytes");
        assert_eq!(rig.list(NodeId::ROOT).await, listed);
        let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
        assert_eq!(handle.caching, Caching::Nothing);
    }
    rig.clock.advance(IF_ERROR / 4 + TTL);
    assert_eq!(rig.lookup(NodeId::ROOT, "f").await, Err(failure()));
    assert_eq!(rig.tree.open_directory(NodeId::ROOT).await, Err(failure()));
}

#[tokio::test]
async fn a_file_that_the_kernel_forgot_is_there_with_its_bytes() {
    let rig = rig();
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(file).await.unwrap();
    rig.tree.forget(file, 1);
    rig.source.fail(Some(failure()));
    rig.clock.advance(TTL);
    let again = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.tree.attributes(again).await.unwrap().size, 5);
    assert_eq!(rig.read(again).await.unwrap(), "bytes");
    assert_eq!(rig.lookup(NodeId::ROOT, "g").await, Err(failure()), "never seen");
}

#[tokio::test]
async fn what_was_never_read_fails_as_it_is() {
    let rig = rig();
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    rig.source.fail(Some(failure()));
    assert_eq!(rig.read(file).await, Err(failure()));
    assert_eq!(rig.tree.attributes(file).await, Err(failure()));
    rig.source.fail(None);
    assert_eq!(rig.read(file).await.unwrap(), "bytes");
}

#[tokio::test]
async fn after_one_failure_the_others_do_not_wait_for_theirs() {
    let rig = rig();
    let [f, d] = ["f", "d"].map(|name| rig.entry(NodeId::ROOT, name));
    let (f, d) = (f.await.node, d.await.node);
    rig.read(f).await.unwrap();
    rig.list(d).await;
    rig.source.fail(Some(failure()));
    rig.clock.advance(TTL);
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.node, f);
    let calls = || rig.source.calls().lookups + rig.source.calls().listings;
    let asked = calls();
    assert_eq!(rig.entry(NodeId::ROOT, "d").await.node, d);
    rig.tree.open_directory(d).await.unwrap();
    assert_eq!(calls(), asked, "asked behind");
    rig.settle().await;
    assert_eq!(calls(), asked + 2);
}

#[tokio::test]
async fn a_source_that_answers_again_is_believed_at_once() {
    let rig = rig();
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(old).await.unwrap();
    rig.source.fail(Some(failure()));
    rig.clock.advance(TTL);
    rig.entry(NodeId::ROOT, "f").await;
    rig.source.fail(None).put("f", 5, "other bytes");
    // The first to come gets the old answer, and has the new one fetched.
    rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    let new = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.read(new).await.unwrap(), "other bytes");
    rig.clock.advance(TTL);
    rig.source.remove("f");
    rig.lookup(NodeId::ROOT, "f").await.unwrap();
    let gone = rig.lookup(NodeId::ROOT, "f").await.unwrap();
    assert!(matches!(gone, omnifs_vfs::Lookup::Absent { .. }), "an answer, and no failure");
}
