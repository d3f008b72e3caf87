//! Bodies that lie outside of memory, and files that are read in parts.

use std::sync::Arc;

use bytes::Bytes;
use omnifs_vfs::{Details, Entry, NodeId, Settings, VfsError};

use crate::rig::{Rig, TTL};

const MIB: u64 = 1 << 20;

/// Returns bytes that are nowhere the same for long.
fn bytes(length: u64) -> Bytes {
    (0..length).map(|at| u8::try_from((at * 7 + at / 251) % 251).unwrap()).collect()
}

fn details(size: u64, version: Option<&str>) -> Details {
    let version = version.map(Into::into);
    Details { size: Some(size), version, ranges: true, ..Details::default() }
}

/// A tree with a file of 8 MiB that can be read in parts, and that file.
async fn in_parts(version: Option<&str>) -> (Rig, Bytes, Entry) {
    let rig = Rig::with(Settings { ttl: TTL, ..Settings::default() });
    let all = bytes(8 * MIB);
    rig.source.file("f", all.clone()).tell("f", details(8 * MIB, version));
    let entry = rig.entry(NodeId::ROOT, "f").await;
    (rig, all, entry)
}

fn part(all: &Bytes, offset: u64, length: u64) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap().min(all.len());
    all.slice(place(offset)..place(offset + length))
}

/// > A large file whose provider can give a part of it is read in parts: whoever jumps costs what
/// > he reads.
#[tokio::test]
async fn a_jump_costs_what_is_read() {
    let (rig, all, entry) = in_parts(Some("1")).await;
    for offset in [5 * MIB, MIB, 7 * MIB + 3] {
        let read = rig.tree.read(entry.node, offset, 4_096).await.unwrap();
        assert_eq!(read, part(&all, offset, 4_096));
    }
    assert_eq!((rig.source.reads("f"), rig.source.ranged()), (3, 3 * 4_096));
    let end = rig.tree.read(entry.node, 8 * MIB - 10, 4_096).await.unwrap();
    assert_eq!(end, part(&all, 8 * MIB - 10, 10));
    assert_eq!(rig.tree.read(entry.node, 8 * MIB, 4_096).await.unwrap(), "", "the end");
    assert_eq!(rig.source.reads("f"), 4);
}

#[tokio::test]
async fn who_reads_in_turn_has_few_large_parts_asked_for() {
    let (rig, all, entry) = in_parts(Some("1")).await;
    let (mut read, mut offset) = (Vec::new(), 0);
    while offset < 8 * MIB {
        let bytes = rig.tree.read(entry.node, offset, 128 << 10).await.unwrap();
        offset += bytes.len() as u64;
        read.extend_from_slice(&bytes);
    }
    assert_eq!(Bytes::from(read), all);
    assert_eq!(rig.source.ranged(), 8 * MIB, "each byte once");
    assert!(rig.source.reads("f") <= 8, "{} requests", rig.source.reads("f"));
}

/// Reads a file of 8 MiB in turn from each of these places on, one READ each by turns. Returns how
/// often its source was asked.
async fn in_turn(from: &[u64]) -> u64 {
    let (rig, all, entry) = in_parts(Some("1")).await;
    let mut places = from.to_vec();
    while places.iter().any(|place| *place < 8 * MIB) {
        for place in &mut places {
            let read = rig.tree.read(entry.node, *place, 128 << 10).await.unwrap();
            assert_eq!(read, part(&all, *place, 128 << 10));
            *place += read.len() as u64;
        }
    }
    rig.source.reads("f")
}

/// > Who reads in turn, from wherever on, has few large parts asked for; several who do are not in
/// > each other's way.
#[tokio::test]
async fn it_does_not_matter_where_reading_in_turn_begins_or_who_else_does() {
    let from_the_middle = in_turn(&[4 * MIB + 4_096]).await;
    assert!(from_the_middle <= 8, "{from_the_middle} requests for 32 READs");
    let two = in_turn(&[0, 4 * MIB]).await;
    assert!(two <= 16, "{two} requests for 96 READs");
}

#[tokio::test]
async fn readers_of_one_part_ask_once() {
    let (rig, all, entry) = in_parts(Some("1")).await;
    let read = |offset| rig.tree.read(entry.node, offset, 64 << 10);
    let (first, second, third) = tokio::join!(read(0), read(64 << 10), read(0));
    assert_eq!(first.unwrap(), part(&all, 0, 64 << 10));
    assert_eq!(second.unwrap(), part(&all, 64 << 10, 64 << 10));
    assert_eq!(third.unwrap(), part(&all, 0, 64 << 10));
    rig.settle().await;
    assert_eq!(rig.source.reads("f"), 2, "that part and the next");
}

#[tokio::test]
async fn a_part_that_fails_is_asked_for_again() {
    let (rig, all, entry) = in_parts(Some("1")).await;
    rig.source.fail(Some(VfsError::Upstream("503".to_owned())));
    assert!(matches!(rig.read(entry.node).await, Err(VfsError::Upstream(_))));
    rig.source.fail(None);
    assert_eq!(rig.tree.read(entry.node, 0, 4_096).await.unwrap(), part(&all, 0, 4_096));
}

/// > Parts are of one version: bytes of another one are ESTALE, and the name gets its new node.
#[tokio::test]
async fn parts_of_another_version_are_never_given() {
    let (rig, _, entry) = in_parts(Some("1")).await;
    rig.tree.read(entry.node, 0, 4_096).await.unwrap();
    let new = bytes(3 * MIB);
    rig.source.file("f", new.clone()).tell("f", details(3 * MIB, Some("2")));
    let outcome = rig.tree.read(entry.node, 5 * MIB, 4_096).await;
    assert!(matches!(outcome, Err(VfsError::Stale(_))), "{outcome:?}");
    let next = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(next.node, entry.node);
    assert_eq!(next.attributes.size, 3 * MIB);
    assert_eq!(rig.tree.read(next.node, 0, 100).await.unwrap(), part(&new, 0, 100));
    assert!(matches!(rig.read(entry.node).await, Err(VfsError::Stale(_))), "for ever");
}

#[tokio::test]
async fn where_no_version_is_told_parts_are_of_their_time() {
    for (version, is_same) in [(Some("1"), true), (None, false)] {
        let (rig, _, entry) = in_parts(version).await;
        rig.tree.read(entry.node, 0, 4_096).await.unwrap();
        rig.clock.advance(TTL * 20);
        let later = rig.entry(NodeId::ROOT, "f").await;
        assert_eq!(later.node == entry.node, is_same, "{version:?}");
    }
}

#[tokio::test]
async fn a_small_file_is_read_as_a_whole() {
    let rig = Rig::with(Settings { ttl: TTL, ..Settings::default() });
    rig.source.file("f", bytes(MIB)).tell("f", details(MIB, Some("1")));
    let entry = rig.entry(NodeId::ROOT, "f").await;
    for offset in [0, MIB / 2, 10] {
        rig.tree.read(entry.node, offset, 4_096).await.unwrap();
    }
    assert_eq!((rig.source.reads("f"), rig.source.ranged()), (1, 0));
}

/// A tree with a file of 4 MiB that comes as a blob.
async fn as_blob(version: Option<&str>) -> (Rig, Bytes, Arc<vfs_testing::Arriving>, Entry) {
    let rig = Rig::with(Settings { ttl: TTL, ..Settings::default() });
    let all = bytes(4 * MIB);
    let told = Details { ranges: false, ..details(4 * MIB, version) };
    rig.source.file("f", all.clone()).tell("f", told);
    let blob = rig.source.blob("f");
    let entry = rig.entry(NodeId::ROOT, "f").await;
    (rig, all, blob, entry)
}

/// > A body that the host downloads is served as it arrives: a short one from memory, a long one from its file.
#[tokio::test]
async fn a_blob_is_served_as_it_arrives_and_takes_no_memory() {
    let (rig, all, blob, entry) = as_blob(Some("1")).await;
    blob.arrive(MIB);
    let read = rig.tree.read(entry.node, 0, 1 << 20).await.unwrap();
    assert_eq!(read, part(&all, 0, MIB));
    let tree = Arc::clone(&rig.tree);
    let late = tokio::spawn(async move { tree.read(entry.node, 3 * MIB, 4_096).await });
    rig.settle().await;
    assert!(!late.is_finished());
    blob.arrive(4 * MIB);
    assert_eq!(late.await.unwrap().unwrap(), part(&all, 3 * MIB, 4_096));
    let statistics = rig.tree.statistics();
    assert!(statistics.memory < MIB, "{statistics:?}");
    assert_eq!((statistics.outside, rig.source.reads("f")), (4 * MIB, 1));
}

#[tokio::test]
async fn a_blob_that_does_not_come_is_an_error_and_asked_for_again() {
    let (rig, all, blob, entry) = as_blob(Some("1")).await;
    blob.arrive(MIB);
    rig.tree.read(entry.node, 0, 4_096).await.unwrap();
    blob.fail(VfsError::Upstream("short".to_owned()));
    let outcome = rig.tree.read(entry.node, 2 * MIB, 4_096).await;
    assert!(matches!(outcome, Err(VfsError::Upstream(_))), "{outcome:?}");
    rig.source.blob("f").arrive(4 * MIB);
    assert_eq!(
        rig.tree.read(entry.node, 2 * MIB, 4_096).await.unwrap(),
        part(&all, 2 * MIB, 4_096)
    );
    assert_eq!(rig.source.reads("f"), 2);
}

#[tokio::test]
async fn a_blob_without_a_version_is_known_by_its_bytes() {
    let (rig, all, blob, entry) = as_blob(None).await;
    blob.arrive(4 * MIB);
    assert_eq!(rig.tree.read(entry.node, 0, 4_096).await.unwrap(), part(&all, 0, 4_096));
    rig.clock.advance(TTL);
    let _stale = rig.entry(NodeId::ROOT, "f").await;
    rig.settle().await;
    assert_eq!(rig.entry(NodeId::ROOT, "f").await.node, entry.node, "the same bytes");
    let new = bytes(4 * MIB - 1);
    rig.source.file("f", new.clone());
    rig.source.tell("f", Details { ranges: false, ..details(4 * MIB - 1, None) });
    rig.source.blob("f").arrive(4 * MIB - 1);
    rig.clock.advance(TTL * 20);
    let next = rig.entry(NodeId::ROOT, "f").await;
    assert_ne!(next.node, entry.node);
    assert_eq!(rig.tree.read(next.node, 0, 10).await.unwrap(), part(&new, 0, 10));
}

#[tokio::test]
async fn blobs_have_room_of_their_own() {
    let settings = Settings { ttl: TTL, outside: 5 * MIB, ..Settings::default() };
    let rig = Rig::with(settings);
    for name in ["a", "b"] {
        rig.source.file(name, bytes(3 * MIB));
        rig.source.tell(name, Details { ranges: false, ..details(3 * MIB, Some("1")) });
        rig.source.blob(name).arrive(3 * MIB);
    }
    rig.source.file("small", "s");
    let small = rig.entry(NodeId::ROOT, "small").await;
    assert_eq!(rig.read(small.node).await.unwrap(), "s");
    for name in ["a", "b"] {
        let entry = rig.entry(NodeId::ROOT, name).await;
        rig.tree.read(entry.node, 0, 10).await.unwrap();
    }
    assert_eq!(rig.tree.statistics().outside, 3 * MIB, "the older one went");
    rig.read(small.node).await.unwrap();
    assert_eq!(rig.source.reads("small"), 1, "what lies in memory makes no room there");
}

/// A tree with a file of which its listing says no size, and a lookup does.
async fn vague(size: u64, told: Details) -> (Rig, Bytes, Entry) {
    let rig = Rig::with(Settings { ttl: TTL, ..Settings::default() });
    let all = bytes(size);
    let vague = Details { ranges: true, ..Details::default() };
    rig.source.file("f", all.clone()).tell("f", vague);
    let _listed = rig.list(NodeId::ROOT).await;
    let entry = rig.entry(NodeId::ROOT, "f").await;
    assert_eq!((rig.source.calls().lookups, entry.attributes.valid.is_zero()), (0, true));
    rig.source.tell("f", told);
    (rig, all, entry)
}

/// > A file that can be read in parts, and whose size its listing does not tell, is looked up for it
/// > and not read.
#[tokio::test]
async fn a_size_that_a_listing_does_not_tell_is_looked_up() {
    let (rig, all, entry) = vague(8 * MIB, details(8 * MIB, Some("1"))).await;
    assert_eq!(rig.tree.attributes(entry.node).await.unwrap().size, 8 * MIB);
    assert_eq!((rig.source.calls().lookups, rig.source.reads("f")), (1, 0));
    let read = rig.tree.read(entry.node, 5 * MIB, 4_096).await.unwrap();
    assert_eq!(read, part(&all, 5 * MIB, 4_096));
    assert_eq!((rig.source.calls().lookups, rig.source.ranged()), (1, 4_096));
}

#[tokio::test]
async fn who_reads_first_costs_the_same_lookup() {
    let (rig, all, entry) = vague(8 * MIB, details(8 * MIB, Some("1"))).await;
    let read = rig.tree.read(entry.node, 5 * MIB, 4_096).await.unwrap();
    assert_eq!(read, part(&all, 5 * MIB, 4_096));
    assert_eq!((rig.source.calls().lookups, rig.source.ranged()), (1, 4_096));
}

#[tokio::test]
async fn bytes_that_come_with_that_lookup_are_the_file_s() {
    let content = Some(bytes(100));
    let (rig, all, entry) = vague(100, Details { content, ..details(100, Some("1")) }).await;
    assert_eq!(rig.tree.attributes(entry.node).await.unwrap().size, 100);
    assert_eq!(rig.read(entry.node).await.unwrap(), all);
    assert_eq!((rig.source.calls().lookups, rig.source.reads("f")), (1, 0));
}

#[tokio::test]
async fn what_not_even_a_lookup_tells_is_read() {
    let (rig, all, entry) = vague(100, Details { ranges: true, ..Details::default() }).await;
    assert_eq!(rig.tree.attributes(entry.node).await.unwrap().size, 100);
    assert_eq!(rig.read(entry.node).await.unwrap(), all);
    assert_eq!((rig.source.calls().lookups, rig.source.reads("f")), (1, 1));
}

#[tokio::test]
async fn a_lookup_for_a_size_that_fails_is_an_error_and_made_again() {
    let (rig, _, entry) = vague(100, details(100, Some("1"))).await;
    rig.source.fail(Some(VfsError::Upstream("503".to_owned())));
    let failed = rig.tree.attributes(entry.node).await;
    assert!(matches!(failed, Err(VfsError::Upstream(_))), "{failed:?}");
    rig.source.fail(None);
    assert_eq!(rig.tree.attributes(entry.node).await.unwrap().size, 100);
}

#[tokio::test]
async fn a_file_that_a_lookup_says_is_read_as_a_whole_is() {
    let told = Details { ranges: false, ..details(8 * MIB, Some("1")) };
    let (rig, all, entry) = vague(8 * MIB, told).await;
    assert_eq!(rig.tree.read(entry.node, 5 * MIB, 10).await.unwrap(), part(&all, 5 * MIB, 10));
    assert_eq!((rig.source.reads("f"), rig.source.ranged()), (1, 0));
}
