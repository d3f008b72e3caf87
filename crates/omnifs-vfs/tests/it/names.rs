use std::time::Duration;

use omnifs_vfs::{Lookup, NodeId, NodeKind, VfsError};

use vfs_testing::Item;

use crate::rig::{Rig, TTL};

/// > An answer is fresh for `ttl`, an absence for `negative`; nobody is asked meanwhile.
#[tokio::test]
async fn a_name_is_asked_for_once_while_it_is_fresh() {
    let rig = Rig::new();
    rig.source.put("d", 5, Item::Directory);
    let first = rig.entry(NodeId::ROOT, "d").await;
    rig.clock.advance(TTL / 2);
    let second = rig.entry(NodeId::ROOT, "d").await;
    assert_eq!((first.node, first.valid, second.valid), (second.node, TTL, TTL / 2));
    assert_eq!((first.attributes.st_ino, first.attributes.kind), (6, NodeKind::Directory));
    assert_eq!(rig.source.calls().lookups, 1);
}

#[tokio::test]
async fn an_absence_is_fresh_for_its_own_time() {
    let rig = Rig::new();
    let absent = Lookup::Absent { valid: Duration::from_secs(2) };
    assert_eq!(rig.lookup(NodeId::ROOT, "x").await, Ok(absent));
    rig.source.put("x", 5, "now");
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(
        rig.lookup(NodeId::ROOT, "x").await,
        Ok(Lookup::Absent { valid: Duration::from_secs(1) })
    );
    rig.clock.advance(Duration::from_secs(1));
    rig.entry(NodeId::ROOT, "x").await;
}

#[tokio::test]
async fn a_failure_is_not_an_absence_and_is_not_remembered() {
    let rig = Rig::new();
    rig.source.put("x", 5, "x");
    let failure = VfsError::Trap("boom".into());
    rig.source.fail(Some(failure.clone()));
    assert_eq!(rig.lookup(NodeId::ROOT, "x").await, Err(failure.clone()));
    assert_eq!(rig.tree.open_directory(NodeId::ROOT).await.unwrap_err(), failure);
    rig.source.fail(None);
    rig.entry(NodeId::ROOT, "x").await;
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 1);
}

/// > One slow name never holds up its siblings, nor one provider another.
#[tokio::test(start_paused = true)]
async fn one_slow_name_does_not_delay_its_siblings() {
    let rig = Rig::new();
    rig.source.put("known", 4, "k");
    rig.source.put("slow", 5, "s");
    rig.entry(NodeId::ROOT, "known").await;
    rig.source.delay(Duration::from_millis(5_000));
    let slow = rig.lookup(NodeId::ROOT, "slow");
    let sibling = tokio::time::timeout(Duration::from_millis(1), rig.lookup(NodeId::ROOT, "known"));
    let (slow, sibling) = tokio::join!(slow, sibling);
    assert!(slow.is_ok() && sibling.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn two_who_ask_for_one_name_cause_one_call() {
    let rig = Rig::new();
    rig.source.put("x", 5, "x");
    rig.source.delay(Duration::from_millis(100));
    let (one, other) = tokio::join!(rig.entry(NodeId::ROOT, "x"), rig.entry(NodeId::ROOT, "x"));
    assert_eq!(rig.source.calls().lookups, 1);
    // Either of them may have been the first to be answered.
    let (a, b) = if one.node.0 < other.node.0 { (one, other) } else { (other, one) };
    assert_ne!(a.node, b.node, "the placeholder of a size is told of a node once");
    rig.read(b.node).await.unwrap();
    let c = rig.entry(NodeId::ROOT, "x").await;
    assert_eq!(c.node, b.node, "its size is known now");
    assert_eq!(rig.read(a.node).await.unwrap(), "x");
    assert_eq!(rig.source.calls().reads, 1, "what one node was read for serves the other, too");
    rig.tree.forget(a.node, 1);
    rig.tree.forget(b.node, 1);
    assert_eq!(rig.tree.statistics().nodes, 2, "each of the lookups counts");
    rig.tree.forget(b.node, 1);
    assert_eq!(rig.tree.statistics().nodes, 1);
}

#[tokio::test]
async fn another_object_under_a_name_is_another_node() {
    let rig = Rig::new();
    let mut changes = rig.tree.changes();
    rig.source.put("x", 5, Item::Directory);
    let before = rig.entry(NodeId::ROOT, "x").await;
    rig.source.put("x", 6, Item::Directory);
    rig.clock.advance(TTL);
    assert_eq!(rig.entry(NodeId::ROOT, "x").await.node, before.node, "stale serves at once");
    rig.settle().await;
    let after = rig.entry(NodeId::ROOT, "x").await;
    assert_ne!(after.node, before.node);
    assert_eq!(after.attributes.st_ino, 7);
    assert!(changes.try_recv().is_ok());
}

#[tokio::test]
async fn a_renamed_object_keeps_its_st_ino() {
    let rig = Rig::new();
    rig.source.put("before", 5, "x");
    let before = rig.entry(NodeId::ROOT, "before").await;
    rig.source.remove("before");
    rig.source.put("after", 5, "x");
    let after = rig.entry(NodeId::ROOT, "after").await;
    assert_eq!(before.attributes.st_ino, after.attributes.st_ino);
    assert_ne!(before.node, after.node);
}

#[tokio::test]
async fn a_file_is_no_directory_and_an_unknown_node_is_stale() {
    let rig = Rig::new();
    rig.source.put("f", 5, "x");
    let file = rig.entry(NodeId::ROOT, "f").await.node;
    assert_eq!(rig.lookup(file, "x").await, Err(VfsError::NotADirectory));
    assert_eq!(rig.tree.open_directory(file).await, Err(VfsError::NotADirectory));
    assert_eq!(rig.read(NodeId::ROOT).await, Err(VfsError::IsADirectory));
    assert!(matches!(rig.lookup(NodeId(99), "x").await, Err(VfsError::Stale(_))));
    assert!(matches!(rig.tree.attributes(NodeId(99)).await, Err(VfsError::Stale(_))));
}

#[tokio::test]
async fn forgetting_frees_nodes_and_says_so_to_the_source() {
    let rig = Rig::new();
    rig.source.put("d", 5, Item::Directory);
    let mut nodes = Vec::new();
    let directory = rig.entry(NodeId::ROOT, "d").await.node;
    for i in 0..100 {
        rig.source.put(&format!("d/{i}"), 10 + i, "x");
        nodes.push(rig.entry(directory, &i.to_string()).await.node);
    }
    assert_eq!(rig.tree.statistics().nodes, 102);
    for node in nodes {
        rig.tree.forget(node, 1);
    }
    rig.tree.forget(directory, 1);
    rig.tree.forget(NodeId::ROOT, 1);
    assert_eq!(rig.tree.statistics().nodes, 1, "the root stays");
    assert_eq!(rig.source.calls().forgotten, 101);
    rig.entry(NodeId::ROOT, "d").await;
}
