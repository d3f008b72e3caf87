//! Names of directory entries, checked once at the edge.

use std::fmt;

use arcstr::ArcStr;

use crate::VfsError;

/// One component of a path: 1 to 255 bytes of UTF-8 without `/`, NUL or control characters,
/// and neither `.` nor `..`.
///
/// Neither the kernel nor the contract promises this (the kernel ends a listing with EIO at a
/// `/`, cuts names at NUL and lets 4,095 bytes pass), so nothing else may carry a name.
/// Cloning is cheap. Names compare bytewise: case-sensitive, not normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(ArcStr);

/// The longest name in bytes, `NAME_MAX` of `limits.h`.
const NAME_MAX: usize = 255;

impl Name {
    /// Returns the name, or `None` when a provider's text cannot be one.
    pub fn from_provider(text: &str) -> Option<Self> {
        Self::is_valid(text).then(|| Self(text.into()))
    }

    /// Returns whether a provider's text can be a name.
    pub(crate) fn is_valid(text: &str) -> bool {
        (1..=NAME_MAX).contains(&text.len())
            && text != "."
            && text != ".."
            && !text.contains('/')
            && !text.chars().any(char::is_control)
    }

    /// Parses a name that a process asked for.
    ///
    /// # Errors
    /// [`VfsError::NameTooLong`] over 255 bytes. [`VfsError::NotFound`] for a name that no
    /// provider can serve (control characters, not UTF-8): absent without asking anybody.
    pub fn from_request(bytes: &[u8]) -> Result<Self, VfsError> {
        if bytes.len() > NAME_MAX {
            return Err(VfsError::NameTooLong);
        }
        std::str::from_utf8(bytes).ok().and_then(Self::from_provider).ok_or(VfsError::NotFound)
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_a_directory_cannot_hold() {
        for bad in ["", ".", "..", "a/b", "a\0b", "a\nb", "\u{7f}", "\u{85}", &"x".repeat(256)] {
            assert!(Name::from_provider(bad).is_none(), "{bad:?}");
        }
        for good in ["...", " ", "-rf", "é", "a\\b", &"x".repeat(255)] {
            assert_eq!(Name::from_provider(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn tells_a_long_request_from_an_impossible_one() {
        assert_eq!(Name::from_request(&[b'x'; 256]), Err(VfsError::NameTooLong));
        assert_eq!(Name::from_request(b"\xff"), Err(VfsError::NotFound));
        assert_eq!(Name::from_request(b"a\x01"), Err(VfsError::NotFound));
    }
}
