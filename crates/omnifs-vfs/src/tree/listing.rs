//! Listings: immutable generations of a directory's names.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::names::{Names, Shown};
use super::nodes::{Body, Node};
use super::stream::{Extent, Stream};
use super::{Fresh, NEVER, Tree};
use crate::digest::Digest;
use crate::layers::Asked;
use crate::{
    Child, Details, Found, Inode, Layer, Made, Name, NodeId, NodeKind, Object, Question, Tally,
    Timestamp, VfsError,
};

/// How long the kinds of names may hold up a listing that is there.
const PROBE_WAIT: Duration = Duration::from_millis(5);

/// How many names are probed in one go.
const PROBE_BATCH: usize = 256;

/// An open directory: a listing that does not change under its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryHandle {
    /// The number to read and release it by.
    pub id: u64,
    /// What the kernel may do with copies of listings.
    pub caching: Caching,
}

/// What the kernel may do with its copy of a directory's listing, and with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Drop the copy that it may have, and keep none: this listing is stale, or says too little.
    Nothing,
    /// Drop the copy that it may have, and keep this one: the two may differ. A notice of the
    /// change is under way, and may come after the answer that this handle is in.
    Anew,
    /// Use the copy that it may have: it looks as this one does.
    Keep,
}

/// One generation of a directory's names, and what they stand for.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Tells this listing's cookies from those of another order or set of names.
    pub(crate) generation: u32,
    pub(crate) fresh: Fresh,
    /// When it was fetched, on the tree's monotonic clock.
    pub(crate) fetched: Duration,
    pub(crate) names: Arc<Names>,
    /// What the names stand for, as far as probing came: the child's inode with its kind in
    /// `directories`; 0 is not known (no child has it).
    inodes: Vec<AtomicU64>,
    kinds: Vec<AtomicU8>,
    /// What the source told of them besides, without contents.
    details: OnceLock<Told>,
    /// Whether what is not listed is not there.
    complete: bool,
    /// Whether there may be more names: the kernel is to ask again each time.
    partial: bool,
    /// How it came about.
    pub(crate) made: Option<Arc<Made>>,
    probing: AtomicBool,
    /// The digest of all that a reader sees of it, set once the kinds are as well known as they
    /// will be.
    face: OnceLock<Digest>,
    probed: Notify,
}

/// What a source told of names with their listing.
#[derive(Debug)]
struct Told {
    /// In the order of the names.
    all: Vec<Option<Arc<Details>>>,
    /// What they take in memory, in bytes: counted once, as each opening asks for it.
    weight: u64,
}

impl Told {
    fn new(all: Vec<Option<Arc<Details>>>) -> Self {
        // Each has a place in the list, and two counts beside it.
        let apart = (size_of::<Option<Arc<Details>>>() * all.len()) as u64;
        let each = |details: &Arc<Details>| details.weight() + 2 * size_of::<usize>() as u64;
        let weight = apart + all.iter().flatten().map(each).sum::<u64>();
        Self { all, weight }
    }
}

/// What a reader of a directory goes through.
#[derive(Debug, Clone)]
pub(crate) enum View {
    /// All names.
    Whole(Arc<Listing>),
    /// The pages that came, and those that will.
    Growing(Arc<Stream>),
}

impl View {
    /// Returns what its cookies begin with.
    fn generation(&self) -> u32 {
        match self {
            Self::Whole(listing) => listing.generation,
            Self::Growing(stream) => stream.generation(),
        }
    }

    /// Returns its size in memory, in bytes.
    fn weight(&self) -> u64 {
        match self {
            Self::Whole(listing) => listing.weight(),
            Self::Growing(stream) => stream.weight(),
        }
    }
}

/// How a listing came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) fresh: Fresh,
    /// When, on the tree's monotonic clock.
    pub(crate) fetched: Duration,
    pub(crate) partial: bool,
    /// Whether every name is listed that a lookup would find.
    pub(crate) complete: bool,
    pub(crate) made: Option<Arc<Made>>,
}

/// A kind in a byte, as [`Listing`] keeps it.
const KINDS: [NodeKind; 3] = [NodeKind::File, NodeKind::Directory, NodeKind::Symlink];

impl Listing {
    fn new(names: Arc<Names>, generation: u32, came: Came) -> Self {
        let Came { fresh, fetched, partial, complete, made } = came;
        let listing = Self {
            generation,
            fresh,
            fetched,
            inodes: std::iter::repeat_with(AtomicU64::default).take(names.len()).collect(),
            kinds: std::iter::repeat_with(AtomicU8::default).take(names.len()).collect(),
            details: OnceLock::new(),
            complete: complete && !partial,
            partial,
            made,
            probing: AtomicBool::new(false),
            face: OnceLock::new(),
            probed: Notify::new(),
            names,
        };
        if listing.names.len() == 0 {
            listing.settle();
        }
        listing
    }

    /// Returns the listing of these names, with what was told of them if anything was.
    pub(super) fn of(
        names: Arc<Names>,
        (generation, came): (u32, Came),
        children: Vec<Option<Found>>,
        tells: bool,
    ) -> Self {
        let listing = Self::new(names, generation, came);
        if tells {
            let mut details = Vec::with_capacity(children.len());
            for (index, found) in children.into_iter().enumerate() {
                if let Some(found) = &found {
                    listing.set_child(index, found.child);
                }
                details.push(found.and_then(|found| found.details));
            }
            let _first = listing.details.set(Told::new(details));
            listing.settle_known();
        }
        listing
    }

    /// Returns how many names there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// Returns whether there may be more names.
    pub(crate) fn is_partial(&self) -> bool {
        self.partial
    }

    /// Returns what the name at `index` stands for, if that is known.
    pub(crate) fn child_at(&self, index: u32) -> Option<Child> {
        let inode = Inode::of_child(self.inodes.get(index as usize)?.load(Ordering::Acquire))?;
        let kind = self.kinds.get(index as usize)?.load(Ordering::Relaxed);
        Some(Child { inode, kind: *KINDS.get(usize::from(kind))? })
    }

    /// Returns what the name at `index` stands for and what was told of that.
    pub(crate) fn found_at(&self, index: u32) -> Option<Found> {
        let child = self.child_at(index)?;
        let details = self.details.get().and_then(|told| told.all.get(index as usize)?.clone());
        Some(Found { child, details })
    }

    /// Returns what `name` stands for and what was told of that, if it is listed and that is known.
    pub(crate) fn found(&self, name: &Name) -> Option<Found> {
        self.found_at(self.names.find(name)?)
    }

    /// Returns until when what the listing says of a child is fresh.
    pub(crate) fn fresh_of(&self, found: &Found) -> Fresh {
        self.fresh.told(found, self.fetched)
    }

    /// Returns whether a name is not listed that would be if it were there.
    pub(crate) fn excludes(&self, name: &Name) -> bool {
        self.complete && self.names.find(name).is_none()
    }

    /// Returns the numbers of what the names stand for, as far as they are known.
    pub(super) fn objects(&self) -> impl Iterator<Item = Inode> {
        self.inodes.iter().filter_map(|inode| Inode::of_child(inode.load(Ordering::Acquire)))
    }

    pub(crate) fn has_details(&self) -> bool {
        self.details.get().is_some()
    }

    /// Returns what `name` stands for, if it is listed and that is known.
    pub(crate) fn child(&self, name: &Name) -> Option<Child> {
        self.child_at(self.names.find(name)?)
    }

    pub(crate) fn set_child(&self, index: usize, child: Child) {
        let kind = KINDS.iter().position(|kind| *kind == child.kind);
        let kind = kind.and_then(|kind| u8::try_from(kind).ok()).unwrap_or_default();
        if let (Some(inode), Some(known)) = (self.inodes.get(index), self.kinds.get(index)) {
            known.store(kind, Ordering::Relaxed);
            inode.store(child.inode.number(), Ordering::Release);
        }
    }

    /// Says that no more will be known of what the names stand for.
    fn settle(&self) {
        let mut face = String::with_capacity(self.names.weight() + self.names.len() * 16);
        for index in (0..).take(self.names.len()) {
            face.push_str(self.names.get(index).unwrap_or_default());
            // No name has a slash.
            if let Some(Child { inode, kind }) = self.child_at(index) {
                let _ = write!(face, "/{}{kind:?}", inode.number());
            }
            face.push('/');
        }
        // Somebody else's digest would be the same.
        let _ = self.face.set(Digest::of(face.as_bytes()));
    }

    /// Says that what all names stand for is known, so that nobody need find out.
    pub(crate) fn settle_known(&self) {
        self.probing.store(true, Ordering::Release);
        self.settle();
    }

    /// Returns its size in memory, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        // Inode and kind of each name.
        let made = self.made.as_ref().map_or(0, |made| made.weight());
        let details = self.details.get().map_or(0, |told| told.weight);
        (self.names.weight() + self.names.len() * (8 + 1)) as u64 + made + details
    }
}

/// The open directories.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    next: AtomicU64,
    generations: AtomicU64,
    /// Guards the table only.
    open: Mutex<HashMap<u64, Open>>,
}

/// What a reader of a directory holds on to.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) directory: NodeId,
    pub(crate) view: View,
}

impl Open {
    /// Returns what cookies of it begin with.
    pub(crate) fn generation(&self) -> u32 {
        self.view.generation()
    }
}

impl Handles {
    fn insert(&self, open: Open) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.open.lock().insert(id, open);
        id
    }

    pub(crate) fn get(&self, id: u64) -> Option<Open> {
        self.open.lock().get(&id).cloned()
    }

    /// Returns a listing of `directory` with this generation that some reader still has open:
    /// readers share the kernel's copy, so one may go on with a cookie of another's.
    pub(crate) fn generation(&self, directory: NodeId, generation: u32) -> Option<Open> {
        let open = self.open.lock();
        let of = |open: &&Open| open.directory == directory && open.generation() == generation;
        open.values().find(of).cloned()
    }

    /// Returns a number for a new listing, 31 bits, so that a cookie stays below 2^63.
    pub(super) fn new_generation(&self) -> u32 {
        let number = self.generations.fetch_add(1, Ordering::Relaxed);
        u32::try_from(number % (1 << 31)).unwrap_or_default()
    }
}

impl Tree {
    /// Opens a directory, fetching its listing when there is no fresh one.
    ///
    /// # Errors
    /// As the listing failed; [`VfsError::NotADirectory`]; [`VfsError::Stale`].
    pub async fn open_directory(
        self: &Arc<Self>,
        directory: NodeId,
    ) -> Result<DirectoryHandle, VfsError> {
        let mut question = self.layers.ask(Question::List);
        let (object, path) = {
            let nodes = self.nodes.lock();
            let (node, _) = nodes.directory(directory)?;
            (Arc::clone(&node.object), node.path)
        };
        let now = self.clock.monotonic();
        let cached = self.contents.lock().listing(path);
        let cached = match cached {
            Some(listing) => Some(listing),
            None => {
                let kept = self.recall_listing(directory).await;
                kept.inspect(|_| question.reach(Layer::Disk))
            }
        };
        let mut asked = false;
        let (view, is_fresh) = match cached {
            Some(listing) if now < listing.fresh.until => (View::Whole(listing), true),
            Some(listing) if self.serves_stale(listing.fresh.until, now) => {
                if let Some(place) = self.place_behind() {
                    let tree = Arc::clone(self);
                    self.listing_calls.start(self.since_node(directory), move || async move {
                        let _place = place;
                        tree.list(directory, &object, Extent::All).await
                    });
                }
                (View::Whole(listing), false)
            }
            old => {
                let call = ((directory, &object), old);
                let (view, is_fresh) = self.view_anew(call, &mut question).await?;
                asked = is_fresh;
                (view, is_fresh)
            }
        };
        self.continue_walk((directory, asked), view.weight());
        // What the kernel's copy of names looks like that are still to come nobody knows.
        let mut face = None;
        if let View::Whole(listing) = &view {
            self.await_kinds(directory, listing).await;
            // The kernel would keep "kind unknown" of a name with the rest of the listing.
            face = listing.face.get().copied().filter(|_| is_fresh && !listing.partial);
        }
        let caching = self.show(directory, face);
        let id = self.handles.insert(Open { directory, view });
        Ok(DirectoryHandle { id, caching })
    }

    /// Returns what there is to read of a directory whose listing is to be asked for: its first
    /// page, and all of it where an old one is there that may be served if one of the others fails.
    /// Returns as well whether it is fresh.
    async fn view_anew(
        self: &Arc<Self>,
        ((directory, object), old): ((NodeId, &Arc<Object>), Option<Arc<Listing>>),
        question: &mut Asked<'_>,
    ) -> Result<(View, bool), VfsError> {
        if let Some(stream) = self.stream(directory) {
            return Ok((View::Growing(stream), true));
        }
        let now = self.clock.monotonic();
        let has_old = old.as_ref().is_some_and(|old| self.outlives_failure(old.fresh.until, now));
        let extent = if has_old { Extent::All } else { Extent::FirstPage };
        let (tree, object) = (Arc::clone(self), Arc::clone(object));
        question.reach(Layer::Joined);
        let call = || {
            question.reach(Layer::Source);
            async move { tree.list_once(directory, &object, extent).await }
        };
        match self.listing_calls.run(self.since_node(directory), call).await {
            Ok(view) => Ok((view, true)),
            Err(error) => {
                let despite = self.listing_despite(&error, directory, old).await;
                Ok((View::Whole(despite.ok_or(error)?), false))
            }
        }
    }

    /// Records what the kernel's copy of a listing will look like; `None` when it may keep none.
    fn show(&self, directory: NodeId, face: Option<Digest>) -> Caching {
        let mut nodes = self.nodes.lock();
        let Ok(directory) = nodes.directory_mut(directory) else { return Caching::Nothing };
        let before = std::mem::replace(&mut directory.kept, face);
        match face {
            None => Caching::Nothing,
            Some(_) if before == face => Caching::Keep,
            Some(_) => Caching::Anew,
        }
    }

    /// Closes an open directory.
    pub fn release_directory(&self, handle: u64) {
        self.handles.open.lock().remove(&handle);
    }

    /// Asks the source for the names of a directory unless somebody has since they were wanted.
    pub(super) async fn list_once(
        self: &Arc<Self>,
        id: NodeId,
        object: &Arc<Object>,
        extent: Extent,
    ) -> Result<View, VfsError> {
        let path = self.nodes.lock().directory(id)?.0.path;
        let listed = self.contents.lock().listing(path);
        match listed.filter(|listing| self.clock.monotonic() < listing.fresh.until) {
            Some(listing) => Ok(View::Whole(listing)),
            None => self.list(id, object, extent).await,
        }
    }

    /// Takes in a listing that was kept of a directory, as one that came now is, unless there is
    /// one in memory.
    pub(super) fn settle_recalled(
        &self,
        (id, modified): (NodeId, Timestamp),
        names: Arc<Names>,
        came: Came,
    ) -> Option<Arc<Listing>> {
        let found = Shown::new(&names, self.handles.new_generation());
        let mut nodes = self.nodes.lock();
        let Node { path, body: Body::Directory(directory), .. } = nodes.get_mut(id).ok()? else {
            return None;
        };
        if self.believed(came.fresh) == NEVER || self.contents.lock().listing(*path).is_some() {
            return None;
        }
        let before = directory.shown.as_ref();
        if before.is_none() {
            directory.modified = modified;
        } else if before.is_some_and(|before| !before.is_same_set(&found)) {
            // Newer than this one was listed since.
            return None;
        }
        let (shown, names) = found.after(before, names);
        let listing = Arc::new(Listing::new(names, shown.generation(), came));
        directory.shown = Some(shown);
        Some(listing)
    }

    /// Starts to find out what the names of a listing stand for, if nobody has yet, and waits
    /// a moment for it.
    pub(super) async fn await_kinds(self: &Arc<Self>, directory: NodeId, listing: &Arc<Listing>) {
        let mut probed = std::pin::pin!(listing.probed.notified());
        // Registered before anybody looks, so that the end is not missed.
        probed.as_mut().enable();
        if listing.probing.swap(true, Ordering::AcqRel) {
            // Somebody else's task, one that read ahead perhaps.
            if listing.face.get().is_none() {
                let _ = tokio::time::timeout(PROBE_WAIT, probed).await;
            }
            return;
        }
        let (tree, probe) = (Arc::clone(self), Arc::clone(listing));
        let find_out = async move {
            tree.probe(directory, &probe).await;
            probe.settle();
            probe.probed.notify_waiters();
            tree.keep_listing(directory, &probe);
        };
        match Tally::current() {
            Some(tally) => tokio::spawn(tally.scope(find_out)),
            None => tokio::spawn(find_out),
        };
        // What is not known by then is listed without a kind, which is never wrong.
        let _ = tokio::time::timeout(PROBE_WAIT, probed).await;
    }

    async fn probe(&self, directory: NodeId, listing: &Listing) {
        let Ok(object) = self.nodes.lock().directory(directory).map(|(n, _)| Arc::clone(&n.object))
        else {
            return;
        };
        let source = self.current().source;
        let mut done = 0;
        while done < listing.names.len() {
            let names: Vec<Name> = (done..listing.names.len())
                .take(PROBE_BATCH)
                .filter_map(|index| listing.names.get(u32::try_from(index).ok()?))
                .filter_map(Name::from_provider)
                .collect();
            let Ok(probe) = source.probe_children(&object, &names).await else { return };
            if probe.children.is_empty() {
                return;
            }
            for (offset, child) in probe.children.iter().enumerate() {
                if let Some(child) = child {
                    listing.set_child(done + offset, *child);
                }
            }
            done += probe.children.len();
            if !probe.more {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_children_by_name_once_they_are_known() {
        let (names, _) = Names::new(&["zeta", "alpha"]).unwrap();
        let fresh = Fresh { until: Duration::ZERO, generation: 0, asked: 0 };
        let (partial, complete) = (false, false);
        let came = Came { fresh, fetched: Duration::ZERO, partial, complete, made: None };
        let listing = Listing::new(Arc::new(names), 1, came);
        let name = Name::from_provider("zeta").unwrap();
        assert_eq!(listing.child(&name), None);
        let child = Child { inode: Inode::of_child(7).unwrap(), kind: NodeKind::Directory };
        listing.set_child(0, child);
        assert_eq!(listing.child(&name), Some(child));
        assert_eq!(listing.child(&Name::from_provider("alpha").unwrap()), None);
        assert_eq!(listing.child(&Name::from_provider("beta").unwrap()), None);
    }
}
