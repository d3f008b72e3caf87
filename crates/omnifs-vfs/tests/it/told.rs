//! What a source tells besides names and kinds: sizes, versions, contents, links, freshness.

use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::{Details, Freshness, Lookup, NodeId, NodeKind, Settings, Timestamp, VfsError};

use crate::rig::{Rig, TTL};

/// A tree that waits for each refresh.
fn rig() -> Rig {
    Rig::with(Settings {
        ttl: TTL,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        ..Settings::default()
    })
}

fn of(bytes: &str, version: &str) -> Details {
    Details {
        size: Some(bytes.len() as u64),
        version: Some(version.into()),
        modified: Some(Timestamp { seconds: 77, nanoseconds: 5 }),
        ..Details::default()
    }
}

/// > A size that a provider tells is shown without reading the file, and holds: bytes of another
/// > length are another version.
#[tokio::test]
async fn a_size_that_is_told_costs_no_read() {
    let rig = rig();
    rig.source.file("a", "seven b").tell("a", of("seven b", "1"));
    let entry = rig.entry(NodeId::ROOT, "a").await;
    assert_eq!((entry.attributes.size, entry.attributes.modified.seconds), (7, 77));
    assert!(!entry.attributes.valid.is_zero(), "it is exact");
    let again = rig.tree.attributes(entry.node).await.unwrap();
    assert_eq!((again.size, rig.source.calls().reads), (7, 0));
    assert_eq!(rig.read(entry.node).await.unwrap(), "seven b");
    let read = rig.tree.attributes(entry.node).await.unwrap();
    assert_eq!((read.size, read.modified), (7, again.modified));
    assert_eq!(rig.source.calls().reads, 1);
}

#[tokio::test]
async fn bytes_of_another_length_than_was_told_are_another_version() {
    let rig = rig();
    rig.source.file("a", "longer than that").tell("a", of("short", "1"));
    let first = rig.entry(NodeId::ROOT, "a").await;
    assert_eq!(first.attributes.size, 5);
    let outcome = rig.read(first.node).await;
    assert!(matches!(outcome, Err(VfsError::Stale(_))), "never bytes of another size: {outcome:?}");
    rig.source.tell("a", of("longer than that", "2"));
    rig.clock.advance(TTL);
    let second = rig.entry(NodeId::ROOT, "a").await;
    assert_ne!(second.node, first.node);
    assert_eq!(rig.read(second.node).await.unwrap(), "longer than that");
    assert_eq!(rig.tree.attributes(second.node).await.unwrap().size, 16);
}

/// > A version that a provider tells says whether bytes are still right: the same one is not read
/// > again, another one is.
#[tokio::test]
async fn a_version_that_is_the_same_is_not_read_again() {
    let rig = rig();
    rig.source.file("a", "first").tell("a", of("first", "v1"));
    let first = rig.entry(NodeId::ROOT, "a").await;
    assert_eq!(rig.read(first.node).await.unwrap(), "first");
    for _ in 0..3 {
        rig.clock.advance(TTL * 2);
        let again = rig.entry(NodeId::ROOT, "a").await;
        assert_eq!(again.node, first.node);
        assert_eq!(rig.read(again.node).await.unwrap(), "first");
    }
    assert_eq!(rig.source.calls().reads, 1);
    // Of the same length, and another one.
    rig.source.file("a", "other").tell("a", of("other", "v2"));
    rig.clock.advance(TTL * 2);
    let other = rig.entry(NodeId::ROOT, "a").await;
    assert_ne!(other.node, first.node);
    assert_eq!(rig.read(other.node).await.unwrap(), "other");
    assert_eq!(rig.read(first.node).await.unwrap(), "first", "an open file is one version");
    assert_eq!(rig.source.calls().reads, 2);
}

/// > Bytes that come with a listing are not asked for again.
#[tokio::test]
async fn contents_that_come_with_a_listing_cost_nothing_more() {
    let rig = rig();
    for number in 0..100 {
        let (path, bytes) = (format!("d/{number}"), format!("number {number}\n"));
        let content = Some(Bytes::from(bytes.clone()));
        rig.source.file(&path, bytes.clone()).tell(&path, Details { content, ..of(&bytes, "1") });
    }
    let directory = rig.entry(NodeId::ROOT, "d").await.node;
    let before = rig.source.calls();
    assert_eq!(rig.list(directory).await.len(), 100);
    for number in 0..100 {
        let entry = rig.entry(directory, &number.to_string()).await;
        let bytes = format!("number {number}\n");
        assert_eq!(entry.attributes.size, bytes.len() as u64);
        assert_eq!(rig.read(entry.node).await.unwrap(), bytes);
    }
    let calls = rig.source.calls();
    let more = (calls.listings - before.listings, calls.lookups - before.lookups, calls.reads);
    assert_eq!(more, (1, 0, 0));
}

/// > A listing that is complete answers for names that it does not show.
#[tokio::test]
async fn a_complete_listing_answers_for_absent_names() {
    let rig = rig();
    rig.source.file("a", "x").tell("a", of("x", "1"));
    let _names = rig.list(NodeId::ROOT).await;
    let before = rig.source.calls().lookups;
    for name in [".git", "HEAD", "b"] {
        let found = rig.lookup(NodeId::ROOT, name).await.unwrap();
        assert!(matches!(found, Lookup::Absent { valid } if valid <= TTL), "{found:?}");
    }
    assert_eq!(rig.source.calls().lookups, before);
    rig.source.file("b", "new").tell("b", of("new", "1"));
    rig.clock.advance(TTL);
    assert_eq!(rig.entry(NodeId::ROOT, "b").await.attributes.size, 3);
}

#[tokio::test]
async fn each_answer_is_believed_for_as_long_as_it_says() {
    let rig = rig();
    let freshness = [
        ("short", Freshness::For(Duration::from_secs(5))),
        ("usual", Freshness::Inherit),
        ("ever", Freshness::Immutable),
    ];
    for (name, freshness) in freshness {
        rig.source.file(name, "x").tell(name, Details { freshness, ..of("x", "1") });
    }
    let valid = async |name| rig.entry(NodeId::ROOT, name).await.valid;
    assert_eq!(valid("short").await, Duration::from_secs(5));
    assert_eq!(valid("usual").await, TTL);
    assert!(valid("ever").await > Duration::from_secs(365 * 24 * 60 * 60));
    let before = rig.source.calls().lookups;
    rig.clock.advance(Duration::from_secs(6));
    let _ = (valid("short").await, valid("usual").await, valid("ever").await);
    assert_eq!(rig.source.calls().lookups - before, 1);
    rig.clock.advance(TTL * 100);
    let _ = valid("ever").await;
    assert_eq!(rig.source.calls().lookups - before, 1);
}

/// > A symbolic link leads to where its provider says, which is inside of the mount, or is an error.
#[tokio::test]
async fn links_stay_inside_of_the_tree() {
    let rig = rig();
    let link = |target: &str| Details { target: Some(target.into()), ..Details::default() };
    let good = [("one", "a/b"), ("two", "./x/../y"), ("d/up", "../one"), ("d/e/far", "../../d")];
    let bad = [("out", "../x"), ("d/out", "a/../../../x"), ("abs", "/etc/passwd"), ("none", "")];
    for (path, target) in good.into_iter().chain(bad) {
        rig.source.put(path, 100 + path.len() as u64 * 7 + target.len() as u64, "");
        rig.source.tell(path, link(target));
    }
    let at = async |path: &str| {
        let mut node = NodeId::ROOT;
        let names: Vec<&str> = path.split('/').collect();
        for name in &names[..names.len() - 1] {
            node = rig.entry(node, name).await.node;
        }
        rig.lookup(node, names[names.len() - 1]).await
    };
    for (path, target) in good {
        let Ok(Lookup::Found(entry)) = at(path).await else { panic!("{path}") };
        assert_eq!(entry.attributes.kind, NodeKind::Symlink);
        assert_eq!(entry.attributes.size, target.len() as u64);
        assert_eq!(&*rig.tree.target(entry.node).unwrap(), target);
    }
    for (path, target) in bad {
        let outcome = at(path).await;
        assert!(matches!(outcome, Err(VfsError::Contract(_))), "{path} to {target}: {outcome:?}");
    }
    rig.source.file("plain", "x");
    let listed = rig.list(NodeId::ROOT).await;
    assert!(listed.contains(&("one".to_owned(), Some(NodeKind::Symlink))), "{listed:?}");
    let plain = rig.entry(NodeId::ROOT, "plain").await.node;
    assert_eq!(rig.tree.target(plain), Err(VfsError::NotFound));
}
