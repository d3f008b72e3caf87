//! The names of a directory while their pages come.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;

use super::listing::Came;
use super::names::{Names, name_at};
use super::{Fresh, Settings};
use crate::digest::Digest;
use crate::{Answer, Details, Found, Inode, Listed, Made, Name, VfsError};

/// The most pages in turn that have no name which was not there before: a provider that gives
/// another cursor each time ends.
const EMPTY_MAX: u32 = 1_000;

/// The pages that came so far, as one list. Names are only added, so a place in it stays that
/// name's place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages {
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<u32>,
    /// The places of names, by name.
    places: HashTable<u32>,
    hasher: RandomState,
    /// What each name stands for, as far as that was told.
    children: Vec<Option<Found>>,
    /// What was gone on with. Of cursors only the digests: how long they are is for others to say.
    cursors: HashSet<Digest>,
    next: Option<String>,
    /// How many pages came last that had no new name.
    empty: u32,
    complete: bool,
    /// Whether something failed while a page was made.
    partial: bool,
    made: Option<Arc<Made>>,
    /// Names that could not be, or that were there before.
    dropped: u64,
    weight: u64,
    tells: bool,
}

impl Pages {
    /// Takes a page in that came; returns the places of its names.
    ///
    /// # Errors
    /// [`VfsError::ListingTooLarge`] and [`VfsError::TooLarge`] over the limits, and
    /// [`VfsError::Contract`] for a cursor that was there before. Nothing is taken in then that
    /// could be shown.
    pub(crate) fn add(
        &mut self,
        page: Answer<Listed>,
        settings: &Settings,
    ) -> Result<std::ops::Range<u32>, VfsError> {
        let Answer { value: Listed { names, found, next, complete }, partial, made } = page;
        let sum = self.ends.len() as u64 + names.len() as u64;
        if sum > settings.names {
            return Err(VfsError::ListingTooLarge { names: sum, limit: settings.names });
        }
        let cursor = next.as_ref().map(|next| Digest::of(next.as_bytes()));
        if let (Some(next), Some(cursor)) = (&next, &cursor)
            && self.cursors.contains(cursor)
        {
            let shown: String = next.escape_default().take(60).collect();
            let what = format!("the cursor \"{shown}\", which was there before");
            return Err(VfsError::Contract(what));
        }
        if next.is_some() && self.empty >= EMPTY_MAX {
            let what = format!("more than {EMPTY_MAX} pages without a name");
            return Err(VfsError::Contract(what));
        }
        if next.is_some() && self.cursors.len() >= Listed::PAGES_MAX {
            return Err(VfsError::Contract(format!("more than {} pages", Listed::PAGES_MAX)));
        }
        self.tells |= !found.is_empty();
        let first = self.count();
        let mut found = found.into_iter();
        for name in names {
            self.push(&name, found.next(), settings)?;
        }
        self.empty = if first == self.count() { self.empty + 1 } else { 0 };
        self.cursors.extend(cursor);
        self.next = next;
        self.complete = complete;
        self.partial |= partial.is_some();
        self.made = match (self.made.take(), made) {
            (Some(before), Some(made)) => Some(Arc::new(before.and(&made))),
            (before, made) => before.or(made),
        };
        Ok(first..self.count())
    }

    fn push(
        &mut self,
        name: &str,
        found: Option<Found>,
        settings: &Settings,
    ) -> Result<(), VfsError> {
        let hash = self.hasher.hash_one(name);
        if !Name::is_valid(name) || self.at(hash, name).is_some() {
            self.dropped += 1;
            return Ok(());
        }
        let told = found.as_ref().and_then(|found| found.details.as_ref());
        self.weight += name.len() as u64 + told.map_or(0, |details| details.weight());
        let end = u32::try_from(self.text.len() + name.len()).ok();
        let (Some(end), true) = (end, self.weight <= settings.listing) else {
            let limit = settings.listing;
            let reason = format!("a listing has more than {limit} bytes (limits.lift)");
            return Err(VfsError::TooLarge(reason));
        };
        let place = self.count();
        self.text.push_str(name);
        self.ends.push(end);
        self.children.push(found);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        let rehash = |place: &u32| hasher.hash_one(name_at(text, ends, *place).unwrap_or_default());
        let _entry = self.places.insert_unique(hash, place, rehash);
        Ok(())
    }

    fn at(&self, hash: u64, name: &str) -> Option<u32> {
        let is_it = |place: &u32| self.name(*place) == Some(name);
        self.places.find(hash, is_it).copied()
    }

    /// Returns how many names there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// Returns how many names were left out.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns its size in memory, in bytes, roughly.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// Returns what to ask for the next page with, if there is one.
    pub(crate) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Returns whether it is known what the names stand for.
    pub(crate) fn tells(&self) -> bool {
        self.tells
    }

    /// Returns how the pages came about.
    pub(crate) fn made(&self) -> Option<&Arc<Made>> {
        self.made.as_ref()
    }

    /// Returns the name at a place.
    pub(crate) fn name(&self, place: u32) -> Option<&str> {
        name_at(&self.text, &self.ends, place)
    }

    /// Returns what the name at a place stands for, if that was told.
    pub(crate) fn child(&self, place: u32) -> Option<&Found> {
        self.children.get(place as usize)?.as_ref()
    }

    /// Returns what `name` stands for, if it has come and that was told.
    pub(crate) fn find(&self, name: &Name) -> Option<&Found> {
        self.child(self.at(self.hasher.hash_one(name.as_str()), name.as_str())?)
    }

    /// Returns the numbers of what the names stand for, as far as they are known.
    pub(super) fn objects(&self) -> impl Iterator<Item = Inode> {
        self.children.iter().flatten().map(|found| found.child.inode)
    }

    /// Forgets the contents of a child, which are where bytes are, and returns it as it was.
    pub(crate) fn take_content(&mut self, place: u32) -> Option<Found> {
        let slot = self.children.get_mut(place as usize)?;
        let whole = slot.clone()?;
        if let Some(found) = slot {
            found.details = found.details.take().map(Details::without_content);
        }
        Some(whole)
    }

    /// Returns all names, what they stand for, and how they came.
    pub(crate) fn finish(
        self,
        fresh: Fresh,
        fetched: Duration,
    ) -> (Names, Vec<Option<Found>>, Came) {
        let Self { text, ends, children, complete, partial, made, .. } = self;
        (Names::of(text, ends), children, Came { fresh, fetched, partial, complete, made })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], next: Option<&str>) -> Answer<Listed> {
        let names = names.iter().map(ToString::to_string).collect();
        let next = next.map(ToOwned::to_owned);
        Listed { names, found: Vec::new(), next, complete: true }.into()
    }

    #[test]
    fn of_a_name_that_comes_twice_the_first_keeps_its_place() {
        let (mut pages, settings) = (Pages::default(), Settings::default());
        assert_eq!(pages.add(page(&["b", "a/b", "a"], Some("2")), &settings), Ok(0..2));
        assert_eq!(pages.add(page(&["a", "", "c"], None), &settings), Ok(2..3));
        let names: Vec<_> = (0..3).filter_map(|place| pages.name(place)).collect();
        assert_eq!((names, pages.dropped()), (vec!["b", "a", "c"], 3));
        let fresh = Fresh { until: Duration::ZERO, generation: 0, asked: 0 };
        let (names, ..) = pages.finish(fresh, Duration::ZERO);
        assert_eq!(names.find(&Name::from_provider("a").unwrap()), Some(1));
    }

    #[test]
    fn pages_end() {
        let (mut pages, settings) = (Pages::default(), Settings::default());
        assert_eq!(pages.add(page(&["a"], Some("next")), &settings), Ok(0..1));
        let again = pages.add(page(&["b"], Some("next")), &settings);
        assert!(matches!(again, Err(VfsError::Contract(what)) if what.contains("\"next\"")));
        let few = Settings { names: 2, ..Settings::default() };
        let mut pages = Pages::default();
        assert_eq!(pages.add(page(&["a", "b"], Some("2")), &few), Ok(0..2));
        let third = pages.add(page(&["c"], None), &few);
        assert_eq!(third, Err(VfsError::ListingTooLarge { names: 3, limit: 2 }));
        let light = Settings { listing: 3, ..Settings::default() };
        let heavy = Pages::default().add(page(&["abcd"], None), &light);
        assert!(matches!(heavy, Err(VfsError::TooLarge(_))));
    }
}
