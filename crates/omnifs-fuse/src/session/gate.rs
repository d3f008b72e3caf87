//! What is going on in each directory, so that notices neither block nor come too early.
//!
//! A notice about a name takes the directory's lock in the kernel. While a LOOKUP or READDIR
//! there is unanswered, the notice blocks, new lookups queue behind it, and a `kill -9` of
//! this process leaves that deadlocked for ever. So such notices wait here until the directory
//! is quiet. And a reader of an old listing may put it into the kernel's cache after the
//! invalidation, so that has to be repeated once the reader is done.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use omnifs_vfs::{Name, NodeId};
use parking_lot::Mutex;

/// What an unanswered request does to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// LOOKUP.
    Lookup,
    /// READDIR or READDIRPLUS.
    Listing,
    /// OPENDIR, which holds no lock.
    Opening,
}

/// A notice whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// Let this name expire.
    Expire(NodeId, Name),
    /// Invalidate this listing again.
    Relist(NodeId),
}

type Deliver = Box<dyn Fn(Due) + Send + Sync>;

/// The directories where something is going on.
pub(crate) struct Gate {
    /// Guards the map only; nothing is called with it held.
    directories: Mutex<HashMap<NodeId, Directory>>,
    deliver: Deliver,
}

#[derive(Debug, Default)]
struct Directory {
    lookups: u32,
    listings: u32,
    openings: u32,
    /// Whether the listing changed while an opening was unanswered.
    changed_in_opening: bool,
    /// Open handles, and whether their listing is an old one.
    handles: HashMap<u64, bool>,
    expire: BTreeSet<Name>,
    relist: bool,
}

impl Directory {
    fn count(&mut self, activity: Activity) -> &mut u32 {
        match activity {
            Activity::Lookup => &mut self.lookups,
            Activity::Listing => &mut self.listings,
            Activity::Opening => &mut self.openings,
        }
    }

    /// Takes what may be sent now.
    fn due(&mut self, node: NodeId) -> Vec<Due> {
        let mut due = Vec::new();
        if self.lookups + self.listings == 0 {
            let names = std::mem::take(&mut self.expire);
            due.extend(names.into_iter().map(|name| Due::Expire(node, name)));
        }
        if self.listings == 0 && std::mem::take(&mut self.relist) {
            due.push(Due::Relist(node));
        }
        due
    }

    fn is_idle(&self) -> bool {
        self.lookups + self.listings + self.openings == 0
            && self.handles.is_empty()
            && self.expire.is_empty()
            && !self.relist
    }
}

impl Gate {
    /// Returns a gate that hands what is due to `deliver`, on the thread that made it due.
    pub(crate) fn new(deliver: Deliver) -> Arc<Self> {
        Arc::new(Self { directories: Mutex::default(), deliver })
    }

    /// Counts an unanswered request until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, node: NodeId, activity: Activity) -> Busy {
        *self.directories.lock().entry(node).or_default().count(activity) += 1;
        Busy { gate: Arc::clone(self), node, activity }
    }

    /// Says that OPENDIR is about to answer `handle`; called while its guard is held.
    pub(crate) fn opened(&self, node: NodeId, handle: u64) {
        let mut directories = self.directories.lock();
        let directory = directories.entry(node).or_default();
        let old = directory.changed_in_opening;
        directory.handles.insert(handle, old);
    }

    /// Says that `handle` read its listing to the end. An old one may just have been cached.
    pub(crate) fn finished(&self, node: NodeId, handle: u64) {
        self.update(node, |directory| {
            directory.relist |= directory.handles.get(&handle).copied().unwrap_or(false);
        });
    }

    /// Says that `handle` is closed.
    pub(crate) fn closed(&self, node: NodeId, handle: u64) {
        self.update(node, |directory| {
            directory.relist |= directory.handles.remove(&handle).unwrap_or(false);
        });
    }

    /// Says that the set of names changed: who reads now reads an old listing.
    pub(crate) fn listing_changed(&self, node: NodeId) {
        self.update(node, |directory| {
            directory.handles.values_mut().for_each(|old| *old = true);
            directory.relist |= directory.listings > 0;
            directory.changed_in_opening |= directory.openings > 0;
        });
    }

    /// Returns whether `name` may be expired now; otherwise it becomes due later.
    pub(crate) fn may_expire(&self, node: NodeId, name: &Name) -> bool {
        let mut directories = self.directories.lock();
        match directories.get_mut(&node) {
            Some(directory) if directory.lookups + directory.listings > 0 => {
                directory.expire.insert(name.clone());
                false
            }
            Some(_) | None => true,
        }
    }

    /// Changes what is known of a directory and delivers what that made due.
    fn update(&self, node: NodeId, change: impl FnOnce(&mut Directory)) {
        let due = {
            let mut directories = self.directories.lock();
            let Some(directory) = directories.get_mut(&node) else { return };
            change(directory);
            let due = directory.due(node);
            if directory.is_idle() {
                directories.remove(&node);
            }
            due
        };
        due.into_iter().for_each(|due| (self.deliver)(due));
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.directories.lock().is_empty()
    }
}

/// An unanswered request in a directory. Dropped after the answer was written.
pub(crate) struct Busy {
    gate: Arc<Gate>,
    node: NodeId,
    activity: Activity,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.gate.update(self.node, |directory| {
            let count = directory.count(self.activity);
            *count = count.saturating_sub(1);
            if directory.openings == 0 {
                directory.changed_in_opening = false;
            }
        });
    }
}
