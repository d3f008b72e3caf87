use std::sync::Arc;
use std::time::Duration;

use omnifs_vfs::{Change, Lookup, NodeId, Settings};

use vfs_testing::{Item, Memory};

use crate::rig::Rig;

/// Gives the rig's tree another source with the same tree, and returns it.
fn replace(rig: &Rig) -> Arc<Memory> {
    let source = rig.source.twin();
    rig.tree.replace(Arc::clone(&source) as _, Settings::default());
    source
}

/// > Nothing that an exchanged component said is believed.
#[tokio::test]
async fn nothing_that_the_old_source_said_is_believed() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    rig.source.put("gone", 6, "x");
    let old = rig.entry(NodeId::ROOT, "f").await.node;
    rig.read(old).await.unwrap();
    rig.list(NodeId::ROOT).await;
    let new_source = replace(&rig);
    new_source.put("f", 5, "new");
    new_source.remove("gone");
    let new = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(new.node, old);
    assert_eq!(rig.read(new.node).await.unwrap(), "new");
    assert_eq!(rig.list(NodeId::ROOT).await.len(), 1);
    assert_eq!(rig.read(old).await.unwrap(), "old", "who has the file open keeps its bytes");
    assert!(new_source.calls().lookups > 0);
}

#[tokio::test]
async fn a_directory_that_is_the_same_object_keeps_its_node() {
    let rig = Rig::new();
    rig.source.put("d", 5, Item::Directory);
    rig.source.put("e", 6, Item::Directory);
    let [d, e] = [rig.entry(NodeId::ROOT, "d").await.node, rig.entry(NodeId::ROOT, "e").await.node];
    let new_source = replace(&rig);
    new_source.put("e", 7, Item::Directory);
    assert_eq!(rig.entry(NodeId::ROOT, "d").await.node, d);
    assert_ne!(rig.entry(NodeId::ROOT, "e").await.node, e);
}

#[tokio::test]
async fn the_kernel_is_told_of_every_name_that_it_knows() {
    let rig = Rig::new();
    rig.source.put("d", 5, Item::Directory);
    rig.source.put("d/f", 6, "x");
    let d = rig.entry(NodeId::ROOT, "d").await.node;
    rig.entry(d, "f").await;
    let mut changes = rig.tree.changes();
    replace(&rig);
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(match change {
            Change::Listing(node) => format!("{}", node.0),
            Change::Expired { parent, name } => format!("{}/{name}", parent.0),
            other @ Change::Version { .. } => panic!("{other:?}"),
        });
    }
    told.sort();
    assert_eq!(told, ["1", "1/d", &d.0.to_string(), &format!("{}/f", d.0)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_under_way_is_used_once_and_not_believed() {
    let rig = Rig::new();
    rig.source.put("f", 5, "old");
    rig.source.delay(Duration::from_millis(100));
    let asked = rig.entry(NodeId::ROOT, "f");
    let replaced = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        replace(&rig)
    };
    let (entry, new_source) = tokio::join!(asked, replaced);
    assert!(entry.valid.is_zero());
    rig.entry(NodeId::ROOT, "f").await;
    assert_eq!(new_source.calls().lookups, 1);
}

#[tokio::test]
async fn a_listing_that_is_open_says_nothing_any_more_of_what_its_names_stand_for() {
    let rig = Rig::new();
    rig.source.put("d", 5, Item::Directory);
    let handle = rig.tree.open_directory(NodeId::ROOT).await.unwrap();
    let mut reader = rig.tree.read_directory(handle.id, 0).await.unwrap();
    let new_source = replace(&rig);
    new_source.put("d", 7, Item::Directory);
    while reader.peek().is_some() {
        assert_eq!(reader.entry(), None);
        reader.advance();
    }
    assert_eq!(rig.entry(NodeId::ROOT, "d").await.attributes.st_ino, 8);
}

#[tokio::test(start_paused = true)]
async fn an_absence_that_was_under_way_is_not_believed() {
    let rig = Rig::new();
    rig.source.delay(Duration::from_millis(100));
    let asked = rig.lookup(NodeId::ROOT, "f");
    let replaced = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        replace(&rig).put("f", 5, "new");
    };
    let (answer, ()) = tokio::join!(asked, replaced);
    assert_eq!(answer, Ok(Lookup::Absent { valid: Duration::ZERO }));
    rig.entry(NodeId::ROOT, "f").await;
}
