//! A directory's names and their nodes.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::too_large;
use crate::digest::Digest;
use crate::tree::NEVER;
use crate::tree::ahead::Run;
use crate::tree::names::Shown;
use crate::{Name, NodeId, Object, Timestamp};

/// How many absent names a directory remembers; the kernel remembers more.
const ABSENT_MAX: usize = 256;

/// A directory and the nodes behind its names.
pub(crate) struct Directory {
    pub(crate) modified: Timestamp,
    /// Its names as last listed.
    pub(crate) shown: Option<Shown>,
    /// What the listing looks like that the kernel may have a copy of; `None` for none.
    pub(crate) kept: Option<Digest>,
    /// How its files are read.
    pub(crate) run: Run,
    /// How its directories are listed.
    pub(crate) walk: Run,
    /// How much in it was wanted while no listing in memory told what comes next.
    pub(crate) unlisted: u32,
    /// How the files of its directories are read.
    pub(crate) through: Run,
    children: HashSet<ByName>,
    absent: HashMap<Name, Duration>,
    /// Names of which a listing said that they are absent, and until when the kernel was told so.
    told_absent: HashMap<Name, Duration>,
}

/// A name that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) node: NodeId,
    /// Until when the name is fresh.
    pub(crate) until: Duration,
}

/// An object as its directory finds it: one pointer holds the name and the node's id, where a
/// directory may have a million of them.
struct ByName(Arc<Object>);

impl ByName {
    /// The root alone has no name, and is in no directory.
    fn name(&self) -> &str {
        self.0.place().map_or("", |(_, name)| name.as_str())
    }

    fn node(&self) -> NodeId {
        NodeId(self.0.key().0)
    }
}

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        self.name()
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for ByName {}

impl Directory {
    pub(crate) fn new(modified: Timestamp) -> Self {
        Self {
            modified,
            shown: None,
            kept: None,
            run: Run::default(),
            walk: Run::default(),
            unlisted: 0,
            through: Run::default(),
            children: HashSet::new(),
            absent: HashMap::new(),
            told_absent: HashMap::new(),
        }
    }

    /// Returns the node that has `name`.
    pub(crate) fn child(&self, name: &Name) -> Option<Named> {
        let child = self.children.get(name.as_str())?;
        Some(Named { node: child.node(), until: child.0.fresh_until() })
    }

    /// Returns all nodes that have a name.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.children.iter().map(ByName::node)
    }

    /// Gives an object's name to it; returns the node that had the name before.
    pub(super) fn put(&mut self, object: Arc<Object>, until: Duration) -> Option<NodeId> {
        if let Some((_, name)) = object.place() {
            self.absent.remove(name);
        }
        object.set_fresh_until(until);
        self.children.replace(ByName(object)).map(|old| old.node())
    }

    /// Takes a name away; returns the node that had it.
    pub(super) fn remove(&mut self, name: &Name) -> Option<NodeId> {
        let old = self.children.take(name.as_str())?;
        if let Some(capacity) = too_large(self.children.capacity(), self.children.len()) {
            self.children.shrink_to(capacity);
        }
        Some(old.node())
    }

    /// Lets a name that is there be fresh until `until`.
    pub(crate) fn renew(&mut self, name: &Name, until: Duration) {
        if let Some(child) = self.children.get(name.as_str()) {
            child.0.set_fresh_until(until);
        }
        self.absent.remove(name);
    }

    /// Takes the freshness of every name away, and forgets what was absent. Returns the nodes whose
    /// names had some, and the absent names.
    pub(super) fn expire(&mut self) -> (Vec<NodeId>, Vec<Name>) {
        let absent = self.absent.drain().chain(self.told_absent.drain());
        let absent = absent.map(|(name, _)| name).collect();
        let mut known = Vec::new();
        for child in &self.children {
            if child.0.fresh_until() != NEVER {
                known.push(child.node());
            }
            child.0.set_fresh_until(NEVER);
        }
        (known, absent)
    }

    /// Returns until when `name` is known to be absent.
    pub(crate) fn absent(&self, name: &Name) -> Option<Duration> {
        self.absent.get(name).copied()
    }

    /// Remembers that `name` is absent.
    pub(crate) fn set_absent(&mut self, name: Name, now: Duration, until: Duration) {
        remember(&mut self.absent, name, (now, until));
    }

    /// Remembers that the kernel is told that `name` is absent, as a listing says. Returns whether
    /// there was room for that.
    pub(crate) fn tell_absent(&mut self, name: &Name, now: Duration, until: Duration) -> bool {
        remember(&mut self.told_absent, name.clone(), (now, until))
    }
}

/// Puts an absent name to others, if there is room beside those that are absent still.
fn remember(
    absent: &mut HashMap<Name, Duration>,
    name: Name,
    (now, until): (Duration, Duration),
) -> bool {
    if absent.len() >= ABSENT_MAX {
        absent.retain(|_, until| *until > now);
    }
    let has_room = absent.len() < ABSENT_MAX || absent.contains_key(&name);
    if has_room {
        absent.insert(name, until);
    }
    has_room
}
