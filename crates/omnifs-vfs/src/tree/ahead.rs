//! Read-ahead: whoever reads files of a directory in turn finds the next ones read, and whoever lists
//! its directories in turn finds the next ones listed.

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::listing::View;
use super::nodes::{Body, File, Node};
use super::stream::Extent;
use super::{Fresh, Tree};
use crate::sync::{Mutex, spawn};
use crate::{Entry, Name, NodeId, NodeKind, VfsError};

/// How many files are to be read in turn before others are read ahead: one and two happen.
const IN_TURN: u32 = 3;

/// How far apart in the listing files may be that are read in turn: between them are directories,
/// and files that another thread of the same program reads.
const NEAR: u32 = 8;

/// How many files are read ahead at most, for each that may be under way at once.
const WINDOW: usize = 4;

/// How many files wait at most, of all directories.
const QUEUE: usize = 1_024;

/// The largest file that is read ahead, where its size is known.
const LARGEST: u64 = 4 << 20;

/// The part of the memory that files which are read ahead may take.
const SHARE: u64 = 4;

/// How the files of one directory are read, or its directories listed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    /// How many were read in turn.
    length: u32,
    /// The place of the last one in the listing.
    last: u32,
    /// The place up to which they were read ahead.
    reached: u32,
}

impl Run {
    /// Takes in that the file at `place` was read, and returns the places to read ahead of it, of
    /// which there may be `window`.
    fn next(&mut self, place: u32, window: u32) -> std::ops::Range<u32> {
        if self.length == 0 || place.abs_diff(self.last) > NEAR {
            *self = Self { length: 1, last: place, reached: 0 };
            return 0..0;
        }
        if place > self.last {
            self.length = self.length.saturating_add(1);
            self.last = place;
        }
        if self.length < IN_TURN {
            return 0..0;
        }
        let from = self.reached.max(self.last.saturating_add(1));
        self.reached = from.max(self.last.saturating_add(1).saturating_add(window));
        from..self.reached
    }
}

/// The files that are to be read ahead, and the directories that are to be listed.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Held to put one in or to take one out.
    queue: Mutex<VecDeque<NodeId>>,
    running: AtomicUsize,
}

impl Tree {
    /// Reads on ahead when a lookup came with the size of a file that was: nobody may ask for its
    /// attributes then.
    pub(super) fn continue_run(self: &Arc<Self>, entry: &Entry) {
        let was_ahead = match self.nodes.lock().get_mut(entry.node) {
            Ok(node) => matches!(node.body, Body::File(File::Version(_))) && take(&mut node.ahead),
            Err(_) => false,
        };
        if was_ahead {
            self.read_in_turn(entry.node, entry.attributes.size);
        }
    }

    /// Lists on ahead when a directory was opened whose listing had to be `asked` for, or was there
    /// because of that.
    pub(super) fn continue_walk(self: &Arc<Self>, (directory, asked): (NodeId, bool), weight: u64) {
        let was_ahead = match self.nodes.lock().get_mut(directory) {
            Ok(node) => take(&mut node.ahead),
            Err(_) => false,
        };
        if asked || was_ahead {
            self.read_in_turn(directory, weight);
        }
    }

    /// Takes in that somebody outside was given a file of `size` bytes which had to be read, or
    /// was read ahead, or a listing of that size, and reads ahead what may be wanted next.
    pub(super) fn read_in_turn(self: &Arc<Self>, node: NodeId, size: u64) {
        let settings = self.settings();
        if settings.read_ahead == 0 {
            return;
        }
        // As large as this one, the others have to fit.
        let fit = settings.memory / SHARE / size.max(1);
        let window = (settings.read_ahead * WINDOW).min(usize::try_from(fit).unwrap_or(usize::MAX));
        let wanted = self.next_in_turn(node, u32::try_from(window).unwrap_or(u32::MAX));
        if wanted.is_empty() {
            return;
        }
        {
            let mut queue = self.ahead.queue.lock();
            let room = QUEUE.saturating_sub(queue.len());
            queue.extend(wanted.into_iter().take(room));
        }
        while self.start_reader(settings.read_ahead) {}
    }

    /// Returns the nodes of the files, or directories, that come next in the listing and are not
    /// read.
    fn next_in_turn(&self, node: NodeId, window: u32) -> Vec<NodeId> {
        let ((kind, parent), (listing, asked), places) = {
            let mut nodes = self.nodes.lock();
            let Ok(known) = nodes.get(node) else { return Vec::new() };
            let (kind, parent) = (known.kind(), known.parent());
            let object = Arc::clone(&known.object);
            let Ok((above, _)) = nodes.directory(parent) else { return Vec::new() };
            // It is here because it holds.
            let asked = self.outdated.now();
            let listing = self.contents.lock().listing(above.path);
            let place = object.place().and_then(|(_, name)| listing.as_ref()?.names.find(name));
            let (Some(listing), Some(place)) = (listing, place) else { return Vec::new() };
            let Ok(directory) = nodes.directory_mut(parent) else { return Vec::new() };
            let run = match kind {
                NodeKind::File => &mut directory.run,
                NodeKind::Directory => &mut directory.walk,
                NodeKind::Symlink => return Vec::new(),
            };
            ((kind, parent), (listing, asked), run.next(place, window))
        };
        let unread = |place: u32| {
            let found = listing.found_at(place).filter(|found| found.child.kind == kind)?;
            // A listing does not know what a live file is by now, and nothing of it is kept.
            if found.is_live() {
                return None;
            }
            let name = Name::from_provider(listing.names.get(place)?)?;
            let fresh = Fresh { asked, ..listing.fresh_of(&found) };
            let node = self.settle((parent, &name), (&found, fresh)).ok()?;
            let mut nodes = self.nodes.lock();
            let known = nodes.get_mut(node).ok()?;
            if !self.is_unread(known) {
                return None;
            }
            known.ahead = true;
            Some(node)
        };
        places.take_while(|place| *place < listing.count()).filter_map(unread).collect()
    }

    /// Starts one more reader, if there is something to read and room for one.
    fn start_reader(self: &Arc<Self>, room: usize) -> bool {
        let wanted = self.ahead.queue.lock().len();
        let more = |running: usize| (running < room.min(wanted)).then_some(running + 1);
        let order = Ordering::AcqRel;
        if self.ahead.running.fetch_update(order, Ordering::Acquire, more).is_err() {
            return false;
        }
        let tree = Arc::clone(self);
        spawn(async move {
            while let Some(node) = tree.take_wanted() {
                if tree.read_ahead(node).await.is_err() {
                    // What fails is not tried for all that come after it.
                    tree.ahead.queue.lock().clear();
                }
            }
            tree.ahead.running.fetch_sub(1, Ordering::AcqRel);
            // What came when this one had seen nothing more, and counted as running still.
            tree.start_reader(room);
        });
        true
    }

    fn take_wanted(&self) -> Option<NodeId> {
        self.ahead.queue.lock().pop_front()
    }

    /// Returns whether a file was not read, or a directory not listed.
    fn is_unread(&self, node: &Node) -> bool {
        match node.body {
            Body::File(File::Unread) => true,
            Body::File(File::Promised(promise)) => {
                node.promised_in_parts().is_none() && promise.size <= LARGEST
            }
            Body::File(File::Version(_) | File::Live(_) | File::Gone) | Body::Link(_) => false,
            Body::Directory(_) => self.contents.lock().listing(node.path).is_none(),
        }
    }

    async fn read_ahead(self: &Arc<Self>, id: NodeId) -> Result<(), VfsError> {
        let (kind, path, object) = {
            let nodes = self.nodes.lock();
            match nodes.get(id) {
                Ok(node) if self.is_unread(node) => {
                    (node.kind(), node.path, Arc::clone(&node.object))
                }
                // Somebody was faster, or nobody wants it any more.
                Ok(_) | Err(_) => return Ok(()),
            }
        };
        let tree = Arc::clone(self);
        match kind {
            NodeKind::File => {
                self.learn_size(id, |_| ()).await?;
                let is_unread = {
                    let nodes = self.nodes.lock();
                    nodes.get(id).is_ok_and(|node| self.is_unread(node))
                };
                if is_unread && self.recall_bytes(id).await.is_none() {
                    let read = move || async move { tree.read_once(id).await };
                    self.file_calls.run(self.since_node(id), read).await?;
                }
                let nodes = self.nodes.lock();
                if nodes.get(id).is_ok_and(|node| !node.is_counted()) {
                    self.contents.lock().node_forgotten(id, path);
                }
            }
            NodeKind::Symlink => {}
            NodeKind::Directory => {
                let listing = match self.recall_listing(id).await {
                    Some(listing) => listing,
                    None => {
                        let first = Extent::FirstPage;
                        let list = move || async move { tree.list_once(id, &object, first).await };
                        match self.listing_calls.run(self.since_node(id), list).await? {
                            View::Whole(listing) => listing,
                            View::Growing(stream) => self.await_whole(&stream).await?,
                        }
                    }
                };
                self.await_kinds(id, &listing).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_read_nothing_ahead_and_the_third_does() {
        let mut run = Run::default();
        let mut next = |place| run.next(place, 4);
        assert_eq!([next(10), next(11), next(12)], [0..0, 0..0, 13..17]);
        assert_eq!([next(13), next(15)], [17..18, 18..20]);
        assert_eq!(next(14), 20..20, "another thread's, and no step back");
    }

    #[test]
    fn a_jump_begins_anew_and_the_same_file_again_is_no_turn() {
        let mut run = Run::default();
        let mut next = |place| run.next(place, 4);
        assert_eq!([next(1), next(1), next(1), next(2)], [0..0, 0..0, 0..0, 0..0]);
        assert_eq!([next(100), next(101), next(102)], [0..0, 0..0, 103..107]);
        assert_eq!(next(1), 0..0);
    }
}
