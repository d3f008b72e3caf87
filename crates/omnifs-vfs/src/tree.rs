//! The tree: what the kernel adapter calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{Attributes, Clock, Entry, Lookup, Name, NodeId, NodeKind, Source, VfsError};

/// How a tree caches.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long an answer is fresh.
    pub ttl: Duration,
    /// How long an absence is fresh.
    pub negative: Duration,
    /// How long past its freshness an answer may be served while a new one is fetched.
    pub stale_while_revalidate: Duration,
    /// Bytes of file contents to keep in memory.
    pub memory: u64,
}

/// Something that the kernel may hold and that is no longer so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The set of names in this directory changed.
    Listing(NodeId),
    /// `name` in `parent` now has other bytes, or is another object, than node `old`.
    Version {
        /// The directory.
        parent: NodeId,
        /// The name in it.
        name: Name,
        /// What the kernel may still have under that name.
        old: NodeId,
    },
}

/// Counts of one tree, for `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Nodes that the kernel knows.
    pub nodes: u64,
    /// Bytes of file contents in memory.
    pub memory: u64,
}

/// An open directory: a listing that does not change under its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryHandle {
    /// The number to read and release it by.
    pub id: u64,
    /// Whether the kernel may keep and reuse this listing.
    pub cacheable: bool,
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Where to go on after this entry.
    pub cookie: u64,
    /// `d_ino`; a made-up number where the provider's is not known.
    pub st_ino: u64,
    /// What it is, when that is known.
    pub kind: Option<NodeKind>,
    /// The name; `.` and `..` are among the entries, so it is not a [`Name`].
    pub name: Arc<str>,
}

/// Goes through a listing from a cookie on.
#[derive(Debug)]
pub struct DirectoryReader {}

impl DirectoryReader {
    /// Returns the next entry without moving past it.
    pub fn peek(&self) -> Option<DirEntry> {
        None
    }

    /// Returns what a full directory entry (readdirplus) says of the entry that [`Self::peek`]
    /// shows, when that costs nothing; adds one to the node's lookup count.
    pub fn entry(&self) -> Option<Entry> {
        None
    }

    /// Moves past the entry.
    pub fn advance(&mut self) {}
}

/// The tree of one mounted provider.
#[derive(Debug)]
pub struct Tree {}

impl Tree {
    /// Returns a tree over `source`. Calls that outlive their caller run on the tokio runtime
    /// that the operations are called on.
    pub fn new(_source: Arc<dyn Source>, _clock: Arc<dyn Clock>, _settings: Settings) -> Arc<Self> {
        Arc::new(Self {})
    }

    /// Returns the changes that the kernel must be told of; the receiver of the last call gets them.
    pub fn changes(&self) -> mpsc::UnboundedReceiver<Change> {
        mpsc::unbounded_channel().1
    }

    /// Looks `name` up in `parent`.
    ///
    /// # Errors
    /// As the provider's call failed; [`VfsError::NotADirectory`], [`VfsError::TooDeep`],
    /// [`VfsError::Stale`] for a parent that the tree does not know.
    pub async fn lookup(
        self: &Arc<Self>,
        _parent: NodeId,
        _name: &Name,
    ) -> Result<Lookup, VfsError> {
        Err(VfsError::NotFound)
    }

    /// Returns the exact attributes of `node`, reading the file when its size is not known yet.
    ///
    /// # Errors
    /// As the read failed; [`VfsError::Stale`] for a node that the tree does not know.
    pub async fn attributes(self: &Arc<Self>, _node: NodeId) -> Result<Attributes, VfsError> {
        Err(VfsError::NotFound)
    }

    /// Returns up to `length` bytes of `file` from `offset` on; fewer only at the end.
    ///
    /// # Errors
    /// As the read failed; [`VfsError::IsADirectory`]; [`VfsError::Stale`] when the version
    /// that the node stands for is gone.
    pub async fn read(
        self: &Arc<Self>,
        _file: NodeId,
        _offset: u64,
        _length: u32,
    ) -> Result<Bytes, VfsError> {
        Err(VfsError::NotFound)
    }

    /// Opens a directory, fetching its listing when there is no fresh one.
    ///
    /// # Errors
    /// As the listing failed; [`VfsError::NotADirectory`]; [`VfsError::Stale`].
    pub async fn open_directory(
        self: &Arc<Self>,
        _directory: NodeId,
    ) -> Result<DirectoryHandle, VfsError> {
        Err(VfsError::NotFound)
    }

    /// Returns a reader of an open directory that starts at `cookie` (0: the beginning).
    /// Answers from memory.
    ///
    /// # Errors
    /// [`VfsError::Stale`] for an unknown handle or a cookie of a listing that is gone.
    pub fn read_directory(
        self: &Arc<Self>,
        _handle: u64,
        _cookie: u64,
    ) -> Result<DirectoryReader, VfsError> {
        Err(VfsError::NotFound)
    }

    /// Closes an open directory.
    pub fn release_directory(&self, _handle: u64) {}

    /// Takes `count` lookups of `node` back; at zero its memory is freed.
    pub fn forget(&self, _node: NodeId, _count: u64) {}

    /// Returns the current counts.
    pub fn statistics(&self) -> Statistics {
        Statistics::default()
    }
}
