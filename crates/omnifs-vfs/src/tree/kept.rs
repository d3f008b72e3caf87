//! What outlives memory and the process: what the source said goes to the disk, and comes back
//! when memory does not know it any more.
//!
//! What comes back is put where the answer of the source would be, with the freshness that it
//! has left. So whatever holds of an old answer in memory holds of one from the disk.

mod form;
mod part;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::contents::Body as Cached;
use super::listing::{Came, Listing};
use super::names::Names;
use super::nodes::{Body, File, Promise};
use super::{Current, Fresh, NEVER, Settings, Tree};
use crate::digest::{Digest, PathKey};
use crate::disk::{Disk, Key, Kind};
use crate::{Content, Found, Inode, Name, NodeId, NodeKind, Object};
use form::{Dated, KeptFile, KeptListing, KeptName, Times, decode, encode};
pub(super) use part::VersionKey;

/// From this size on a listing is taken apart off the threads that answer requests.
const DECODE_ASIDE: usize = 256 << 10;

/// What is kept of a name, or of a file, and the freshness that is left of it.
struct Recalled<T> {
    value: T,
    fetched: Duration,
    until: Duration,
}

/// Which bytes a node wants.
#[derive(Debug, Clone, Copy)]
enum Own {
    /// Whichever there are.
    Any,
    /// Those that were promised.
    Promised(Promise),
    /// These.
    Version(Digest),
}

impl Own {
    /// Returns whether what is kept is that.
    fn is(&self, kept: &Cached) -> bool {
        match self {
            Self::Any => true,
            Self::Promised(promise) => kept.told.is_some() && kept.told == promise.told(),
            Self::Version(digest) => kept.digest == *digest,
        }
    }
}

impl Tree {
    /// Writes down what a name stands for.
    pub(super) fn keep_name(
        &self,
        asked: &Current,
        (parent, name): (NodeId, &Name),
        found: &Found,
    ) {
        // What a source tells of a child is not written down: without it the child is less.
        let Settings { disk, outdates, .. } = &*asked.settings;
        if disk.is_none() || *outdates || found.details.is_some() {
            return;
        }
        let Ok(path) = self.nodes.lock().directory(parent).map(|(above, _)| above.path.child(name))
        else {
            return;
        };
        let now = self.clock.monotonic();
        let times = self.times(now, now + asked.settings.ttl);
        let value = KeptName::new(found.child);
        self.put(asked, Key::at(Kind::Name, path), &Dated { times, value });
    }

    /// Writes down what was read of a file.
    pub(super) fn keep_bytes(&self, asked: &Current, path: PathKey, read: &Cached) {
        // What a version tells apart needs nobody who says that it is outdated.
        let keeps = read.until != NEVER && (read.told.is_some() || !asked.settings.outdates);
        let Some(disk) = asked.settings.disk.as_ref().filter(|_| keeps) else { return };
        // A body that lies in a file of its own is not put in another one.
        let Content::Bytes(bytes) = &read.content else { return };
        disk.put_content(read.digest, bytes.clone());
        let times = self.times(read.fetched, read.until);
        let value = KeptFile {
            inode: read.inode.number(),
            digest: read.digest.to_bytes(),
            modified: read.modified,
            made: read.made.as_deref().cloned(),
            told: read.told.map(Digest::to_bytes),
        };
        self.put(asked, Key::at(Kind::File, path), &Dated { times, value });
    }

    /// Writes a listing down, with what is known of its names.
    pub(super) fn keep_listing(&self, directory: NodeId, listing: &Listing) {
        let current = self.current();
        let of_now = current.generation == listing.fresh.generation;
        if current.settings.disk.is_none()
            || current.settings.outdates
            || listing.is_partial()
            || listing.has_details()
            || !of_now
        {
            return;
        }
        let Ok((path, modified)) =
            self.nodes.lock().directory(directory).map(|(node, known)| (node.path, known.modified))
        else {
            return;
        };
        let count = listing.count();
        let mut names = String::with_capacity(listing.names.weight());
        let (mut inodes, mut directories) = (Vec::with_capacity(count as usize), Vec::new());
        for place in 0..count {
            names.push_str(listing.names.get(place).unwrap_or_default());
            names.push('/');
            let child = listing.child_at(place);
            inodes.push(child.map_or(0, |child| child.inode.number()));
            if child.is_some_and(|child| child.kind == NodeKind::Directory) {
                directories.push(place);
            }
        }
        let times = self.times(listing.fetched, listing.fresh.until);
        let made = listing.made.as_deref().cloned();
        let value = KeptListing { modified, names, inodes, directories, made };
        self.put(&current, Key::at(Kind::Listing, path), &Dated { times, value });
    }

    /// Has a record written of what was asked for in this generation.
    fn put<T: Serialize>(&self, asked: &Current, key: Key, record: &Dated<T>) {
        let Some(disk) = asked.settings.disk.as_ref() else { return };
        put(disk, key, record);
        // Afterwards, so that a generation that ends meanwhile finds it there or is found here.
        if self.generation() != asked.generation {
            disk.remove(key);
        }
    }

    /// Keeps nothing of a name that is gone.
    pub(super) fn let_go(&self, asked: &Current, path: PathKey) {
        let Some(disk) = &asked.settings.disk else { return };
        for kind in [Kind::Name, Kind::File, Kind::Listing] {
            disk.remove(Key::at(kind, path));
        }
    }

    /// Believes nothing any more that is kept of a path from the root and of what is below it.
    /// Returns whether anything is kept of the path itself.
    pub(super) fn expire_kept(&self, path: &str) -> bool {
        let Some(disk) = self.settings().disk.clone() else { return false };
        let mut at = PathKey::ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Some(name) = Name::from_provider(name) else { return false };
            at = at.child(&name);
        }
        disk.expire(at);
        [Kind::Name, Kind::File, Kind::Listing].iter().any(|kind| disk.has(Key::at(*kind, at)))
    }

    /// Gives `name` the node of what is kept of it, if that may be served and nothing newer is
    /// known. Returns whether it did.
    pub(super) async fn recall_name(self: &Arc<Self>, parent: NodeId, name: &Name) -> bool {
        let current = self.current();
        let Some(disk) = &current.settings.disk else { return false };
        let (above, path) = {
            let nodes = self.nodes.lock();
            let Ok((node, directory)) = nodes.directory(parent) else { return false };
            if directory.child(name).is_some() || directory.absent(name).is_some() {
                return false;
            }
            (Arc::clone(&node.object), node.path)
        };
        let key = Key::at(Kind::Name, path.child(name));
        let way = || way(&above).into_iter().chain([path.child(name)]).collect();
        let kept = self.recall(disk, key, way).await;
        let kept =
            kept.and_then(|kept: Recalled<KeptName>| Some((kept.value.child()?, kept.until)));
        let found = match kept {
            Some(found) => Some(found),
            None => {
                let listed = self.contents.lock().listing(path);
                let listed = match listed {
                    Some(listing) => Some(listing),
                    None => self.recall_listing(parent).await,
                };
                // What a live file is by now no listing knows.
                let listed = listed
                    .filter(|listing| listing.found(name).is_none_or(|found| !found.is_live()));
                listed.and_then(|listing| Some((listing.child(name)?, listing.fresh.until)))
            }
        };
        let Some((child, until)) = found.filter(|(_, until)| self.is_servable(*until)) else {
            return false;
        };
        let fresh = Fresh { until, generation: current.generation, asked: current.asked };
        self.settle((parent, name), (&child.into(), fresh)).is_ok()
    }

    /// Returns the bytes that are kept of the version that `node` stands for; one that was not read
    /// yet gets the version that is kept, if that may be served.
    pub(super) async fn recall_bytes(self: &Arc<Self>, id: NodeId) -> Option<Content> {
        let settings = self.settings();
        let disk = settings.disk.clone()?;
        let (object, path, own) = {
            let nodes = self.nodes.lock();
            let node = nodes.get(id).ok()?;
            let own = match node.body {
                Body::File(File::Unread) if settings.outdates => return None,
                Body::File(File::Unread) => Own::Any,
                Body::File(File::Promised(promise)) => Own::Promised(promise),
                Body::File(File::Version(version)) => Own::Version(version.digest),
                Body::File(File::Live(_) | File::Gone) | Body::Directory(_) | Body::Link(_) => {
                    return None;
                }
            };
            (Arc::clone(&node.object), node.path, own)
        };
        let kept = self.recall_file(&disk, &object, path).await;
        let kept = kept.filter(|kept| own.is(kept));
        let digest = match (own, &kept) {
            (Own::Version(digest), _) => digest,
            (Own::Promised(_), Some(kept)) => kept.digest,
            (Own::Any, Some(kept)) if self.is_servable(kept.until) => kept.digest,
            (Own::Any | Own::Promised(_), _) => return None,
        };
        let (_, bytes) = disk.read(Key::content(digest)).await?;
        let (content, size) = (Content::Bytes(bytes.clone()), bytes.len() as u64);
        let kept = kept.map(|kept| Cached { content: content.clone(), size, ..kept });
        let mut nodes = self.nodes.lock();
        let node = nodes.get_mut(id).ok()?;
        let Body::File(file) = node.body else { return None };
        let mut contents = self.contents.lock();
        match (file, kept) {
            (File::Unread, Some(read)) => {
                let is_stale = read.until <= self.clock.monotonic();
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read);
                drop((contents, nodes));
                if is_stale {
                    self.read_behind(&object, id);
                }
            }
            (File::Promised(promise), Some(kept)) if promise.size == size => {
                let (modified, until) = (promise.modified, promise.until.into());
                let read = Cached { modified, until, ..kept };
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read);
            }
            (File::Version(own), kept) if own.digest == digest => match kept {
                Some(kept) if contents.body(path).is_none() => contents.put_body(path, id, kept),
                Some(_) | None => contents.put_old(id, bytes),
            },
            // Somebody was faster, with something else.
            (
                File::Unread | File::Promised(_) | File::Version(_) | File::Live(_) | File::Gone,
                _,
            ) => return None,
        }
        Some(content)
    }

    /// Reads a file again of which the kernel was told the name, which it believes for longer than
    /// the bytes are fresh.
    fn read_behind(self: &Arc<Self>, object: &Arc<Object>, id: NodeId) {
        match self.place_behind() {
            Some(place) => {
                let tree = Arc::clone(self);
                self.file_calls.start(self.since_node(id), move || async move {
                    let _place = place;
                    tree.read_again(id).await
                });
            }
            None => self.expire_soon(object, id),
        }
    }

    /// Returns what is kept of a file, without its bytes, whether it may be served or not.
    pub(super) async fn recall_file(
        &self,
        disk: &Disk,
        object: &Arc<Object>,
        path: PathKey,
    ) -> Option<Cached> {
        let kept = self.recall(disk, Key::at(Kind::File, path), || way(object)).await;
        let Recalled { value, fetched, until } = kept?;
        let KeptFile { inode, digest, modified, made, told } = value;
        let inode = Inode::of_child(inode).filter(|inode| *inode == object.inode())?;
        let (digest, partial) = (Digest::from_bytes(digest), false);
        let (content, size) = (Content::Bytes(Bytes::new()), 0);
        let (made, told) = (made.map(Arc::new), told.map(Digest::from_bytes));
        Some(Cached { inode, digest, content, size, modified, until, fetched, told, partial, made })
    }

    /// Puts the listing that is kept of a directory in memory and returns it, if it may be served.
    pub(super) async fn recall_listing(&self, directory: NodeId) -> Option<Arc<Listing>> {
        let current = self.current();
        let disk = current.settings.disk.as_ref()?;
        let (object, path) = {
            let nodes = self.nodes.lock();
            let (node, _) = nodes.directory(directory).ok()?;
            (Arc::clone(&node.object), node.path)
        };
        let kept = self.recall(disk, Key::at(Kind::Listing, path), || way(&object)).await;
        let Recalled { value, fetched, until }: Recalled<KeptListing> = kept?;
        if !self.is_servable(until) {
            return None;
        }
        let names: Vec<&str> = value.names.split_terminator('/').collect();
        let (names, dropped) = Names::new(&names).ok()?;
        if dropped > 0 || names.len() != value.inodes.len() {
            return None;
        }
        let fresh = Fresh { until, generation: current.generation, asked: current.asked };
        let (partial, complete, made) = (false, false, value.made.map(Arc::new));
        let came = Came { fresh, fetched, partial, complete, made };
        let listing = self.settle_recalled((directory, value.modified), Arc::new(names), came)?;
        let mut directories = value.directories.iter().copied().peekable();
        let unknown = (0..).zip(&value.inodes).filter(|(place, inode)| {
            let is_directory = directories.next_if_eq(place).is_some();
            let child = form::child(**inode, is_directory);
            child.inspect(|child| listing.set_child(*place as usize, *child)).is_none()
        });
        if unknown.count() == 0 {
            listing.settle_known();
        }
        let mut contents = self.contents.lock();
        if let Some(newer) = contents.listing(path) {
            return Some(newer);
        }
        contents.put_listing(path, object.inode(), Arc::clone(&listing));
        Some(listing)
    }

    /// Returns a record and what is left of its freshness, if it is believed.
    async fn recall<T: DeserializeOwned + Send + 'static>(
        &self,
        disk: &Disk,
        key: Key,
        way: impl FnOnce() -> Vec<PathKey>,
    ) -> Option<Recalled<T>> {
        let (sequence, record) = disk.read(key).await?;
        if !disk.believes(sequence, way) {
            return None;
        }
        let Dated { times, value } = if record.len() < DECODE_ASIDE {
            decode(&record)?
        } else {
            tokio::task::spawn_blocking(move || decode(&record)).await.ok()??
        };
        let clocks = (self.clock.monotonic(), self.clock.calendar());
        let (fetched, until) = times.on(clocks, self.settings().ttl);
        Some(Recalled { value, fetched, until })
    }

    fn is_servable(&self, until: Duration) -> bool {
        let now = self.clock.monotonic();
        until != NEVER && (now < until || self.serves_stale(until, now))
    }

    fn times(&self, fetched: Duration, until: Duration) -> Times {
        Times::new((fetched, until), (self.clock.monotonic(), self.clock.calendar()))
    }
}

fn put<T: Serialize>(disk: &Disk, key: Key, value: &Dated<T>) {
    if let Some(record) = encode(value) {
        disk.put(key, record);
    }
}

/// Returns the path of an object and of all above it.
fn way(object: &Object) -> Vec<PathKey> {
    let mut names = Vec::new();
    let mut at = object;
    while let Some((parent, name)) = at.place() {
        names.push(name);
        at = parent;
    }
    let mut way = vec![PathKey::ROOT];
    for name in names.into_iter().rev() {
        way.extend(way.last().map(|above| above.child(name)));
    }
    way
}
