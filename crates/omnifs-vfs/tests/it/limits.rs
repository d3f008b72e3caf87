use omnifs_vfs::{NodeId, VfsError};

use vfs_testing::Item;

use crate::rig::Rig;

/// > A path has at most 128 directories, which every cycle reaches.
#[tokio::test]
async fn a_path_ends_at_128_directories() {
    let rig = Rig::new();
    let (mut node, mut path) = (NodeId::ROOT, String::new());
    for depth in 1..=129 {
        path = if path.is_empty() { "d".into() } else { format!("{path}/d") };
        rig.source.put(&path, depth, Item::Directory);
        match rig.lookup(node, "d").await {
            Ok(omnifs_vfs::Lookup::Found(entry)) => node = entry.node,
            other => {
                assert_eq!((depth, other), (129, Err(VfsError::TooDeep)));
                return;
            }
        }
    }
    panic!("no end");
}

/// > Contents and listings stay within `memory`; what programs have open is dropped last.
#[tokio::test]
async fn contents_and_listings_stay_within_their_budget() {
    let rig = Rig::new();
    let budget = omnifs_vfs::Settings::default().memory;
    for i in 0..80_u64 {
        rig.source.put(&format!("{i}"), 5 + i, vec![7; 1 << 20]);
        let file = rig.entry(NodeId::ROOT, &i.to_string()).await.node;
        rig.read(file).await.unwrap();
        assert!(rig.tree.statistics().memory <= budget);
    }
    let first = rig.entry(NodeId::ROOT, "0").await.node;
    assert_eq!(rig.read(first).await.unwrap().len(), 1 << 20);
    assert_eq!(rig.source.calls().reads, 81, "evicted and read again");
}

#[tokio::test]
async fn a_hundred_thousand_names_are_listed_in_order() {
    let rig = Rig::new();
    let names: Vec<String> = (0..100_000).map(|i| format!("n{i:06}")).collect();
    rig.source.list_also(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let listed = rig.list(NodeId::ROOT).await;
    assert_eq!(listed.len(), 100_000);
    assert!(listed.windows(2).all(|pair| pair[0].0 < pair[1].0));
}
