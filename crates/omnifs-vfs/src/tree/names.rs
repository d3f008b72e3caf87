//! The names of a directory in an order, as one listing or several have them.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use crate::digest::Digest;
use crate::{Name, VfsError};

/// Names that can be names, each once, in the provider's order. They lie in one text, so that
/// a million of them are one allocation and not a million.
#[derive(Debug)]
pub(crate) struct Names {
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<u32>,
    /// Indexes in the order of names, for lookup by name.
    sorted: Vec<u32>,
}

impl Names {
    /// Takes what a provider listed; returns it with the number of names that could not be in
    /// it.
    ///
    /// # Errors
    /// [`VfsError::ListingTooLarge`] over 4 GiB of names.
    pub(crate) fn new(raw: &[impl AsRef<str>]) -> Result<(Self, u64), VfsError> {
        let names = || raw.iter().map(AsRef::as_ref).filter(|raw| Name::is_valid(raw));
        let too_large = |_| VfsError::ListingTooLarge {
            names: names().count() as u64,
            limit: u64::from(u32::MAX),
        };
        let mut text = String::with_capacity(names().map(str::len).sum());
        let mut ends = Vec::with_capacity(raw.len());
        let mut seen = HashSet::with_capacity(raw.len());
        for name in names().filter(|name| seen.insert(*name)) {
            text.push_str(name);
            ends.push(u32::try_from(text.len()).map_err(too_large)?);
        }
        let dropped = raw.len() - ends.len();
        Ok((Self::of(text, ends), dropped as u64))
    }

    /// Returns the names that end in `text` there: each can be one, and is there once.
    pub(crate) fn of(text: String, ends: Vec<u32>) -> Self {
        let mut own = Self { text, ends, sorted: Vec::new() };
        let mut sorted: Vec<u32> = (0..).take(own.ends.len()).collect();
        sorted.sort_by_key(|index| own.get(*index));
        own.sorted = sorted;
        own
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the name at `index`.
    pub(crate) fn get(&self, index: u32) -> Option<&str> {
        name_at(&self.text, &self.ends, index)
    }

    /// Returns where `name` is.
    pub(crate) fn find(&self, name: &Name) -> Option<u32> {
        let found = self.sorted.binary_search_by_key(&Some(name.as_str()), |i| self.get(*i));
        self.sorted.get(found.ok()?).copied()
    }

    /// Returns a digest of the set of names.
    pub(crate) fn digest(&self) -> Digest {
        self.digest_of(self.sorted.iter().copied())
    }

    /// Returns a digest of the names in their order.
    pub(crate) fn digest_in_order(&self) -> Digest {
        self.digest_of((0..).take(self.ends.len()))
    }

    fn digest_of(&self, order: impl Iterator<Item = u32>) -> Digest {
        let mut names = String::with_capacity(self.text.len() + self.ends.len());
        for name in order.filter_map(|index| self.get(index)) {
            names.push_str(name);
            names.push('/');
        }
        Digest::of(names.as_bytes())
    }

    /// Returns its size in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        // End and sorted index of each name.
        self.text.len() + self.ends.len() * (4 + 4)
    }
}

/// Returns the name at a place of those that end in `text` there.
pub(super) fn name_at<'a>(text: &'a str, ends: &[u32], place: u32) -> Option<&'a str> {
    let place = place as usize;
    let start = match place.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    text.get(start as usize..*ends.get(place)? as usize)
}

/// How a directory's names were last shown to the kernel, which may have a copy of any part.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    generation: u32,
    set: Digest,
    order: Digest,
    /// The names, while any listing in memory has them.
    names: Weak<Names>,
}

impl Shown {
    /// Returns how names are shown that nobody has seen yet.
    pub(crate) fn new(names: &Arc<Names>, generation: u32) -> Self {
        let (set, order) = (names.digest(), names.digest_in_order());
        Self { generation, set, order, names: Arc::downgrade(names) }
    }

    /// Returns the number that cookies of these names begin with.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns whether the names are the same, in whatever order.
    pub(crate) fn is_same_set(&self, other: &Self) -> bool {
        self.set == other.set
    }

    /// Returns how `names` are shown to somebody who may know what was shown before.
    ///
    /// As long as the same names are there each of them keeps its place, in whatever order a
    /// provider lists them: the kernel throws single pages of its copy away when memory is
    /// short, and goes on with a cookie of the rest. Only an order that was evicted while nobody
    /// read it is lost.
    pub(crate) fn after(self, before: Option<&Self>, names: Arc<Names>) -> (Self, Arc<Names>) {
        let Some(before) = before.filter(|before| before.is_same_set(&self)) else {
            return (self, names);
        };
        match before.names.upgrade() {
            Some(old) => (before.clone(), old),
            None if before.order == self.order => {
                (Self { generation: before.generation, ..self }, names)
            }
            None => (self, names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(raw: &[&str]) -> (Names, u64) {
        Names::new(&raw.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn keeps_order_and_the_first_of_two() {
        let (names, dropped) = names(&["b", "a/b", "a", "", "b", "c"]);
        let kept: Vec<_> = (0..3).filter_map(|i| names.get(i)).collect();
        assert_eq!((kept.as_slice(), dropped), (["b", "a", "c"].as_slice(), 3));
    }

    #[test]
    fn a_set_of_names_has_one_digest_in_any_order() {
        let (forth, back) = (names(&["a", "b"]).0, names(&["b", "a"]).0);
        assert_eq!(forth.digest(), back.digest());
        assert_ne!(forth.digest_in_order(), back.digest_in_order());
        assert_ne!(forth.digest(), names(&["ab"]).0.digest());
    }
}
