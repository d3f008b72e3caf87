//! Digests that stand for a path and for the bytes of a file.

use crate::Name;

/// Identifies the bytes of a file: the first half of their BLAKE3 hash.
///
/// 128 bits: a collision that somebody made on purpose could only make a provider's own file
/// look unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 16]);

impl Digest {
    /// Stands for no digest where an `Option` has no room; nothing is known to have this one.
    pub(crate) const NONE: Self = Self([0; 16]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(short(blake3::Hasher::new().update(bytes)))
    }

    /// Returns what identifies the bytes of this size that a source calls by a name which has this
    /// digest. No bytes have it.
    pub(crate) fn of_size(self, size: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("omnifs: a version by its name and size");
        Self(short(hasher.update(&self.0).update(&size.to_le_bytes())))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// Makes a digest of bytes that come in parts.
#[derive(Debug, Default)]
pub(crate) struct Hasher(blake3::Hasher);

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns how many bytes there were.
    pub(crate) fn hashed(&self) -> u64 {
        self.0.count()
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest(short(&self.0))
    }
}

/// Identifies a path from the root, so that what is cached under it outlives its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PathKey([u8; 16]);

impl PathKey {
    pub(crate) const ROOT: Self = Self([0; 16]);

    /// Returns the key of `name` in the directory that has this key.
    pub(crate) fn child(self, name: &Name) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(name.as_bytes());
        Self(short(&hasher))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// Returns the first bytes of what was hashed, as many as are asked for.
pub(crate) fn short<const N: usize>(hasher: &blake3::Hasher) -> [u8; N] {
    let mut bytes = [0; N];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_names_and_their_borders() {
        let name = |text| Name::from_provider(text).unwrap();
        let ab = PathKey::ROOT.child(&name("a")).child(&name("b"));
        assert_eq!(ab, PathKey::ROOT.child(&name("a")).child(&name("b")));
        assert_ne!(ab, PathKey::ROOT.child(&name("ab")));
        assert_ne!(ab, PathKey::ROOT.child(&name("b")).child(&name("a")));
    }
}
