//! What comes next: further in the same directory, and in those that follow it.

use std::ops::Range;
use std::sync::Arc;

use super::run::{IN_TURN, NEAR};
use crate::tree::listing::Listing;
use crate::tree::nodes::Nodes;
use crate::tree::{Fresh, Tree};
use crate::{Name, NodeId, NodeKind};

/// How many directories are to be read through in turn before those that follow are read ahead, and
/// not only listed.
const THROUGH: u32 = 2;

/// When it is the turn of something to be read or listed ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before all else: without it nobody knows what comes after the rest.
    First,
    /// After what is wanted before it.
    Soon,
    /// When there is nothing else to do.
    Later,
}

/// What comes next for whoever goes through a tree.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// What to read, or to list.
    pub(super) nodes: Vec<(Turn, NodeId)>,
    /// A directory that has to be listed before anybody knows what comes next.
    pub(super) unlisted: Option<NodeId>,
}

/// Where to look for what comes next.
struct Course {
    /// After which batch of what is outdated the listings were looked at.
    asked: u64,
    stretches: Vec<Stretch>,
    unlisted: Option<NodeId>,
}

/// A part of a listing in which files are to be read ahead, or directories listed.
struct Stretch {
    directory: NodeId,
    listing: Arc<Listing>,
    kind: NodeKind,
    places: Range<u32>,
    turn: Turn,
}

impl Tree {
    /// Returns the nodes that come after `node` for whoever goes through the tree, and that are not
    /// read or listed: of files and of directories no more than their windows have.
    pub(super) fn next_in_turn(&self, node: NodeId, windows: (u32, u32)) -> Next {
        let course = {
            let mut nodes = self.nodes.lock();
            let asked = self.outdated.now();
            let mut course = Course { asked, stretches: Vec::new(), unlisted: None };
            self.plot(&mut nodes, (node, windows), &mut course);
            course
        };
        let unread = |stretch: &Stretch| {
            let turn = stretch.turn;
            self.unread_in(stretch, course.asked).into_iter().map(move |node| (turn, node))
        };
        let nodes = course.stretches.iter().flat_map(unread).collect();
        Next { nodes, unlisted: course.unlisted }
    }

    /// Returns whether a listing in memory tells what comes after `node`.
    pub(super) fn is_listed(&self, node: NodeId) -> bool {
        self.place(&self.nodes.lock(), node).is_some()
    }

    /// Returns `None` where nothing comes next, or nobody knows what does.
    fn plot(
        &self,
        nodes: &mut Nodes,
        (node, (files, directories)): (NodeId, (u32, u32)),
        course: &mut Course,
    ) -> Option<()> {
        let (kind, directory) = {
            let known = nodes.get(node).ok()?;
            (known.kind(), known.parent())
        };
        let place = self.place(nodes, node);
        let known = nodes.directory_mut(directory).ok()?;
        known.unlisted = if place.is_some() { 0 } else { known.unlisted.saturating_add(1) };
        // Asked for once: it may not be there to be had.
        course.unlisted = (known.unlisted == IN_TURN).then_some(directory);
        let (listing, place) = place?;
        let goes_on = kind == NodeKind::File && self.goes_on(nodes, (directory, place));
        let known = nodes.directory_mut(directory).ok()?;
        let (run, window) = match kind {
            NodeKind::File => (&mut known.run, files),
            NodeKind::Directory => (&mut known.walk, directories),
            NodeKind::Symlink => return None,
        };
        if goes_on {
            // All that is before it counts as read.
            run.go_on(0);
        }
        let places = run.next(place, window);
        let (steady, beyond) = (run.is_steady(), run.beyond(listing.count()));
        let turn = if kind == NodeKind::File { Turn::Soon } else { Turn::Later };
        course.stretches.push(Stretch { directory, listing, kind, places, turn });
        if kind == NodeKind::File && steady {
            self.read_on(nodes, (directory, beyond), course)?;
        }
        Some(())
    }

    /// Returns the listing in memory that has `node`, and where.
    fn place(&self, nodes: &Nodes, node: NodeId) -> Option<(Arc<Listing>, u32)> {
        let node = nodes.get(node).ok()?;
        let (_, name) = node.object.place()?;
        let (above, _) = nodes.directory(node.parent()).ok()?;
        let listing = self.contents.lock().listing(above.path)?;
        let place = listing.names.find(name)?;
        Some((listing, place))
    }

    /// Returns whether whoever reads the first file of a directory has just read others through, of
    /// which it is the next.
    fn goes_on(&self, nodes: &Nodes, (directory, place): (NodeId, u32)) -> bool {
        let goes_on = || {
            let (_, known) = nodes.directory(directory).ok()?;
            let is_first = known.run.is_new() && place < NEAR;
            let (siblings, place) = is_first.then(|| self.place(nodes, directory))??;
            let (_, above) = nodes.directory(nodes.get(directory).ok()?.parent()).ok()?;
            let between = above.through.last()?.saturating_add(1)..place;
            let is_next = between.len() < NEAR as usize && place >= between.start;
            Some(is_next && !between.into_iter().any(|place| is_directory(&siblings, place)))
        };
        goes_on().unwrap_or(false)
    }

    /// Takes in that the files of `directory` are read in turn, and adds what is to be read ahead of
    /// the directories behind it: `beyond` places, once several were read like this.
    fn read_on(
        &self,
        nodes: &mut Nodes,
        (directory, mut beyond): (NodeId, u32),
        course: &mut Course,
    ) -> Option<()> {
        let above = nodes.get(directory).ok()?.parent();
        let place = self.place(nodes, directory);
        let known = nodes.directory_mut(above).ok()?;
        if place.is_none() && beyond > 0 && directory != above && known.unlisted < IN_TURN {
            (known.unlisted, course.unlisted) = (IN_TURN, Some(above));
        }
        let (siblings, place) = place?;
        known.through.next(place, 0);
        let reads_through = known.through.length() >= THROUGH;
        if beyond == 0 {
            return None;
        }
        let behind = (place.saturating_add(1)..siblings.count()).take(NEAR as usize);
        for place in behind.filter(|place| is_directory(&siblings, *place)) {
            let name = Name::from_provider(siblings.names.get(place)?)?;
            let next = nodes.directory(above).ok()?.1.child(&name).map(|named| named.node);
            let known = next.and_then(|next| Some((next, nodes.get(next).ok()?)));
            let listing = known.and_then(|(_, node)| self.contents.lock().listing(node.path));
            let (Some((next, _)), Some(listing)) = (known, listing) else {
                let (kind, places) = (NodeKind::Directory, place..place + 1);
                let listing = Arc::clone(&siblings);
                let (directory, turn) = (above, Turn::First);
                let next = Stretch { directory, listing, kind, places, turn };
                course.stretches.push(next);
                break;
            };
            // The listing of one more has to be there when its turn comes.
            if !reads_through || beyond == 0 {
                break;
            }
            let count = listing.count();
            let run = &mut nodes.directory_mut(next).ok()?.run;
            let (kind, places) = (NodeKind::File, run.go_on(beyond.min(count)));
            let (directory, turn) = (next, Turn::Soon);
            course.stretches.push(Stretch { directory, listing, kind, places, turn });
            beyond = beyond.saturating_sub(count);
        }
        Some(())
    }

    /// Returns the nodes of a stretch that are not read, or not listed.
    fn unread_in(&self, stretch: &Stretch, asked: u64) -> Vec<NodeId> {
        let Stretch { directory, listing, kind, places, .. } = stretch;
        let unread = |place: u32| {
            let found = listing.found_at(place).filter(|found| found.child.kind == *kind)?;
            // A listing does not know what a live file is by now, and nothing of it is kept.
            if found.is_live() {
                return None;
            }
            let name = Name::from_provider(listing.names.get(place)?)?;
            // It is here because it holds.
            let fresh = Fresh { asked, ..listing.fresh_of(&found) };
            let node = self.settle((*directory, &name), (&found, fresh)).ok()?;
            let mut nodes = self.nodes.lock();
            let known = nodes.get_mut(node).ok()?;
            if !self.is_unread(known) {
                return None;
            }
            known.ahead = true;
            Some(node)
        };
        let places = places.clone().take_while(|place| *place < listing.count());
        places.filter_map(unread).collect()
    }
}

fn is_directory(listing: &Listing, place: u32) -> bool {
    listing.child_at(place).is_some_and(|child| child.kind == NodeKind::Directory)
}
