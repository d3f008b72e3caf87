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

/// A tree of directories with five files each, whose root is listed.
async fn shelves(count: u64) -> Rig {
    let rig = Rig::with(Settings { read_ahead: 3, ..Settings::default() });
    for shelf in 0..count {
        rig.source.put(&format!("d{shelf:02}"), 1_000 + shelf, Item::Directory);
        for number in 0..5 {
            rig.source.put(&format!("d{shelf:02}/f{number}"), 10 * shelf + number + 1, "x");
        }
    }
    rig.list(NodeId::ROOT).await;
    rig
}

/// Lists a directory and reads its first files as a search does; returns how many calls each of
/// them waited for.
async fn search(rig: &Rig, shelf: u64, files: u64) -> Vec<u64> {
    let directory = rig.entry(NodeId::ROOT, &format!("d{shelf:02}")).await.node;
    rig.list(directory).await;
    rig.settle().await;
    let mut waited = Vec::new();
    for number in 0..files {
        let file = rig.entry(directory, &format!("f{number}")).await.node;
        let before = rig.source.calls().reads;
        rig.read(file).await.unwrap();
        waited.push((rig.source.calls().reads - before).min(1));
        rig.settle().await;
    }
    waited
}

/// > Who reads the files of directories in turn begins in the next one where he was: from the
/// > second on its files are read ahead once one of them is read, from the third on before that.
#[tokio::test]
async fn who_reads_directories_through_finds_the_next_ones_read() {
    let rig = shelves(20).await;
    assert_eq!(search(&rig, 0, 5).await, [1, 1, 1, 0, 0]);
    assert_eq!(rig.source.calls().reads, 5, "nothing beyond the first directory");
    assert_eq!(search(&rig, 1, 5).await, [1, 0, 0, 0, 0]);
    for shelf in 2..20 {
        assert_eq!(search(&rig, shelf, 5).await, [0; 5], "directory {shelf}");
    }
    assert_eq!(rig.source.calls().reads, 100, "none twice, and none beyond the end");
    assert_eq!(rig.source.calls().listings, 21);
}

#[tokio::test]
async fn who_reads_one_directory_and_looks_into_others_has_nothing_read_there() {
    let rig = shelves(20).await;
    assert_eq!(search(&rig, 0, 5).await, [1, 1, 1, 0, 0]);
    for shelf in [12, 15, 3, 19] {
        assert_eq!(search(&rig, shelf, 1).await, [1], "directory {shelf}");
    }
    assert_eq!(rig.source.calls().reads, 5 + 4);
    for shelf in 1..10 {
        search(&rig, shelf, 0).await;
    }
    assert_eq!(rig.source.calls().reads, 5 + 4, "listing alone reads nothing");
}

/// > Whoever reads by their names three files of a directory that was never listed has it listed
/// > once, so that others can be read ahead.
#[tokio::test]
async fn who_knows_the_names_has_the_next_files_read_as_well() {
    let rig = Rig::with(Settings { read_ahead: 3, ..Settings::default() });
    for number in 0..50 {
        rig.source.put(&format!("f{number:03}"), 5 + number, "x");
    }
    read(&rig, 0).await;
    read(&rig, 1).await;
    assert_eq!(rig.source.calls().listings, 0, "one and two happen");
    for number in 2..6 {
        read(&rig, number).await;
    }
    for number in 6..50 {
        let before = rig.source.calls().reads;
        let file = rig.entry(NodeId::ROOT, &format!("f{number:03}")).await.node;
        rig.read(file).await.unwrap();
        assert_eq!(rig.source.calls().reads, before, "{number} was there");
        rig.settle().await;
    }
    assert_eq!((rig.source.calls().reads, rig.source.calls().listings), (50, 1));
}

#[tokio::test]
async fn a_directory_that_cannot_be_listed_is_asked_for_once() {
    let rig = Rig::with(Settings { read_ahead: 3, ..Settings::default() });
    for number in 0..20 {
        rig.source.put(&format!("f{number:03}"), 5 + number, "x");
    }
    for number in 0..20 {
        let file = rig.entry(NodeId::ROOT, &format!("f{number:03}")).await.node;
        rig.read(file).await.unwrap();
        rig.source.fail(Some(omnifs_vfs::VfsError::Upstream("x".into())));
        rig.settle().await;
        rig.source.fail(None);
    }
    assert_eq!((rig.source.calls().reads, rig.source.calls().listings), (20, 1));
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
