//! The port to whatever says what a tree holds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{
    ByteRange, Content, Made, Name, Object, ObjectKey, ProviderId, RequestId, Timestamp, VfsError,
};

/// A provider's number for an object, as its contract has it: the root is 0, and an object
/// keeps its number across calls, restarts and renames upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Inode(u64);

impl Inode {
    /// The root of every provider.
    pub const ROOT: Self = Self(0);

    /// Returns the number of a child, or `None` for the two that no child can have: 0 is the
    /// root, and `u64::MAX` has no `st_ino`.
    pub fn of_child(number: u64) -> Option<Self> {
        (number != 0 && number != u64::MAX).then_some(Self(number))
    }

    /// Returns the number as the provider gave it.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Returns the `st_ino` that programs see: one more, so that no object has 0.
    pub fn st_ino(self) -> u64 {
        // Neither constructor lets u64::MAX in.
        self.0.saturating_add(1)
    }
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// What a name was found to stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The provider's number for it.
    pub inode: Inode,
    /// What it is.
    pub kind: NodeKind,
}

/// For how long a provider lets an answer be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// As long as the user says.
    #[default]
    Inherit,
    /// So long.
    For(Duration),
    /// For ever: what it says cannot change.
    Immutable,
}

/// What a source tells of a child besides what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// How the provider names it.
    pub id: Option<ProviderId>,
    /// The exact size of a file in bytes.
    pub size: Option<u64>,
    /// Changes exactly when the bytes of a file do.
    pub version: Option<Box<str>>,
    /// The bytes of a file, which this answer has paid for.
    pub content: Option<Bytes>,
    /// Whether a file can be read in parts.
    pub ranges: bool,
    /// Whether a file grows while it is open.
    pub live: bool,
    /// When it was changed last.
    pub modified: Option<Timestamp>,
    /// For how long all this may be believed.
    pub freshness: Freshness,
    /// The URL that a person would open.
    pub source: Option<Box<str>>,
    /// Where a symbolic link leads to.
    pub target: Option<Box<str>>,
}

impl Details {
    /// Returns its size in memory, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        let texts = [&self.version, &self.source, &self.target];
        let id = self.id.as_ref().map_or(0, |id| id.as_str().len());
        let texts = texts.into_iter().flatten().map(|text| text.len()).sum::<usize>();
        (size_of::<Self>() + id + texts) as u64
    }

    /// Returns the same without the bytes of the file.
    pub(crate) fn without_content(self: Arc<Self>) -> Arc<Self> {
        if self.content.is_none() {
            return self;
        }
        let mut details = Arc::unwrap_or_clone(self);
        details.content = None;
        Arc::new(details)
    }
}

/// A child, and what the source told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The child.
    pub child: Child,
    /// Nothing where the source only says what it is.
    pub details: Option<Arc<Details>>,
}

impl Found {
    /// Returns whether it is a file that grows while it is open.
    pub(crate) fn is_live(&self) -> bool {
        let says_so = self.details.as_ref().is_some_and(|details| details.live);
        says_so && self.child.kind == NodeKind::File
    }
}

impl From<Child> for Found {
    fn from(child: Child) -> Self {
        Self { child, details: None }
    }
}

/// A page of the names of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// In the source's order and unchecked: the tree drops what cannot be a [`Name`].
    pub names: Vec<String>,
    /// What each of them stands for; empty where the source has to be asked for that.
    pub found: Vec<Found>,
    /// What to ask for the next page with; none on the last one.
    pub next: Option<String>,
    /// Said on the last page: whether every name is listed that a lookup would find.
    pub complete: bool,
}

impl Listed {
    /// The most pages of a listing.
    pub const PAGES_MAX: usize = 100_000;
}

impl From<Vec<String>> for Listed {
    /// Returns names of which nothing else is known.
    fn from(names: Vec<String>) -> Self {
        Self { names, found: Vec::new(), next: None, complete: false }
    }
}

/// What a source says, and whether that is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What it says.
    pub value: T,
    /// Why there may be more to it: something failed while the answer was made. The tree shows
    /// the value and believes it for a moment only.
    pub partial: Option<VfsError>,
    /// How it came about, if the source says so.
    pub made: Option<Arc<Made>>,
}

impl<T> From<T> for Answer<T> {
    /// Returns an answer that is all.
    fn from(value: T) -> Self {
        Self { value, partial: None, made: None }
    }
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFailure {
    /// Why.
    pub error: VfsError,
    /// Which call it was.
    pub request: RequestId,
}

/// What a bulk lookup found, in the order of the names asked for.
#[derive(Debug, Default)]
pub struct Probe {
    /// One answer a name, from the first on; shorter than the names when it stopped early.
    /// `None` is a name that lookup does not know or whose answer was an error.
    pub children: Vec<Option<Child>>,
    /// Whether more names are worth asking for: false once a lookup needed the upstream.
    pub more: bool,
}

/// What says which names exist and which bytes they hold.
///
/// A caller may ask any number of things at once; an implementer orders what it must, bounds
/// each call in time, memory and size, and never panics. An error is never an absence: `None`
/// and an empty list mean that the object really is not there, or empty. Answers are not
/// cached here; the tree does that. Dropping a future abandons its call.
pub trait Source: Send + Sync + 'static {
    /// Returns what `parent` calls `name`, or `None` when there is no such name.
    fn lookup_child<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Found>>, VfsError>>;

    /// Returns a page of the names in `directory`: the first one, or the one that `cursor`, the
    /// `next` of the page before, leads to.
    fn list_children<'a>(
        &'a self,
        directory: &'a Arc<Object>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Answer<Listed>, VfsError>>;

    /// Returns all bytes of `file`, or those of `range` where its [`Details`] allow that, fewer
    /// only at its end; `None` when it is gone.
    fn read_file<'a>(
        &'a self,
        file: &'a Arc<Object>,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, Result<Answer<Option<Content>>, VfsError>>;

    /// Looks several names of one directory up, for as long as that costs no upstream request
    /// (kinds for a listing). It may answer fewer names than asked.
    fn probe_children<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>>;

    /// Returns why a call about this path, or about a name in it, failed lately, if one did.
    /// Asks nobody.
    fn last_failure(&self, path: &str) -> Option<LastFailure> {
        let _ = path;
        None
    }

    /// Takes in that a page of the names in this path could not be used, and why: it is to be told
    /// of with the calls that failed. `made` is how it came about.
    fn refused(&self, path: &str, error: &VfsError, made: Option<&Arc<Made>>) {
        let _ = (path, error, made);
    }

    /// Says that nobody will ask about this object again.
    fn forget(&self, object: ObjectKey);
}
