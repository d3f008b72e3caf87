//! Which answers are right, given every state that the source had.
//!
//! Each name on the way to an object is fresh for itself, so the parts of an answer may come
//! from different times, all within the window.

use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::NodeKind;

use super::Verdict;
use super::height::{Bounds, Failure, Listed, Stat};
use super::world::{State, Thing, World};
use crate::Item;

/// When a question was asked and answered, and how old the answer may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) asked: Duration,
    pub(super) answered: Duration,
    pub(super) bounds: Bounds,
}

impl Window {
    /// Returns the earliest time that an object may be from.
    pub(super) fn found(&self) -> Duration {
        self.asked.saturating_sub(self.bounds.found).max(self.bounds.since)
    }

    fn of_objects(&self) -> (Duration, Duration) {
        (self.found(), self.answered)
    }

    fn of_absences(&self) -> (Duration, Duration) {
        let from = self.asked.saturating_sub(self.bounds.absent).max(self.bounds.since);
        (from, self.answered)
    }
}

/// Returns the piece of a file that a read of this range gives.
pub(super) fn slice(bytes: &Bytes, offset: u64, length: u32) -> Bytes {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(start..start.saturating_add(length as usize).min(bytes.len()))
}

/// Returns a path and all above it but the root.
fn steps_to(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let whole = (!path.is_empty()).then_some(path.len());
    ends.chain(whole).filter_map(|end| path.get(..end))
}

impl World {
    /// Returns the things that stood under a path at some time of the window.
    fn things<'a>(
        &'a self,
        path: &'a str,
        times: (Duration, Duration),
    ) -> impl Iterator<Item = &'a Thing> {
        self.states(times).filter_map(move |state| state.thing(path))
    }

    /// Returns the different files that stood under a path, by number and bytes.
    pub(super) fn files(&self, path: &str, times: (Duration, Duration)) -> Vec<(u64, Bytes)> {
        let mut files = Vec::new();
        for thing in self.things(path, times) {
            if let Item::File(bytes) = &thing.item
                && !files.contains(&(thing.number, bytes.clone()))
            {
                files.push((thing.number, bytes.clone()));
            }
        }
        files
    }

    /// Returns whether a file stood there.
    pub(super) fn was_file(&self, path: &str, window: &Window) -> bool {
        !self.files(path, window.of_objects()).is_empty()
    }

    /// Returns whether an object on the way gave its place to another one. Who still has the
    /// first finds nothing there, until its name is asked for again.
    fn replaced(&self, path: &str, times: (Duration, Duration)) -> bool {
        steps_to(path).any(|step| {
            let mut objects = self.things(step, times).map(Thing::identity);
            objects.next().is_some_and(|first| objects.any(|other| other != first))
        })
    }

    /// Returns whether anything about a path is not as it was.
    pub(super) fn changed(&self, path: &str, times: (Duration, Duration)) -> bool {
        let differs = |step: &str, seen: fn(&Thing) -> Option<Bytes>| {
            let seen = |thing: &Thing| (thing.identity(), seen(thing));
            let mut all = self.states(times).map(|state| state.thing(step).map(seen));
            all.next().is_some_and(|first| all.any(|other| other != first))
        };
        steps_to(path).any(|step| differs(step, |_| None))
            || differs(path, |thing| match &thing.item {
                Item::File(bytes) => Some(bytes.clone()),
                Item::Directory => None,
            })
    }

    /// A size is exactly the number of bytes, and the number is the object's.
    pub(super) fn allows_stat(&self, path: &str, window: &Window, stat: &Stat) -> Verdict {
        let fits = |thing: &Thing| {
            let size = match &thing.item {
                Item::File(bytes) => bytes.len() as u64,
                Item::Directory => 0,
            };
            let same = stat.kind == thing.item.kind() && stat.size == size;
            same && stat.st_ino == thing.number + 1
        };
        if self.things(path, window.of_objects()).any(fits) {
            return Ok(());
        }
        Err(format!("{stat:?} is nothing that was there; {}", self.told(path, window)))
    }

    /// What was read is a piece of one version.
    pub(super) fn allows_piece(
        &self,
        path: &str,
        window: &Window,
        is_in: impl Fn(&Bytes) -> bool,
    ) -> Verdict {
        let files = self.files(path, window.of_objects());
        if files.iter().any(|(_, bytes)| is_in(bytes)) {
            return Ok(());
        }
        Err(format!("no version has that piece; {}", self.told(path, window)))
    }

    /// All names of one time, in an order that they had then or before; and what is said of one
    /// was true.
    pub(super) fn allows_listing(&self, path: &str, window: &Window, listed: &[Listed]) -> Verdict {
        let times = window.of_objects();
        let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        let is_directory = |thing: &Thing| thing.item.kind() == NodeKind::Directory;
        let mut then =
            self.states(times).filter(|state| state.thing(path).is_some_and(is_directory));
        // A source has no other way to say that a directory is gone than to list nothing.
        let gone = self.replaced(path, times)
            || self.states(times).any(|state| state.thing(path).is_none());
        let orphaned = names.is_empty() && gone;
        let is_set = |state: &State| sorted(state.names(path)) == sorted(names.clone());
        // While the same names are there each keeps its place.
        let mut ever = self.states((Duration::ZERO, times.1));
        let ordered = ever.any(|state| state.names(path) == names);
        if !(orphaned || (ordered && then.any(is_set))) {
            return Err(format!("{names:?} were never the names; {}", self.told(path, window)));
        }
        for Listed { name, kind, st_ino } in listed {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let fits = |thing: &Thing| {
                kind.is_none_or(|kind| kind == thing.item.kind())
                    && st_ino.is_none_or(|number| number == thing.number + 1)
            };
            if !self.things(&below, times).any(fits) {
                let told = self.told(&below, window);
                return Err(format!("listed {name:?} as {kind:?} {st_ino:?}; {told}"));
            }
        }
        Ok(())
    }

    pub(super) fn allows_failure(&self, path: &str, window: &Window, failure: &Failure) -> Verdict {
        let objects = window.of_objects();
        let mut absences = self.states(window.of_absences());
        let right = match failure {
            Failure::Absent => {
                absences.any(|state| state.thing(path).is_none()) || self.replaced(path, objects)
            }
            Failure::NotADirectory => {
                steps_to(path).filter(|step| *step != path).any(|step| self.was_file(step, window))
            }
            Failure::IsADirectory => {
                let kinds = self.things(path, objects).map(|thing| thing.item.kind());
                kinds.into_iter().any(|kind| kind == NodeKind::Directory)
            }
            Failure::Stale => self.changed(path, objects),
            Failure::Other(_) => false,
        };
        if right {
            return Ok(());
        }
        Err(format!("fails with {failure:?}; {}", self.told(path, window)))
    }

    /// Says what stood under a path, for who has to find out what went wrong.
    fn told(&self, path: &str, window: &Window) -> String {
        let mut told = format!("within {window:?} there were");
        for state in self.states(window.of_objects()) {
            match state.thing(path) {
                None => told.push_str(" nothing,"),
                Some(Thing { number, item: Item::Directory, .. }) => {
                    told.push_str(&format!(" directory {number} of {:?},", state.names(path)));
                }
                Some(Thing { number, item: Item::File(bytes), .. }) => {
                    let (length, head) = (bytes.len(), bytes.get(..8.min(bytes.len())));
                    told.push_str(&format!(" file {number} of {length} bytes {head:?},"));
                }
            }
        }
        told
    }
}

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}
