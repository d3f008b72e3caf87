//! Parts of large files, each of which is kept by itself.
//!
//! Which bytes a file has is said by what the source calls its version and by the tag of an answer,
//! so a part from the disk is believed beside one that the source has just given: the first part
//! that is read of a file always comes from there.

use super::way;
use crate::digest::{Digest, Hasher, PathKey};
use crate::disk::Key;
use crate::sync::spawn;
use crate::tree::file::HASH_ASIDE;
use crate::tree::{Current, Tree};
use crate::{ByteRange, Content, Object};

/// The part of the disk that one file which is read in turn may take: a longer one would push
/// everything else out, and its own beginning before it is read again.
const SHARE: u64 = 2;

/// Up to this length a part is kept of a file of any size: somebody jumped there.
const JUMP: u64 = 64 << 10;

/// What tells the parts of one version of a file from all others, but for the tag.
#[derive(Debug, Clone, Copy)]
pub(in crate::tree) struct VersionKey {
    pub(in crate::tree) path: PathKey,
    /// How long the file is.
    pub(in crate::tree) size: u64,
    /// The digest of what the source calls the version.
    pub(in crate::tree) told: Digest,
}

/// A part of a file, of one version, as the disk knows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::tree) struct Part {
    key: Key,
    length: u64,
    /// How long the file is.
    size: u64,
}

impl Part {
    /// Returns the part of a version that the source tags its answers about with `tag`; none if that
    /// may stay while the bytes change: it is a weak one (RFC 9110, 8.8.1).
    fn of(version: &VersionKey, tag: &str, range: ByteRange) -> Option<Self> {
        let VersionKey { path, size, told } = *version;
        if tag.starts_with("W/") {
            return None;
        }
        let mut hasher = Hasher::default();
        hasher.update(&path.to_bytes());
        hasher.update(&told.to_bytes());
        for number in [size, range.offset, range.length] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(tag.as_bytes());
        Some(Self { key: Key::part(hasher.digest()), length: range.length, size })
    }

    fn is_worth_keeping(&self, budget: u64) -> bool {
        self.length <= JUMP || self.size <= budget / SHARE
    }
}

impl Tree {
    /// Returns the part of a version as the disk knows it; none where there is no disk, or nobody can
    /// say what it is a part of.
    pub(in crate::tree) fn part_on_disk(
        &self,
        (version, tag): (Option<VersionKey>, Option<&str>),
        range: ByteRange,
    ) -> Option<Part> {
        let (version, tag) = (version?, tag?);
        self.settings().disk.as_ref()?;
        Part::of(&version, tag, range)
    }

    /// Returns whether a part is likely to be on disk.
    pub(in crate::tree) fn has_part(&self, part: &Part) -> bool {
        self.settings().disk.as_ref().is_some_and(|disk| disk.has(part.key))
    }

    /// Returns what is kept of a part of an object's bytes.
    pub(in crate::tree) async fn recall_part(
        &self,
        object: &Object,
        part: &Part,
    ) -> Option<Content> {
        let settings = self.settings();
        let disk = settings.disk.as_ref()?;
        let (sequence, bytes) = disk.read(part.key).await?;
        let is_whole = bytes.len() as u64 == part.length;
        (is_whole && disk.believes(sequence, || way(object))).then(|| bytes.into())
    }

    /// Has a part written down, as soon as all of it is there.
    pub(in crate::tree) fn keep_part(&self, asked: &Current, part: &Part, content: &Content) {
        let Some(disk) = &asked.settings.disk else { return };
        let Part { key, length, .. } = *part;
        if !part.is_worth_keeping(disk.budget()) || !disk.admits(length) {
            return;
        }
        let (disk, content) = (disk.clone(), content.clone());
        if let Content::Bytes(bytes) = &content
            && bytes.len() < HASH_ASIDE
        {
            disk.put(key, bytes.clone());
            return;
        }
        spawn(async move {
            // One that does not come is asked for again.
            let Ok(bytes) = content.whole().await else { return };
            if bytes.len() as u64 == length {
                // Nobody waits for it.
                let _ = tokio::task::spawn_blocking(move || disk.put(key, bytes)).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> VersionKey {
        VersionKey { path: PathKey::ROOT, size: 100, told: Digest::of(b"1") }
    }

    #[test]
    fn each_part_of_each_version_has_a_key_of_its_own() {
        let (range, version) = (ByteRange { offset: 0, length: 10 }, version());
        let key = |version, tag, range| Part::of(&version, tag, range).map(|part| part.key);
        let own = key(version, "\"a\"", range);
        assert!(own.is_some());
        let others = [
            key(VersionKey { path: PathKey::from_bytes([1; 16]), ..version }, "\"a\"", range),
            key(VersionKey { size: 101, ..version }, "\"a\"", range),
            key(VersionKey { told: Digest::of(b"2"), ..version }, "\"a\"", range),
            key(version, "\"b\"", range),
            key(version, "\"a\"", ByteRange { offset: 1, ..range }),
            key(version, "\"a\"", ByteRange { length: 11, ..range }),
        ];
        for other in others {
            assert_ne!(other, own);
        }
        assert_eq!(key(version, "W/\"a\"", range), None, "a weak tag");
    }

    #[test]
    fn of_a_file_that_is_too_long_only_jumps_are_kept() {
        let keeps = |size, length| {
            let version = VersionKey { size, ..version() };
            let part = Part::of(&version, "\"a\"", ByteRange { offset: 0, length });
            part.unwrap().is_worth_keeping(1 << 30)
        };
        assert!(keeps(512 << 20, 4 << 20));
        assert!(!keeps((512 << 20) + 1, 4 << 20));
        assert!(keeps(1 << 40, 4_096));
    }
}
