//! Listings: immutable generations of a directory's names.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::digest::Digest;
use super::nodes::Body;
use super::{Change, Fresh, NEVER, Tree};
use crate::{Child, Inode, Name, NodeId, NodeKind, Object, VfsError};

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

/// One generation of a directory's names, in the provider's order. Names lie in one text, so
/// that a million of them are one allocation and not a million.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Tells this listing's cookies from those of any other.
    pub(crate) generation: u32,
    pub(crate) fresh: Fresh,
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<u32>,
    /// Indexes in the order of names, for lookup by name.
    sorted: Vec<u32>,
    /// What the names stand for, as far as probing came: the child's inode with its kind in
    /// `directories`; 0 is not known (no child has it).
    inodes: Vec<AtomicU64>,
    directories: Vec<AtomicBool>,
    /// Whether there may be more names: the kernel is to ask again each time.
    partial: bool,
    probing: AtomicBool,
    /// The digest of all that a reader sees of it, set once the kinds are as well known as they
    /// will be.
    face: OnceLock<Digest>,
    probed: Notify,
}

impl Listing {
    /// Builds a listing; returns it with the number of names that could not be in it.
    ///
    /// # Errors
    /// [`VfsError::ListingTooLarge`] over 4 GiB of names.
    fn new(raw: &[String], generation: u32, fresh: Fresh) -> Result<(Self, u64), VfsError> {
        let names: Vec<&str> =
            raw.iter().map(String::as_str).filter(|raw| Name::is_valid(raw)).collect();
        let too_large =
            |_| VfsError::ListingTooLarge { names: names.len() as u64, limit: u64::from(u32::MAX) };
        let mut order: Vec<usize> = (0..names.len()).collect();
        // Stable, so that of a name that stands twice the first is the first here, too.
        order.sort_by_key(|index| names.get(*index));
        let mut doubled = vec![false; names.len()];
        for pair in order.windows(2) {
            if let [first, second] = pair
                && names.get(*first) == names.get(*second)
                && let Some(doubled) = doubled.get_mut(*second)
            {
                *doubled = true;
            }
        }
        let mut listing = Self {
            generation,
            fresh,
            text: String::with_capacity(names.iter().map(|name| name.len()).sum()),
            ends: Vec::with_capacity(names.len()),
            sorted: Vec::new(),
            inodes: Vec::new(),
            directories: Vec::new(),
            partial: false,
            probing: AtomicBool::new(false),
            face: OnceLock::new(),
            probed: Notify::new(),
        };
        for (name, _) in names.iter().zip(&doubled).filter(|(_, doubled)| !**doubled) {
            listing.text.push_str(name);
            listing.ends.push(u32::try_from(listing.text.len()).map_err(too_large)?);
        }
        let count = u32::try_from(listing.ends.len()).map_err(too_large)?;
        let mut sorted: Vec<u32> = (0..count).collect();
        sorted.sort_by_key(|index| listing.name(*index));
        listing.sorted = sorted;
        listing.inodes.resize_with(listing.ends.len(), AtomicU64::default);
        listing.directories.resize_with(listing.ends.len(), AtomicBool::default);
        if listing.ends.is_empty() {
            listing.settle();
        }
        let dropped = raw.len() - listing.ends.len();
        Ok((listing, dropped as u64))
    }

    /// Returns the name at `index`.
    pub(crate) fn name(&self, index: u32) -> Option<&str> {
        let index = index as usize;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start as usize..*self.ends.get(index)? as usize)
    }

    /// Returns what the name at `index` stands for, if that is known.
    pub(crate) fn child_at(&self, index: u32) -> Option<Child> {
        let inode = Inode::of_child(self.inodes.get(index as usize)?.load(Ordering::Acquire))?;
        let directory = self.directories.get(index as usize)?.load(Ordering::Relaxed);
        let kind = if directory { NodeKind::Directory } else { NodeKind::File };
        Some(Child { inode, kind })
    }

    /// Returns what `name` stands for, if it is listed and that is known.
    pub(crate) fn child(&self, name: &Name) -> Option<Child> {
        let found = self.sorted.binary_search_by_key(&Some(name.as_str()), |i| self.name(*i));
        self.child_at(*self.sorted.get(found.ok()?)?)
    }

    fn set_child(&self, index: usize, child: Child) {
        if let (Some(inode), Some(directory)) =
            (self.inodes.get(index), self.directories.get(index))
        {
            directory.store(child.kind == NodeKind::Directory, Ordering::Relaxed);
            inode.store(child.inode.number(), Ordering::Release);
        }
    }

    /// Returns a digest of the set of names.
    fn digest(&self) -> Digest {
        self.digest_of(self.sorted.iter().copied())
    }

    /// Returns a digest of the names in the provider's order.
    fn digest_in_order(&self) -> Digest {
        self.digest_of((0..).take(self.ends.len()))
    }

    /// Says that no more will be known of what the names stand for.
    fn settle(&self) {
        let mut face = String::with_capacity(self.text.len() + self.ends.len() * 16);
        for index in (0..).take(self.ends.len()) {
            face.push_str(self.name(index).unwrap_or_default());
            // No name has a slash.
            if let Some(Child { inode, kind }) = self.child_at(index) {
                let _ = write!(face, "/{}{kind:?}", inode.number());
            }
            face.push('/');
        }
        // Somebody else's digest would be the same.
        let _ = self.face.set(Digest::of(face.as_bytes()));
    }

    fn digest_of(&self, order: impl Iterator<Item = u32>) -> Digest {
        let mut names = String::with_capacity(self.text.len() + self.ends.len());
        for name in order.filter_map(|index| self.name(index)) {
            names.push_str(name);
            names.push('/');
        }
        Digest::of(names.as_bytes())
    }

    /// Returns its size in memory, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        // End, sorted index, inode and kind of each name.
        (self.text.len() + self.ends.len() * (4 + 4 + 8 + 1)) as u64
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
    pub(crate) listing: Arc<Listing>,
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
        let of =
            |open: &&Open| open.directory == directory && open.listing.generation == generation;
        open.values().find(of).cloned()
    }

    /// Returns a number for a new listing, 31 bits, so that a cookie stays below 2^63.
    fn new_generation(&self) -> u32 {
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
        let (object, path) = {
            let nodes = self.nodes.lock();
            let (node, _) = nodes.directory(directory)?;
            (Arc::clone(&node.object), node.path)
        };
        let now = self.clock.monotonic();
        let cached = self.contents.lock().listing(path);
        let stale = self.settings().stale_while_revalidate;
        let stale_until = |until: Duration| until + stale;
        let (listing, is_fresh) = match cached {
            Some(listing) if now < listing.fresh.until => (listing, true),
            Some(listing) if now < stale_until(listing.fresh.until) => {
                let tree = Arc::clone(self);
                self.listing_calls
                    .start(directory, move || async move { tree.list(directory, &object).await });
                (listing, false)
            }
            _ => {
                let tree = Arc::clone(self);
                let call = move || async move { tree.list(directory, &object).await };
                (self.listing_calls.run(directory, call).await?, true)
            }
        };
        self.await_kinds(directory, &listing).await;
        // The kernel would keep "kind unknown" of a name with the rest of the listing.
        let face = listing.face.get().copied().filter(|_| is_fresh && !listing.partial);
        let caching = self.show(directory, face);
        let id = self.handles.insert(Open { directory, listing });
        Ok(DirectoryHandle { id, caching })
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

    /// Asks the source for the names of a directory and settles them.
    async fn list(&self, id: NodeId, object: &Arc<Object>) -> Result<Arc<Listing>, VfsError> {
        let asked = self.current();
        let answer = asked.source.list_children(object).await?;
        let fresh = self.fresh_from(&asked, &answer);
        let raw = &answer.value;
        let (mut listing, dropped) = Listing::new(raw, self.handles.new_generation(), fresh)?;
        listing.partial = answer.partial.is_some();
        if dropped > 0 {
            self.dropped_names.fetch_add(dropped, Ordering::Relaxed);
            let (provider, path) = (&asked.settings.provider, object.path());
            tracing::warn!(%provider, %path, dropped, "listed names that cannot be names, or twice");
        }
        let (digest, order) = (listing.digest(), listing.digest_in_order());
        let mut nodes = self.nodes.lock();
        if let Ok(node) = nodes.get_mut(id)
            && let Body::Directory(directory) = &mut node.body
        {
            let changed = directory.names.replace(digest).is_some_and(|before| before != digest);
            // The kernel may hold a part of its copy alone, and goes on with that one's cookies.
            match directory.shown {
                Some((same, generation)) if same == order => listing.generation = generation,
                _ => directory.shown = Some((order, listing.generation)),
            }
            if changed {
                directory.modified = self.clock.calendar();
            }
            let listing = Arc::new(listing);
            if self.believed(fresh) != NEVER {
                self.contents.lock().put_listing(node.path, Arc::clone(&listing));
            }
            drop(nodes);
            if changed {
                self.announce(Change::Listing(id));
            }
            return Ok(listing);
        }
        Ok(Arc::new(listing))
    }

    /// Starts to find out what the names of a listing stand for, if nobody has yet, and waits
    /// a moment for it.
    async fn await_kinds(self: &Arc<Self>, directory: NodeId, listing: &Arc<Listing>) {
        let mut probed = std::pin::pin!(listing.probed.notified());
        if listing.probing.swap(true, Ordering::AcqRel) {
            return;
        }
        // Registered before the task starts, so that its end is not missed.
        probed.as_mut().enable();
        let (tree, probe) = (Arc::clone(self), Arc::clone(listing));
        tokio::spawn(async move {
            tree.probe(directory, &probe).await;
            probe.settle();
            probe.probed.notify_waiters();
        });
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
        while done < listing.ends.len() {
            let names: Vec<Name> = (done..listing.ends.len())
                .take(PROBE_BATCH)
                .filter_map(|index| listing.name(u32::try_from(index).ok()?))
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

    fn listing(names: &[&str]) -> (Listing, u64) {
        let raw: Vec<String> = names.iter().map(ToString::to_string).collect();
        Listing::new(&raw, 1, Fresh { until: Duration::ZERO, source: 0 }).unwrap()
    }

    #[test]
    fn keeps_order_and_the_first_of_two() {
        let (listing, dropped) = listing(&["b", "a/b", "a", "", "b", "c"]);
        let names: Vec<_> = (0..3).filter_map(|i| listing.name(i)).collect();
        assert_eq!((names.as_slice(), dropped), (["b", "a", "c"].as_slice(), 3));
    }

    #[test]
    fn finds_children_by_name_once_they_are_known() {
        let (listing, _) = listing(&["zeta", "alpha"]);
        let name = Name::from_provider("zeta").unwrap();
        assert_eq!(listing.child(&name), None);
        let child = Child { inode: Inode::of_child(7).unwrap(), kind: NodeKind::Directory };
        listing.set_child(0, child);
        assert_eq!(listing.child(&name), Some(child));
        assert_eq!(listing.child(&Name::from_provider("alpha").unwrap()), None);
        assert_eq!(listing.child(&Name::from_provider("beta").unwrap()), None);
    }

    #[test]
    fn a_set_of_names_has_one_digest_in_any_order() {
        assert_eq!(listing(&["a", "b"]).0.digest(), listing(&["b", "a"]).0.digest());
        assert_ne!(listing(&["a", "b"]).0.digest(), listing(&["ab"]).0.digest());
    }
}
