//! Parts of large files.

use bytes::Bytes;
use omnifs_vfs::{Details, Layer, NodeId, Question};

use super::Kept;

const MIB: u64 = 1 << 20;
const SIZE: u64 = 8 * MIB;

/// Where somebody jumps to, far from each other.
const JUMPS: [u64; 3] = [5 * MIB, MIB, 7 * MIB];

/// Returns bytes that are nowhere the same for long; others for another `seed`.
fn bytes(seed: u64) -> Bytes {
    (0..SIZE).map(|at| u8::try_from((at * 7 + at / 251 + seed) % 251).unwrap()).collect()
}

/// A tree whose answers are kept, with a file that is read in parts.
fn with_file(version: Option<&str>, tag: Option<&str>) -> Kept {
    let kept = Kept::new();
    put(&kept, 0, version, tag);
    kept
}

fn put(kept: &Kept, seed: u64, version: Option<&str>, tag: Option<&str>) {
    let version = version.map(Into::into);
    let told = Details { size: Some(SIZE), version, ranges: true, ..Details::default() };
    let source = &kept.rig().source;
    source.file("large", bytes(seed)).tell("large", told);
    if let Some(tag) = tag {
        source.tag("large", tag);
    }
}

/// Reads the whole file, in turn. Returns its bytes and how many of them were asked for.
async fn read_all(kept: &Kept) -> (Bytes, u64) {
    let rig = kept.rig();
    let (node, before) = (rig.entry(NodeId::ROOT, "large").await.node, rig.source.ranged());
    let mut all = Vec::new();
    while (all.len() as u64) < SIZE {
        all.extend_from_slice(&rig.tree.read(node, all.len() as u64, 128 << 10).await.unwrap());
    }
    (all.into(), rig.source.ranged() - before)
}

/// Reads 4 KiB after each jump. Returns how many bytes were asked for.
async fn jump(kept: &Kept, seed: u64) -> u64 {
    let rig = kept.rig();
    let (node, before) = (rig.entry(NodeId::ROOT, "large").await.node, rig.source.ranged());
    for offset in JUMPS {
        let place = usize::try_from(offset).unwrap();
        let read = rig.tree.read(node, offset, 4_096).await.unwrap();
        assert_eq!(read, bytes(seed).slice(place..place + 4_096));
    }
    rig.source.ranged() - before
}

/// Waits until so many bytes are on disk: long parts are checked and written aside.
async fn written(kept: &Kept, least: u64) {
    while kept.rig().tree.statistics().disk.unwrap().bytes < least {
        tokio::task::yield_now().await;
    }
}

/// > Of a large file, too, what was read is kept on disk, part by part. After a restart its first
/// > part is asked for again, which shows that the file is the same one, and nothing else.
#[tokio::test]
async fn after_a_restart_only_the_first_part_is_asked_for() {
    let mut kept = with_file(Some("1"), Some("\"a\""));
    assert_eq!(read_all(&kept).await, (bytes(0), SIZE));
    written(&kept, SIZE).await;
    kept.restart().await;
    assert_eq!(read_all(&kept).await, (bytes(0), 128 << 10));
    let questions = kept.rig().tree.statistics().questions;
    let reads = |layer| questions[&(Question::Read, layer)];
    assert_eq!(reads(Layer::Source), 1);
    assert!(reads(Layer::Disk) > 0, "{questions:?}");
}

#[tokio::test]
async fn jumps_are_kept() {
    let mut kept = with_file(Some("1"), Some("\"a\""));
    assert_eq!(jump(&kept, 0).await, 3 * 4_096);
    kept.restart().await;
    assert_eq!(jump(&kept, 0).await, 4_096);
}

/// What a listing tells of a file may be too coarse to show that it has changed; then the tag does.
#[tokio::test]
async fn parts_of_another_tag_or_version_are_never_mixed() {
    for (version, tag) in [("1", "\"b\""), ("2", "\"a\"")] {
        let mut kept = with_file(Some("1"), Some("\"a\""));
        read_all(&kept).await;
        written(&kept, SIZE).await;
        kept.restart().await;
        put(&kept, 1, Some(version), Some(tag));
        assert_eq!(read_all(&kept).await, (bytes(1), SIZE), "{version} {tag}");
    }
}

#[tokio::test]
async fn what_nobody_can_tell_from_another_version_is_not_kept() {
    let cases = [(None, Some("\"a\"")), (Some("1"), None), (Some("1"), Some("W/\"a\""))];
    for (version, tag) in cases {
        let mut kept = with_file(version, tag);
        read_all(&kept).await;
        kept.restart().await;
        assert_eq!(read_all(&kept).await, (bytes(0), SIZE), "{version:?} {tag:?}");
    }
}

#[tokio::test]
async fn parts_are_not_believed_that_were_refreshed_by_hand() {
    let mut kept = with_file(Some("1"), Some("\"a\""));
    jump(&kept, 0).await;
    kept.rig().tree.expire("/large");
    kept.restart().await;
    assert_eq!(jump(&kept, 0).await, 3 * 4_096);
    kept.restart().await;
    assert_eq!(jump(&kept, 0).await, 4_096, "what came since is");
}
