//! What the tree tells the kernel adapter about a node.

use std::time::Duration;

use crate::{NodeKind, Timestamp};

/// The kernel's handle for a node: 1 is the root, all others are allocated from 2 up and never
/// reused. A file's id stands for one version of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The root, `FUSE_ROOT_ID` of `linux/fuse.h`.
    pub const ROOT: Self = Self(1);
}

/// What `stat` shows of a node, and for how long the kernel may believe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// `st_ino`.
    pub st_ino: u64,
    /// File or directory.
    pub kind: NodeKind,
    /// Size in bytes, 0 for a directory; exact, unless this is part of an [`Entry`] and `valid`
    /// is zero.
    pub size: u64,
    /// `st_mtim` and `st_ctim`.
    pub modified: Timestamp,
    /// How long these may be cached; zero means that every `stat` has to ask again first.
    pub valid: Duration,
}

/// A name that was found. Handing one out adds one to the node's lookup count, which
/// [`crate::Tree::forget`] takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The node behind the name.
    pub node: NodeId,
    /// Its attributes.
    pub attributes: Attributes,
    /// How long the name may be cached.
    pub valid: Duration,
}

/// The answer to a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The name exists.
    Found(Entry),
    /// The name does not exist, for as long as `valid` says.
    Absent {
        /// How long the absence may be cached.
        valid: Duration,
    },
}
