//! What stands where, and what stood there when: the naive tree.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::NodeKind;

use super::step::Step;
use crate::{Item, Memory};

/// An object under its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) path: String,
    pub(super) number: u64,
    pub(super) item: Item,
}

impl Thing {
    /// Returns what makes it another object when it differs.
    pub(super) fn identity(&self) -> (u64, NodeKind) {
        (self.number, self.item.kind())
    }
}

/// All objects, in the order in which listings show them, for as long as nothing changed.
#[derive(Debug, Clone)]
pub(super) struct State {
    things: Vec<Thing>,
    /// When it was the first time so, at the earliest.
    since: Duration,
    /// When it was the last time so, at the latest.
    until: Duration,
}

impl State {
    pub(super) fn thing(&self, path: &str) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.path == path)
    }

    /// Returns the names in a directory.
    pub(super) fn names(&self, directory: &str) -> Vec<&str> {
        let inside = |path: &str| !path.is_empty() && above(path) == directory;
        let inside = self.things.iter().filter(|thing| inside(&thing.path));
        inside.map(|thing| last(&thing.path)).collect()
    }
}

/// Returns the path of the directory that a path is in.
fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Every state that the source had.
pub(super) struct World {
    source: Arc<Memory>,
    states: Vec<State>,
    numbers: u64,
    versions: u64,
}

impl World {
    /// Begins with the root alone.
    pub(super) fn new(source: Arc<Memory>, now: Duration) -> Self {
        let root = Thing { path: String::new(), number: 0, item: Item::Directory };
        let first = State { things: vec![root], since: now, until: Duration::MAX };
        // Numbers beyond 32 bits, since a provider may have such.
        Self { source, states: vec![first], numbers: 1 << 40, versions: 0 }
    }

    /// Returns the states that were there at some time between these two.
    pub(super) fn states(
        &self,
        (from, to): (Duration, Duration),
    ) -> impl Iterator<Item = &State> + Clone {
        self.states.iter().filter(move |state| state.since <= to && from <= state.until)
    }

    /// Changes the source, in one step for whoever asks it.
    pub(super) fn change(&mut self, step: &Step, now: impl Fn() -> Duration) {
        let mut things = self.states.last().map(|state| state.things.clone()).unwrap_or_default();
        match step {
            Step::Write { path, length } => self.write(&mut things, path, *length),
            Step::MakeDirectory { path, same_number } => {
                self.make_directory(&mut things, path, *same_number);
            }
            Step::Remove(path) => remove(&mut things, path),
            Step::Rename { from, to } => self.rename(&mut things, from, to),
            other => panic!("{other:?} is no change"),
        }
        let since = now();
        let items = things.iter().filter(|thing| !thing.path.is_empty());
        self.source
            .become_all(items.map(|thing| (thing.path.as_str(), thing.number, thing.item.clone())));
        if let Some(before) = self.states.last_mut() {
            before.until = now();
        }
        self.states.push(State { things, since, until: Duration::MAX });
    }

    fn write(&mut self, things: &mut Vec<Thing>, path: &str, length: usize) {
        self.versions += 1;
        let version = self.versions;
        // Two versions differ from their first byte on, and places in one differ as well.
        let byte = |at: u64| (version.wrapping_mul(37) ^ at ^ (at >> 8)).to_le_bytes();
        let bytes: Bytes =
            (0..length as u64).map(|at| byte(at).first().copied().unwrap_or(0)).collect();
        let there = things.iter_mut().find(|thing| thing.path == path);
        match there {
            Some(thing) if thing.item.kind() == NodeKind::File => thing.item = Item::File(bytes),
            Some(_) | None => {
                remove(things, path);
                self.make_above(things, path);
                let number = self.number();
                things.push(Thing { path: path.to_owned(), number, item: Item::File(bytes) });
            }
        }
    }

    fn make_directory(&mut self, things: &mut Vec<Thing>, path: &str, same_number: bool) {
        let there = things.iter().position(|thing| thing.path == path);
        let there = there.and_then(|at| things.get_mut(at));
        match there {
            Some(thing) if thing.item.kind() == NodeKind::Directory => {}
            Some(thing) => {
                thing.item = Item::Directory;
                if !same_number {
                    thing.number = self.number();
                }
            }
            None => {
                self.make_above(things, path);
                let number = self.number();
                things.push(Thing { path: path.to_owned(), number, item: Item::Directory });
            }
        }
    }

    fn make_above(&mut self, things: &mut Vec<Thing>, path: &str) {
        if !above(path).is_empty() {
            self.make_directory(things, above(path), false);
        }
    }

    fn rename(&mut self, things: &mut Vec<Thing>, from: &str, to: &str) {
        let inside = from == to || is_below(to, from) || is_below(from, to);
        if inside || !things.iter().any(|thing| thing.path == from) {
            return;
        }
        remove(things, to);
        self.make_above(things, to);
        let (mut moved, mut stay) = (Vec::new(), Vec::new());
        for mut thing in std::mem::take(things) {
            if thing.path == from || is_below(&thing.path, from) {
                let rest = thing.path.strip_prefix(from).unwrap_or_default();
                thing.path = format!("{to}{rest}");
                moved.push(thing);
            } else {
                stay.push(thing);
            }
        }
        stay.extend(moved);
        *things = stay;
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

fn remove(things: &mut Vec<Thing>, path: &str) {
    things.retain(|thing| thing.path != path && !is_below(&thing.path, path));
}
