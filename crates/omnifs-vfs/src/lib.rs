//! The tree of a mounted provider: names, nodes, versions, listings, freshness and cache.
//!
//! This crate stands between the kernel adapter (`omnifs-fuse`), which calls [`Tree`], and
//! whatever says what the tree holds, which implements [`Source`] (`omnifs-runtime` does, for
//! providers). It knows neither the kernel's wire format nor WebAssembly: everything here can
//! be tested in memory.

mod clock;
mod content;
mod digest;
mod disk;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod layers;
mod made;
mod name;
mod node;
mod object;
mod source;
mod sync;
mod tally;
mod tree;

pub use clock::{Clock, SystemClock, TestClock, Timestamp};
pub use content::{Blob, ByteRange, Content};
pub use disk::{Disk, DiskError, DiskStatistics, Identity, read_back};
pub use error::VfsError;
pub use layers::{Layer, Question};
pub use made::{AnsweredBy, Exchange, Made, RequestId};
pub use name::Name;
pub use node::{Attributes, Entry, Lookup, NodeId};
pub use object::{Object, ObjectKey, ProviderId};
pub use source::{
    Answer, Child, Details, Found, Freshness, Inode, LastFailure, Listed, NodeKind, Probe, Source,
};
pub use tally::{Calls, Tally};
pub use tree::{
    Caching, Change, DirEntry, DirectoryHandle, DirectoryReader, Facts, Opened, Settings,
    Statistics, Tree,
};
