//! What handlers return: listings, entries and files.

use crate::http::Blob;
use crate::projection::{Content, Datetime, FileFacts, Freshness, Node, NodeKind};

/// The names of a directory, as a handler gives them.
///
/// ```
/// use omnifs_provider::router::{Entry, Listing};
///
/// let listing: Listing = ["one", "two"].into_iter().map(Entry::dir).collect();
/// assert!(listing.is_complete());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub(super) entries: Vec<Entry>,
    pub(super) partial: bool,
    pub(super) next: Option<String>,
}

impl Listing {
    /// Returns the same names as a page, of a handler that takes a [`Cursor`](super::Cursor): the
    /// next one is what this leads to. The last page says none.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "`next(2)` reads better than `next(&2)`")]
    pub fn next(self, cursor: impl ToString) -> Self {
        Self { next: Some(cursor.to_string()), ..self }
    }

    /// Returns the same names as some of those that there are: a name that is not among them may
    /// be looked up all the same.
    #[must_use]
    pub fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// Returns whether these are all names.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.partial
    }
}

impl FromIterator<Entry> for Listing {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect(), partial: false, next: None }
    }
}

impl From<Vec<Entry>> for Listing {
    fn from(entries: Vec<Entry>) -> Self {
        entries.into_iter().collect()
    }
}

/// A name in a directory, and what is known of what it stands for.
///
/// A name goes through [`escape_name`](crate::escape_name): what cannot be in a file's name is
/// there all the same, and reads well.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(super) name: String,
    /// What identifies it in its directory, if that is not the name.
    pub(super) key: Option<String>,
    pub(super) kind: Kind,
    pub(super) modified: Option<Datetime>,
    pub(super) freshness: Freshness,
    pub(super) source: Option<String>,
    /// Whether it is read as a whole, whatever its handler can do.
    pub(super) whole: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Directory,
    File(FileFacts),
    Link(String),
}

impl Entry {
    fn new(name: impl AsRef<str>, kind: Kind) -> Self {
        Self {
            name: crate::escape_name(name.as_ref()),
            key: None,
            kind,
            modified: None,
            freshness: Freshness::Inherit,
            source: None,
            whole: false,
        }
    }

    /// Returns a directory.
    #[must_use]
    pub fn dir(name: impl AsRef<str>) -> Self {
        Self::new(name, Kind::Directory)
    }

    /// Returns a file; what is known of it is added by the other methods.
    #[must_use]
    pub fn file(name: impl AsRef<str>) -> Self {
        let none =
            FileFacts { size: None, version: None, content: None, ranges: false, live: false };
        Self::new(name, Kind::File(none))
    }

    /// Returns a file with this text, which ends with a line's end.
    #[must_use]
    pub fn text(name: impl AsRef<str>, text: impl Into<String>) -> Self {
        Self::file(name).content(ended(text.into()))
    }

    /// Returns a symbolic link to a relative path that stays inside of the mount.
    #[must_use]
    pub fn link(name: impl AsRef<str>, target: impl Into<String>) -> Self {
        Self::new(name, Kind::Link(target.into()))
    }

    /// Says what identifies it when it is renamed: the upstream's own number or key. Handlers of
    /// what is below get it in place of the name.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "`key(7)` reads better than `key(&7)`")]
    pub fn key(self, key: impl ToString) -> Self {
        Self { key: Some(key.to_string()), ..self }
    }

    /// Says its exact size in bytes.
    #[must_use]
    pub fn size(self, size: u64) -> Self {
        self.with_facts(|facts| facts.size = Some(size))
    }

    /// Says what changes exactly when the bytes do.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        self.with_facts(|facts| facts.version = Some(version.into()))
    }

    /// Gives the bytes, which the listing has paid for already.
    #[must_use]
    pub fn content(self, content: impl Into<Vec<u8>>) -> Self {
        self.with_facts(|facts| facts.content = Some(content.into()))
    }

    /// Says that it grows while it is open, as a log does: its bytes never change, and there are
    /// more of them over time.
    ///
    /// It needs a [`key`](Self::key) that stays when it is renamed and is another one for what takes
    /// its name then, a handler that takes a [`Range`](super::Range), and its [`size`](Self::size)
    /// if that costs little. `live: true` in [`needs!`](crate::needs!) declares that there are such
    /// files; without it they are ordinary ones.
    #[must_use]
    pub fn live(self) -> Self {
        self.with_facts(|facts| facts.live = true)
    }

    /// Says that it is read as a whole, though its handler takes a [`Range`](super::Range): where the
    /// upstream does not answer for parts of it.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Says whether its handler answers for parts, as the route knows.
    pub(super) fn ranges(self, ranges: bool) -> Self {
        self.with_facts(|facts| facts.ranges = ranges)
    }

    fn with_facts(mut self, change: impl FnOnce(&mut FileFacts)) -> Self {
        if let Kind::File(facts) = &mut self.kind {
            change(facts);
        }
        self
    }

    /// Says when it was changed last, in seconds since 1970.
    #[must_use]
    pub fn modified(self, seconds: i64) -> Self {
        Self { modified: Some(Datetime { seconds, nanoseconds: 0 }), ..self }
    }

    /// Says for how long all this may be believed.
    #[must_use]
    pub fn fresh(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }

    /// Says which URL a person would open.
    #[must_use]
    pub fn source(self, url: impl Into<String>) -> Self {
        Self { source: Some(url.into()), ..self }
    }

    pub(super) fn node(self, id: String) -> Node {
        let kind = match self.kind {
            Kind::Directory => NodeKind::Directory,
            Kind::File(facts) => NodeKind::File(facts),
            Kind::Link(target) => NodeKind::Symlink(target),
        };
        let Self { modified, freshness, source, .. } = self;
        Node { id, kind, modified, freshness, source }
    }
}

/// The bytes of a file, as a handler gives them: from a text, which ends with a line's end then,
/// from bytes as they are, or from a body that the host downloads, which does not go through the
/// provider and may be of any size.
///
/// ```no_run
/// use omnifs_provider::http;
/// use omnifs_provider::router::File;
/// use omnifs_provider::Error;
///
/// fn image(name: String) -> Result<File, Error> {
///     let url = http::get("https://example.com").segment(&name);
///     Ok(url.download()?.error_for_status()?.into())
/// }
/// ```
#[derive(Debug)]
pub struct File {
    pub(super) content: Content,
}

impl File {
    /// Returns a file with this text, which ends with a line's end unless it is empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        ended(text.into()).into()
    }
}

/// Returns a text with a line's end, unless it is empty.
fn ended(mut text: String) -> Vec<u8> {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.into_bytes()
}

impl From<Blob> for File {
    fn from(blob: Blob) -> Self {
        Self { content: Content::Blob(blob) }
    }
}

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        Self { content: Content::Bytes(bytes) }
    }
}

impl From<&[u8]> for File {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<String> for File {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for File {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}
