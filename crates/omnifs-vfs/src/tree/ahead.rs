//! Read-ahead: whoever reads files of a directory in turn finds the next ones read, and whoever lists
//! its directories in turn finds the next ones listed.

mod next;
mod run;

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Tree;
use super::listing::View;
use super::nodes::{Body, File, Node};
use super::stream::Extent;
use crate::sync::{Mutex, spawn};
use crate::{Entry, NodeId, NodeKind, VfsError};

use next::{Next, Turn};
pub(super) use run::Run;

/// How many files are read ahead at most, for each that may be under way at once.
const WINDOW: usize = 4;

/// The same of directories that are listed ahead: what is in them is wanted before those that come
/// after them.
const LISTED: usize = 2;

/// How many files wait at most, of all directories.
const QUEUE: usize = 1_024;

/// The largest file that is read ahead, where its size is known.
const LARGEST: u64 = 4 << 20;

/// The part of the memory that files which are read ahead may take.
const SHARE: u64 = 4;

/// The files that are to be read ahead, and the directories that are to be listed.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Held to put one in or to take one out.
    queue: Mutex<Queue>,
    running: AtomicUsize,
    /// How many outside wait for a file that has to be asked for.
    asking: AtomicUsize,
}

/// Somebody outside who waits for a file, for as long as it lives.
pub(super) struct Asking<'a> {
    count: &'a AtomicUsize,
    /// Nobody else did when it began. Who reads with many threads has many files asked for at once:
    /// others must not come before those.
    pub(super) alone: bool,
}

impl Ahead {
    /// Takes in that somebody waits for a file.
    pub(super) fn ask(&self) -> Asking<'_> {
        let alone = self.asking.fetch_add(1, Ordering::Relaxed) == 0;
        Asking { count: &self.asking, alone }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What waits to be read or listed.
#[derive(Debug, Default)]
struct Queue {
    /// What is wanted next.
    soon: VecDeque<NodeId>,
    /// Directories of a walk: what is in them is wanted after all that is read by now.
    later: VecDeque<NodeId>,
    /// What was last to come before all else. It is said again until it is there.
    first: Option<NodeId>,
}

impl Queue {
    fn extend(&mut self, next: Vec<(Turn, NodeId)>) {
        let room = QUEUE.saturating_sub(self.soon.len() + self.later.len());
        for (turn, node) in next.into_iter().take(room) {
            match turn {
                Turn::First if self.first == Some(node) => {}
                Turn::First => {
                    self.first = Some(node);
                    self.soon.push_front(node);
                }
                Turn::Soon => self.soon.push_back(node),
                Turn::Later => self.later.push_back(node),
            }
        }
    }

    fn take(&mut self) -> Option<NodeId> {
        self.soon.pop_front().or_else(|| self.later.pop_front())
    }
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
        let fit = usize::try_from(settings.memory / SHARE / size.max(1)).unwrap_or(usize::MAX);
        let window = |most: usize| u32::try_from(most.min(fit)).unwrap_or(u32::MAX);
        let (files, directories) = (settings.read_ahead * WINDOW, settings.read_ahead * LISTED);
        let Next { nodes, unlisted } =
            self.next_in_turn(node, (window(files), window(directories)));
        if let Some(directory) = unlisted {
            self.list_behind(directory);
        }
        if nodes.is_empty() {
            return;
        }
        self.ahead.queue.lock().extend(nodes);
        while self.start_reader(settings.read_ahead) {}
    }

    /// As [`Tree::read_in_turn`], for a file that is only about to be read. Returns whether it is
    /// known what comes next: nobody is to wait because somebody else is asked for that first.
    pub(super) fn read_beside(self: &Arc<Self>, node: NodeId, size: u64) -> bool {
        let is_listed = self.is_listed(node);
        if is_listed {
            self.read_in_turn(node, size);
        }
        is_listed
    }

    /// Has the first page of a directory listed, for which nobody waits.
    fn list_behind(self: &Arc<Self>, directory: NodeId) {
        let object = self.nodes.lock().get(directory).map(|node| Arc::clone(&node.object));
        let (Ok(object), Some(place)) = (object, self.place_behind()) else { return };
        let tree = Arc::clone(self);
        self.listing_calls.start(self.since_node(directory), move || async move {
            let _place = place;
            let view = tree.list_once(directory, &object, Extent::FirstPage).await?;
            if let View::Whole(listing) = &view {
                tree.await_kinds(directory, listing).await;
            }
            Ok(view)
        });
    }

    /// Starts one more reader, if there is something to read and room for one.
    fn start_reader(self: &Arc<Self>, room: usize) -> bool {
        let wanted = {
            let queue = self.ahead.queue.lock();
            queue.soon.len() + queue.later.len()
        };
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
                    *tree.ahead.queue.lock() = Queue::default();
                }
            }
            tree.ahead.running.fetch_sub(1, Ordering::AcqRel);
            // What came when this one had seen nothing more, and counted as running still.
            tree.start_reader(room);
        });
        true
    }

    fn take_wanted(&self) -> Option<NodeId> {
        self.ahead.queue.lock().take()
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
