//! Files that are read in turn are read ahead, and no others.

use omnifs_vfs::{NodeId, Settings};
use vfs_testing::Item;

use crate::rig::Rig;

/// A tree that reads up to three files ahead at once, over a directory of `count` files, listed
/// as a program that reads them in turn would.
async fn rig(count: usize, bytes: &str, memory: u64) -> Rig {
    let rig = Rig::with(Settings { read_ahead: 3, memory, ..Settings::default() });
    for number in 0..count {
        let name = format!("f{number:03}");
        rig.source.put(&name, 5 + number as u64, Item::File(bytes.to_owned().into()));
    }
    rig.list(NodeId::ROOT).await;
    rig.settle().await;
    rig
}

async fn read(rig: &Rig, number: usize) {
    let file = rig.entry(NodeId::ROOT, &format!("f{number:03}")).await.node;
    rig.read(file).await.unwrap();
    rig.settle().await;
}

/// > From the third file on that is read or asked for its size in turn, the next ones are read
/// > ahead; one or two read nothing else.
#[tokio::test]
async fn one_or_two_files_read_nothing_ahead() {
    let rig = rig(50, "x", 1 << 20).await;
    read(&rig, 7).await;
    assert_eq!(rig.source.calls().reads, 1);
    read(&rig, 8).await;
    read(&rig, 30).await;
    assert_eq!(rig.source.calls().reads, 3);
}

#[tokio::test]
async fn all_in_turn_are_each_read_once_and_ahead() {
    let rig = rig(50, "x", 1 << 20).await;
    for number in 0..3 {
        read(&rig, number).await;
    }
    let ahead = rig.source.calls().reads;
    assert!((4..=15).contains(&ahead), "{ahead}");
    for number in 3..50 {
        // A stat counts as a read does, since it needs the size.
        let file = rig.entry(NodeId::ROOT, &format!("f{number:03}")).await;
        let before = rig.source.calls().reads;
        rig.tree.attributes(file.node).await.unwrap();
        assert_eq!(rig.source.calls().reads, before, "{number} was there");
        rig.settle().await;
    }
    assert_eq!(rig.source.calls().reads, 50, "none twice, and none beyond the end");
}

/// > Directories that are listed in turn have the next ones listed ahead, from the third on.
#[tokio::test]
async fn directories_in_turn_are_each_listed_once_and_ahead() {
    let rig = Rig::with(Settings { read_ahead: 3, ..Settings::default() });
    for number in 0..40_u64 {
        rig.source.put(&format!("d{number:02}"), 5 + number, Item::Directory);
        rig.source.put(&format!("d{number:02}/f"), 100 + number, "x");
    }
    rig.list(NodeId::ROOT).await;
    let list = async |number: u64| {
        let directory = rig.entry(NodeId::ROOT, &format!("d{number:02}")).await.node;
        let before = rig.source.calls().listings;
        assert_eq!(rig.list(directory).await.len(), 1);
        let asked = rig.source.calls().listings - before;
        rig.settle().await;
        asked
    };
    assert_eq!([list(3).await, list(20).await, list(21).await], [1, 1, 1]);
    assert_eq!(rig.source.calls().listings, 1 + 3, "two in turn list nothing else");
    list(22).await;
    let ahead = rig.source.calls().listings - 5;
    assert!((1..=12).contains(&ahead), "{ahead}");
    for number in 23..40 {
        assert_eq!(list(number).await, 0, "{number} was there");
    }
    assert_eq!(rig.source.calls().listings, 1 + 1 + 20, "none twice, and none beyond the end");
    assert_eq!(rig.source.calls().reads, 0);
}

#[tokio::test]
async fn large_files_are_not_read_ahead_beyond_a_part_of_the_memory() {
    let rig = rig(50, &"x".repeat(1000), 10_000).await;
    for number in 0..3 {
        read(&rig, number).await;
    }
    assert_eq!(rig.source.calls().reads, 3 + 2);
    let rig = self::rig(50, &"x".repeat(5000), 10_000).await;
    for number in 0..3 {
        read(&rig, number).await;
    }
    assert_eq!(rig.source.calls().reads, 3);
}

#[tokio::test]
async fn a_failure_ends_it() {
    let rig = rig(50, "x", 1 << 20).await;
    for number in 0..2 {
        read(&rig, number).await;
    }
    let third = rig.entry(NodeId::ROOT, "f002").await.node;
    rig.read(third).await.unwrap();
    rig.source.fail(Some(omnifs_vfs::VfsError::Upstream("x".into())));
    rig.settle().await;
    // No more than were under way at once.
    assert!(rig.source.calls().reads <= 3 + 3, "{:?}", rig.source.calls());
    rig.source.fail(None);
    read(&rig, 40).await;
}
