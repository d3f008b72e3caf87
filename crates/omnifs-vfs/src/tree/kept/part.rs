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

/// Names a part of a file, of one version.
#[derive(Debug, Clone, Copy)]
pub(in crate::tree) struct Part<'a> {
    pub(in crate::tree) object: &'a Object,
    pub(in crate::tree) path: PathKey,
    /// How long the file is.
    pub(in crate::tree) size: u64,
    /// The digest of what the source calls the version.
    pub(in crate::tree) told: Digest,
    /// What the source tagged its answers with.
    pub(in crate::tree) tag: &'a str,
    pub(in crate::tree) range: ByteRange,
}

impl Part<'_> {
    /// Returns the key of its record; none if the tag may stay while the bytes change: it is a weak
    /// one (RFC 9110, 8.8.1).
    fn key(&self) -> Option<Key> {
        let Self { path, size, told, tag, range, .. } = self;
        if tag.starts_with("W/") {
            return None;
        }
        let mut hasher = Hasher::default();
        hasher.update(&path.to_bytes());
        hasher.update(&told.to_bytes());
        for number in [size, &range.offset, &range.length] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(tag.as_bytes());
        Some(Key::part(hasher.digest()))
    }

    fn is_worth_keeping(&self, budget: u64) -> bool {
        self.range.length <= JUMP || self.size <= budget / SHARE
    }
}

impl Tree {
    /// Returns whether a part is likely to be on disk.
    pub(in crate::tree) fn has_part(&self, part: &Part<'_>) -> bool {
        let (settings, key) = (self.settings(), part.key());
        settings.disk.as_ref().zip(key).is_some_and(|(disk, key)| disk.has(key))
    }

    /// Returns what is kept of a part.
    pub(in crate::tree) async fn recall_part(&self, part: &Part<'_>) -> Option<Content> {
        let settings = self.settings();
        let disk = settings.disk.as_ref()?;
        let (sequence, bytes) = disk.read(part.key()?).await?;
        let is_whole = bytes.len() as u64 == part.range.length;
        (is_whole && disk.believes(sequence, || way(part.object))).then(|| bytes.into())
    }

    /// Has a part written down, as soon as all of it is there.
    pub(in crate::tree) fn keep_part(&self, asked: &Current, part: &Part<'_>, content: &Content) {
        let Some((disk, key)) = asked.settings.disk.as_ref().zip(part.key()) else { return };
        let length = part.range.length;
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

    #[test]
    fn each_part_of_each_version_has_a_key_of_its_own() {
        let object = Object::root(crate::ObjectKey(1));
        let range = ByteRange { offset: 0, length: 10 };
        let (path, told) = (PathKey::ROOT, Digest::of(b"1"));
        let part = Part { object: &object, path, size: 100, told, tag: "\"a\"", range };
        let others = [
            Part { path: PathKey::from_bytes([1; 16]), ..part },
            Part { size: 101, ..part },
            Part { told: Digest::of(b"2"), ..part },
            Part { tag: "\"b\"", ..part },
            Part { range: ByteRange { offset: 1, ..range }, ..part },
            Part { range: ByteRange { length: 11, ..range }, ..part },
        ];
        assert!(part.key().is_some());
        for other in others {
            assert_ne!(other.key(), part.key(), "{other:?}");
        }
        assert_eq!(Part { tag: "W/\"a\"", ..part }.key(), None, "a weak tag");
    }

    #[test]
    fn of_a_file_that_is_too_long_only_jumps_are_kept() {
        let object = Object::root(crate::ObjectKey(1));
        let (path, told) = (PathKey::ROOT, Digest::of(b"1"));
        let keeps = |size, length| {
            let range = ByteRange { offset: 0, length };
            let part = Part { object: &object, path, size, told, tag: "\"a\"", range };
            part.is_worth_keeping(1 << 30)
        };
        assert!(keeps(512 << 20, 4 << 20));
        assert!(!keeps((512 << 20) + 1, 4 << 20));
        assert!(keeps(1 << 40, 4_096));
    }
}
