//! Live files: one node whose bytes grow while it is open, and never change.
//!
//! What the source says of such a file is asked for each time: nothing of it is kept as a version.
//! A size under a node only grows. What has fewer bytes than before, or another identity, is another
//! node with another `st_ino`; the old one goes on for as long as somebody has it open.
//!
//! The size that the kernel is told follows the one that the source has shown, so that a READ can
//! always return what a `stat` has promised.

mod end;
mod growth;
mod number;
mod part;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::flight::Flights;
use super::nodes::{Body, File};
use super::{Settings, Since, Tree, file};
use crate::{Found, NodeId, Timestamp, VfsError};

pub(crate) use number::Renumbered;
use part::Part;

/// How long the name of a live file is believed at most: whoever follows the name sees within that
/// time that it leads to another file.
pub(super) const NAME_VALID: Duration = Duration::from_secs(1);

/// How long the source's word on the size of a live file is good for, in milliseconds: all who ask
/// at once cause one call.
const HOLD: u32 = 50;

/// A file that grows. Every node has room for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Live {
    /// How many bytes the source has shown that there are.
    pub(crate) size: u64,
    /// How many of them the kernel was told of.
    pub(crate) told: u64,
    /// The number that programs see.
    pub(crate) st_ino: u64,
    pub(crate) modified: Timestamp,
    /// When the source was asked last how many there are.
    asked: Stamp,
    /// Whether a lookup tells the size.
    sized: bool,
    /// Whether a part of it can be read.
    ranges: bool,
    /// Whether the source tells the time.
    dated: bool,
    /// The source has fewer bytes than it had.
    pub(crate) truncated: bool,
}

/// A moment of the tree's clock in milliseconds, which begin anew after 49 days; 0 is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Stamp(u32);

impl Stamp {
    fn of(now: Duration) -> Self {
        Self(u32::try_from(now.as_millis() % u128::from(u32::MAX)).unwrap_or_default().max(1))
    }

    fn holds(self, now: Duration) -> bool {
        self.0 != 0 && Self::of(now).0.wrapping_sub(self.0) < HOLD
    }
}

/// What a source says of a file that grows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growing {
    size: Option<u64>,
    ranges: bool,
    modified: Option<Timestamp>,
    /// When it said so.
    seen: Timestamp,
}

impl Growing {
    /// Returns what was found, if it is a file that grows.
    pub(super) fn of(found: &Found, seen: Timestamp) -> Option<Self> {
        let details = found.details.as_deref().filter(|_| found.is_live())?;
        let (size, ranges, modified) = (details.size, details.ranges, details.modified);
        Some(Self { size, ranges, modified, seen })
    }
}

impl Live {
    /// Returns one of which nothing else is known. Its size is 0 until the source tells another:
    /// nobody who asks is shown that, as its attributes are never valid.
    pub(super) fn new(said: &Growing) -> Self {
        let size = said.size.unwrap_or(0);
        Self {
            size,
            told: size,
            st_ino: 0,
            modified: said.modified.unwrap_or(said.seen),
            asked: Stamp::default(),
            sized: said.size.is_some(),
            ranges: said.ranges,
            dated: said.modified.is_some(),
            truncated: false,
        }
    }

    /// Takes in what the source says of the file now. Returns whether its node goes on.
    pub(super) fn renew(&mut self, said: &Growing, now: Duration) -> bool {
        if self.truncated {
            return false;
        }
        (self.ranges, self.sized, self.dated) =
            (said.ranges, said.size.is_some(), said.modified.is_some());
        if let Some(modified) = said.modified {
            self.modified = modified;
        }
        if let Some(size) = said.size {
            self.asked = Stamp::of(now);
            // A smaller one is an answer that was under way while others came.
            self.grow(size, said.seen);
        }
        true
    }

    /// Takes in that there are so many bytes.
    fn grow(&mut self, size: u64, seen: Timestamp) {
        if size > self.size {
            self.size = size;
            if !self.dated {
                self.modified = seen;
            }
        }
    }

    /// Raises what is told to what there is, or to `limit` if that is less.
    fn tell(&mut self, limit: u64) {
        self.told = self.told.max(self.size.min(limit));
    }
}

/// How a file that is open is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// By way of pages that stay: its bytes do not change.
    Cached,
    /// Each read asks: it may have grown.
    Live,
}

/// The calls about live files that are under way.
pub(super) struct LiveCalls {
    growth: Arc<Flights<Since<NodeId>, ()>>,
    parts: Arc<Flights<Since<Part>, Bytes>>,
}

impl LiveCalls {
    /// Returns none, for a tree with these settings.
    pub(super) fn of(settings: &Settings) -> Self {
        Self { growth: Flights::of(settings), parts: Flights::of(settings) }
    }
}

impl Tree {
    /// Returns whether `node` is a file that grows while it is open: the kernel must not keep pages
    /// of it.
    pub fn is_live(&self, node: NodeId) -> bool {
        self.nodes.lock().get(node).is_ok_and(|node| node.live().is_some())
    }

    /// Returns how a file is read that is opened now.
    ///
    /// # Errors
    /// [`VfsError::Stale`] when nothing more is to be had of it: the name has to be looked up again.
    pub fn open_file(&self, id: NodeId) -> Result<Opened, VfsError> {
        let nodes = self.nodes.lock();
        let node = nodes.get(id)?;
        match &node.body {
            Body::File(File::Live(live)) if live.truncated => Err(file::shorter(&node.object)),
            Body::File(File::Gone) => Err(file::gone(node)),
            Body::File(File::Live(_)) => Ok(Opened::Live),
            Body::File(_) | Body::Link(_) => Ok(Opened::Cached),
            Body::Directory(_) => Err(VfsError::IsADirectory),
        }
    }

    /// Returns how many bytes of a live file the source has shown.
    pub fn live_size(&self, node: NodeId) -> Option<u64> {
        self.nodes.lock().get(node).ok()?.live().map(|live| live.size)
    }

    /// Returns a live file as it is known now.
    fn live(&self, id: NodeId) -> Result<Live, VfsError> {
        let nodes = self.nodes.lock();
        let live = nodes.get(id)?.live().copied();
        live.ok_or_else(|| VfsError::Internal(format!("node {} is no live file", id.0)))
    }
}
