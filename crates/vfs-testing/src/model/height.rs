//! The tree as the model uses it, whatever lies between.

use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::NodeKind;

/// What `stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `st_ino`.
    pub st_ino: u64,
    /// File or directory.
    pub kind: NodeKind,
    /// `st_size`.
    pub size: u64,
    /// `st_mtim`, since 1970.
    pub modified: Duration,
}

/// One name of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// What it is, when the listing knows that.
    pub kind: Option<NodeKind>,
    /// `d_ino`, when the listing knows it.
    pub st_ino: Option<u64>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// ENOENT.
    Absent,
    /// ENOTDIR.
    NotADirectory,
    /// EISDIR.
    IsADirectory,
    /// ESTALE.
    Stale,
    /// Anything else, which is always wrong.
    Other(String),
}

/// How old an answer may be, on the clock of [`Height::now`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// One that found something.
    pub found: Duration,
    /// An absence.
    pub absent: Duration,
    /// Nothing from before this time is believed, however fresh it was.
    pub since: Duration,
}

impl Bounds {
    /// Returns the time after which no answer may be from before.
    pub fn longest(&self) -> Duration {
        self.found.max(self.absent)
    }
}

/// A way to a tree over a [`Memory`](crate::Memory). Paths start at the root, which is empty,
/// and have no slash in front.
pub trait Height {
    /// Returns the time.
    fn now(&self) -> Duration;

    /// Lets time pass.
    fn wait(&mut self, time: Duration);

    /// Returns the time that waits are parts of: enough for most of what was cached to end.
    fn pace(&self) -> Duration;

    /// Returns how old an answer may be that was given just now.
    fn bounds(&self) -> Bounds;

    /// Looks a path up and asks for its attributes.
    ///
    /// # Errors
    /// As the tree fails.
    fn stat(&mut self, path: &str) -> Result<Stat, Failure>;

    /// Opens a file, reads from it until `length` bytes or the end, and closes it.
    ///
    /// # Errors
    /// As the tree fails.
    fn read(&mut self, path: &str, offset: u64, length: u32) -> Result<Bytes, Failure>;

    /// Lists a directory, without its two dots.
    ///
    /// # Errors
    /// As the tree fails.
    fn list(&mut self, path: &str) -> Result<Vec<Listed>, Failure>;

    /// Opens a file and keeps it open.
    ///
    /// # Errors
    /// As the tree fails.
    fn open(&mut self, path: &str) -> Result<u64, Failure>;

    /// Asks for the attributes of an open file.
    ///
    /// # Errors
    /// As the tree fails.
    fn stat_open(&mut self, handle: u64) -> Result<Stat, Failure>;

    /// Reads from an open file until `length` bytes or the end.
    ///
    /// # Errors
    /// As the tree fails.
    fn read_open(&mut self, handle: u64, offset: u64, length: u32) -> Result<Bytes, Failure>;

    /// Closes a file.
    fn close(&mut self, handle: u64);

    /// Forgets nodes that are not open: all of them for 0, for other numbers some may stay.
    fn forget(&mut self, which: usize);

    /// Puts another source with the same tree in the place of this one.
    fn reload(&mut self);
}
