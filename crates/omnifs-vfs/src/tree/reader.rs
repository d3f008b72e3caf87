//! Going through a listing by cookies.

use std::sync::Arc;

use super::listing::{Listing, View};
use super::nodes::{Body, File, Node, Nodes};
use super::stream::{Slice, Stream};
use super::{Fresh, Tree};
use crate::{Child, Entry, Found, Lookup, Name, NodeId, NodeKind, VfsError};

/// `d_ino` where the provider's number is not known, as libfuse's `FUSE_UNKNOWN_INO`.
const UNKNOWN_INO: u64 = 0xffff_ffff;

/// How many entries are no provider's: `.` and `..`.
const DOTS: u32 = 2;

/// How many names of a listing that grows a reader takes at once: more than one answer to the kernel
/// has room for.
const SLICE: u32 = 8_192;

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Where to go on after this entry.
    pub cookie: u64,
    /// `d_ino`; 0xffffffff where the provider's is not known.
    pub st_ino: u64,
    /// What it is, when that is known.
    pub kind: Option<NodeKind>,
    /// The name; `.` and `..` are among the entries, so it is not a [`Name`].
    pub name: &'a str,
}

/// Goes through a listing from a cookie on.
///
/// A cookie is the listing's generation in the high 31 bits and the number of entries passed
/// in the low 32, so a position is never taken for one in another generation.
///
/// Of a listing whose pages still come it goes through those that are there: it ends before the
/// listing does, and the next reader goes on.
pub struct DirectoryReader {
    tree: Arc<Tree>,
    directory: NodeId,
    generation: u32,
    rows: Rows,
    /// Entries passed, with `.` and `..` as the first two.
    passed: u32,
    /// `st_ino` of the directory and of its parent.
    dots: [u64; 2],
    /// Whether files may have another `st_ino` than their own.
    renumbered: bool,
}

/// What a reader goes through.
enum Rows {
    All(Arc<Listing>),
    Some(Slice),
}

impl Rows {
    /// Returns the name at a place, and what it stands for if that is known.
    fn get(&self, place: u32) -> Option<(&str, Option<Child>)> {
        match self {
            Self::All(listing) => Some((listing.names.get(place)?, listing.child_at(place))),
            Self::Some(slice) => {
                let (name, found) = slice.get(place)?;
                Some((name, found.as_ref().map(|found| found.child)))
            }
        }
    }

    /// Returns what was told of the name at a place, and until when that is fresh.
    fn found(&self, place: u32) -> Option<(Found, Fresh)> {
        match self {
            Self::All(listing) => {
                let found = listing.found_at(place)?;
                let fresh = listing.fresh_of(&found);
                Some((found, fresh))
            }
            Self::Some(slice) => {
                let found = slice.get(place)?.1.clone()?;
                let fresh = slice.fresh.told(&found, slice.fetched);
                Some((found, fresh))
            }
        }
    }

    /// Returns until when the names are fresh.
    fn fresh(&self) -> Fresh {
        match self {
            Self::All(listing) => listing.fresh,
            Self::Some(slice) => slice.fresh,
        }
    }
}

impl Slice {
    fn get(&self, place: u32) -> Option<&(String, Option<Found>)> {
        self.entries.get(place.checked_sub(self.first)? as usize)
    }
}

impl std::fmt::Debug for DirectoryReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectoryReader").field("passed", &self.passed).finish_non_exhaustive()
    }
}

impl Tree {
    /// Returns a reader of an open directory that starts at `cookie` (0: the beginning). It has an
    /// entry unless the listing ends there. Answers from memory, unless a page has to come.
    ///
    /// # Errors
    /// [`VfsError::Stale`] for an unknown handle, or a cookie of a listing that is gone; as asking
    /// for the next page failed.
    pub async fn read_directory(
        self: &Arc<Self>,
        handle: u64,
        cookie: u64,
    ) -> Result<DirectoryReader, VfsError> {
        let mut open = self
            .handles
            .get(handle)
            .ok_or_else(|| VfsError::Stale(format!("directory handle {handle} is not open")))?;
        // Both halves fit by the mask and the shift.
        let generation = u32::try_from(cookie >> 32).unwrap_or(u32::MAX);
        let passed = u32::try_from(cookie & 0xffff_ffff).unwrap_or(u32::MAX);
        if cookie != 0 && generation != open.generation() {
            let directory = open.directory;
            open = self.handles.generation(directory, generation).ok_or_else(|| {
                VfsError::Stale("the listing changed and its old form is gone".into())
            })?;
        }
        let (directory, generation) = (open.directory, open.generation());
        let rows = match open.view {
            View::Whole(listing) => Rows::All(listing),
            View::Growing(stream) => self.rows(&stream, passed).await?,
        };
        let (dots, renumbered) = {
            let nodes = self.nodes.lock();
            (dots(&nodes, directory)?, !nodes.renumbered.is_empty())
        };
        let tree = Arc::clone(self);
        Ok(DirectoryReader { tree, directory, generation, rows, passed, dots, renumbered })
    }

    /// Returns what there is of a listing that grows, after `passed` entries.
    async fn rows(self: &Arc<Self>, stream: &Arc<Stream>, passed: u32) -> Result<Rows, VfsError> {
        let place = passed.saturating_sub(DOTS);
        // The first page is there, perhaps without a name: then `.` and `..` are to be shown.
        if passed >= DOTS {
            self.await_place(stream, place).await?;
        }
        let slice = stream.slice(place, SLICE);
        match (slice, stream.whole()) {
            (Some(slice), _) => Ok(Rows::Some(slice)),
            (None, Some(listing)) => Ok(Rows::All(listing)),
            (None, None) => Err(VfsError::Internal("a listing without a first page".to_owned())),
        }
    }
}

impl DirectoryReader {
    /// Returns the next entry without moving past it.
    pub fn peek(&self) -> Option<DirEntry<'_>> {
        let cookie = (u64::from(self.generation) << 32) | u64::from(self.passed + 1);
        let [own, parent] = self.dots;
        let dot = |name, st_ino| DirEntry { cookie, st_ino, kind: Some(NodeKind::Directory), name };
        match self.passed {
            0 => Some(dot(".", own)),
            1 => Some(dot("..", parent)),
            passed => {
                let (name, child) = self.rows.get(passed - DOTS)?;
                let st_ino = child.map_or(UNKNOWN_INO, |child| self.st_ino(child));
                Some(DirEntry { cookie, st_ino, kind: child.map(|child| child.kind), name })
            }
        }
    }

    fn st_ino(&self, child: Child) -> u64 {
        match child.kind {
            NodeKind::File if self.renumbered => {
                self.tree.nodes.lock().renumbered.st_ino(child.inode)
            }
            NodeKind::File | NodeKind::Directory | NodeKind::Symlink => child.inode.st_ino(),
        }
    }

    /// Returns what a full directory entry (readdirplus) says of the entry that [`Self::peek`]
    /// shows, when that costs nothing; adds one to the node's lookup count.
    pub fn entry(&self) -> Option<Entry> {
        let index = self.passed.checked_sub(DOTS)?;
        let name = Name::from_provider(self.rows.get(index)?.0)?;
        let (found, fresh) = self.rows.found(index)?;
        let now = self.tree.clock.monotonic();
        let until = self.tree.believed_of(self.rows.fresh(), &[found.child.inode]);
        if now >= until || !self.costs_nothing(&name, &found) {
            return None;
        }
        let (at, found) = ((self.directory, &name), (&found, fresh));
        match self.tree.found(self.directory, &name, self.tree.settle(at, found).ok()?).ok()?? {
            Lookup::Found(entry) => Some(entry),
            Lookup::Absent { .. } => None,
        }
    }

    /// Returns whether the attributes of a child are known; those of a live file never are.
    fn costs_nothing(&self, name: &Name, found: &Found) -> bool {
        if found.is_live() {
            return false;
        }
        let size = found.details.as_ref().and_then(|details| details.size);
        if found.child.kind != NodeKind::File || size.is_some() {
            return true;
        }
        let nodes = self.tree.nodes.lock();
        let Ok((above, directory)) = nodes.directory(self.directory) else { return false };
        match directory.child(name).and_then(|named| nodes.get(named.node).ok()) {
            Some(Node { body: Body::File(File::Version(version)), .. }) => {
                self.tree.clock.monotonic() < version.until.into()
            }
            Some(_) => false,
            None => self.tree.fresh_version(above.path.child(name), found.child).is_some(),
        }
    }

    /// Moves past the entry.
    pub fn advance(&mut self) {
        self.passed = self.passed.saturating_add(1);
    }
}

fn dots(nodes: &Nodes, directory: NodeId) -> Result<[u64; 2], VfsError> {
    let node = nodes.get(directory)?;
    let own = node.object.inode().st_ino();
    let parent = node.object.place().map_or(own, |(parent, _)| parent.inode().st_ino());
    Ok([own, parent])
}
