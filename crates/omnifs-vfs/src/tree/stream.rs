//! Listings whose pages come while they are read.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::listing::{Listing, View};
use super::names::Shown;
use super::nodes::{Body, Node};
use super::outdated::Inodes;
use super::pages::Pages;
use super::{Change, Current, Fresh, NEVER, PARTIAL_VALID, Tree};
use crate::digest::PathKey;
use crate::sync::Mutex;
use crate::{Answer, Found, Listed, Name, NodeId, Object, VfsError};

/// How many listings are remembered that have more pages and that nobody goes on reading.
const STREAMS: usize = 16;

/// How far a call goes that lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// To the first page: whoever reads asks for more.
    FirstPage,
    /// To the last page.
    All,
}

/// A listing that has begun. It is asked for the next page by whoever has read the last one.
pub(crate) struct Stream {
    directory: NodeId,
    object: Arc<Object>,
    path: PathKey,
    /// Tells its cookies from those of other listings.
    generation: u32,
    /// Who was asked for the first page is for all: a cursor is his.
    asked: Current,
    /// Whether somebody may have cookies of it.
    shown: AtomicBool,
    /// Held for a look or for a page; taken after `nodes` and before `contents`.
    state: Mutex<State>,
}

enum State {
    Growing {
        pages: Box<Pages>,
        /// When the first page came and until when it is fresh.
        first: Option<(Fresh, Duration)>,
    },
    Whole(Arc<Listing>),
}

/// A part of a listing that grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    /// The place of the first.
    pub(crate) first: u32,
    pub(crate) entries: Vec<(String, Option<Found>)>,
    pub(crate) fresh: Fresh,
    pub(crate) fetched: Duration,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Stream {
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns what its next page is asked for under, once for all who wait for it.
    fn key(&self) -> (NodeId, u32) {
        (self.directory, self.generation)
    }

    /// Returns the listing, once its last page has come.
    pub(crate) fn whole(&self) -> Option<Arc<Listing>> {
        match &*self.state.lock() {
            State::Growing { .. } => None,
            State::Whole(listing) => Some(Arc::clone(listing)),
        }
    }

    /// Returns its size in memory, in bytes, roughly.
    pub(crate) fn weight(&self) -> u64 {
        match &*self.state.lock() {
            State::Growing { pages, .. } => pages.weight(),
            State::Whole(listing) => listing.weight(),
        }
    }

    /// Returns whether it is the listing of one of these objects, or tells of one.
    fn is_about(&self, objects: &Inodes) -> bool {
        let tells = || match &*self.state.lock() {
            State::Growing { pages, .. } => pages.objects().any(|inode| objects.contains(&inode)),
            State::Whole(listing) => listing.objects().any(|inode| objects.contains(&inode)),
        };
        objects.contains(&self.object.inode()) || tells()
    }

    /// Returns what the pages that came say of a name, and until when that is fresh.
    fn find(&self, name: &Name) -> Option<(Found, Fresh)> {
        let state = self.state.lock();
        let State::Growing { pages, first: Some((fresh, fetched)) } = &*state else { return None };
        let found = pages.find(name)?;
        Some((found.clone(), fresh.told(found, *fetched)))
    }

    /// Returns `most` entries from a place on, as far as they have come; `None` when it is whole.
    pub(crate) fn slice(&self, place: u32, most: u32) -> Option<Slice> {
        let state = self.state.lock();
        let State::Growing { pages, first: Some((fresh, fetched)) } = &*state else { return None };
        let (fresh, fetched) = (*fresh, *fetched);
        let places = place..pages.count().min(place.saturating_add(most));
        let entry = |place| Some((pages.name(place)?.to_owned(), pages.child(place).cloned()));
        Some(Slice { first: place, entries: places.filter_map(entry).collect(), fresh, fetched })
    }

    /// Returns whether there is something at a place, or nothing will come there.
    fn has(&self, place: u32) -> bool {
        match &*self.state.lock() {
            State::Growing { pages, .. } => place < pages.count(),
            State::Whole(_) => true,
        }
    }

    /// Returns what to ask for the next page with.
    fn next(&self) -> Option<String> {
        match &*self.state.lock() {
            State::Growing { pages, .. } => pages.next().map(ToOwned::to_owned),
            State::Whole(_) => None,
        }
    }
}

impl Tree {
    /// Asks the source for the names of a directory, as far as `extent` goes, and settles them.
    pub(super) async fn list(
        self: &Arc<Self>,
        id: NodeId,
        object: &Arc<Object>,
        extent: Extent,
    ) -> Result<View, VfsError> {
        let path = self.nodes.lock().directory(id)?.0.path;
        let state = State::Growing { pages: Box::default(), first: None };
        let stream = Arc::new(Stream {
            directory: id,
            object: Arc::clone(object),
            path,
            generation: self.handles.new_generation(),
            asked: self.current(),
            shown: AtomicBool::new(false),
            state: Mutex::new(state),
        });
        while self.add_page(&stream).await? {
            if extent == Extent::FirstPage {
                self.remember_stream(&stream);
                return Ok(View::Growing(stream));
            }
        }
        Ok(View::Whole(self.finish(&stream)))
    }

    /// Asks for the next page. Returns whether there are more.
    async fn add_page(&self, stream: &Stream) -> Result<bool, VfsError> {
        let (asked, cursor) = (&stream.asked, stream.next());
        let listing = asked.source.list_children(&stream.object, cursor.as_deref());
        let page = self.heed(listing.await)?;
        let fresh = self.fresh_from(asked, &page);
        self.take_page(stream, page, fresh)
    }

    fn take_page(
        &self,
        stream: &Stream,
        page: Answer<Listed>,
        fresh: Fresh,
    ) -> Result<bool, VfsError> {
        let fetched = self.clock.monotonic();
        let mut state = stream.state.lock();
        let State::Growing { pages, first } = &mut *state else { return Ok(false) };
        let (partial, made) = (page.partial.is_some(), page.made.clone());
        let places = match pages.add(page, &stream.asked.settings) {
            Ok(places) => places,
            Err(error) => {
                stream.asked.source.refused(&stream.object.path(), &error, made.as_ref());
                return Err(error);
            }
        };
        let (begun, _) = first.get_or_insert((fresh, fetched));
        if partial {
            begun.until = begun.until.min(fetched + PARTIAL_VALID);
        }
        let made = pages.made().cloned();
        for place in places {
            let name = pages.name(place).and_then(Name::from_provider);
            let (Some(name), Some(found)) = (name, pages.take_content(place)) else { continue };
            let fresh = fresh.told(&found, fetched);
            let at = (stream.path.child(&name), &found);
            self.take_in(&stream.asked, at, (fresh, made.as_ref()));
        }
        Ok(pages.next().is_some())
    }

    /// Makes a listing of all pages, with the order that was shown before if that has the same
    /// names and nobody has read these.
    fn finish(&self, stream: &Stream) -> Arc<Listing> {
        let is_read = stream.shown.load(Ordering::Acquire);
        let (pages, (fresh, fetched)) = match &mut *stream.state.lock() {
            State::Whole(listing) => return Arc::clone(listing),
            State::Growing { pages, first } => {
                let pages = if is_read { pages.clone() } else { std::mem::take(pages) };
                let Current { generation, asked, .. } = stream.asked;
                let begun = Fresh { until: NEVER, generation, asked };
                (pages, first.unwrap_or((begun, Duration::ZERO)))
            }
        };
        let dropped = pages.dropped();
        if dropped > 0 {
            self.dropped_names.fetch_add(dropped, Ordering::Relaxed);
            let (provider, path) = (&stream.asked.settings.provider, stream.object.path());
            tracing::warn!(%provider, %path, dropped, "listed names that cannot be names, or twice");
        }
        let tells = pages.tells();
        let (names, children, came) = pages.finish(fresh, fetched);
        let names = Arc::new(names);
        let new = Shown::new(&names, stream.generation);
        let mut nodes = self.nodes.lock();
        let Ok(Node { path, body: Body::Directory(directory), .. }) =
            nodes.get_mut(stream.directory)
        else {
            let listing = Listing::of(names, (new.generation(), came), children, tells);
            return stream.complete(listing);
        };
        let before = directory.shown.as_ref();
        let changed = before.is_some_and(|before| !before.is_same_set(&new));
        let (shown, shown_names) = match before {
            // Cookies of this order are out.
            _ if is_read => (new, Arc::clone(&names)),
            before => new.after(before, Arc::clone(&names)),
        };
        let children = if Arc::ptr_eq(&names, &shown_names) {
            children
        } else {
            let place = |place| names.find(&Name::from_provider(shown_names.get(place)?)?);
            let child = |at| children.get(place(at)? as usize).cloned().flatten();
            (0..).take(shown_names.len()).map(child).collect()
        };
        let listing = Listing::of(shown_names, (shown.generation(), came), children, tells);
        directory.shown = Some(shown);
        if changed {
            directory.modified = self.clock.calendar();
        }
        let listing = stream.complete(listing);
        let directory = stream.object.inode();
        let is_outdated = self.outdated.any_since(fresh.asked, listing.objects());
        if self.believed_of(fresh, &[directory]) != NEVER && !is_outdated {
            self.contents.lock().put_listing(*path, directory, Arc::clone(&listing));
        }
        drop(nodes);
        if changed {
            self.announce(Change::Listing(stream.directory));
        }
        self.streams.lock().retain(|other| !std::ptr::eq(&**other, stream));
        listing
    }

    fn remember_stream(&self, stream: &Arc<Stream>) {
        stream.shown.store(true, Ordering::Release);
        let mut streams = self.streams.lock();
        streams.retain(|other| other.directory != stream.directory);
        while streams.len() >= STREAMS {
            streams.pop_front();
        }
        streams.push_back(Arc::clone(stream));
    }

    /// Forgets what was begun of the listings of some directories.
    pub(super) fn forget_streams(&self, are_gone: impl Fn(NodeId) -> bool) {
        self.streams.lock().retain(|stream| !are_gone(stream.directory));
    }

    /// Forgets what was begun of listings that these objects are in, or whose they are.
    pub(super) fn forget_outdated_streams(&self, outdated: &Inodes) {
        self.streams.lock().retain(|stream| !stream.is_about(outdated));
    }

    /// Returns the listing of a directory that has begun and that is believed.
    pub(super) fn stream(&self, directory: NodeId) -> Option<Arc<Stream>> {
        let streams = self.streams.lock();
        let stream = streams.iter().find(|stream| stream.directory == directory)?;
        let state = stream.state.lock();
        let State::Growing { first: Some((fresh, _)), .. } = &*state else { return None };
        let is_fresh = self.clock.monotonic() < self.believed_of(*fresh, &[stream.object.inode()]);
        drop(state);
        is_fresh.then(|| Arc::clone(stream))
    }

    /// Returns what the pages that came of a directory's listing say of a name.
    pub(super) fn found_in_stream(&self, parent: NodeId, name: &Name) -> Option<(Found, Fresh)> {
        self.stream(parent)?.find(name)
    }

    /// Waits until something is at a place of a listing that grows, or its end is before it; has
    /// the next page come, if there is one, while the reader is busy with what is there.
    pub(super) async fn await_place(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        place: u32,
    ) -> Result<(), VfsError> {
        while !stream.has(place) {
            self.page_calls.run(stream.key(), self.page_call(stream)).await?;
        }
        if stream.whole().is_none() {
            self.page_calls.start(stream.key(), self.page_call(stream));
        }
        Ok(())
    }

    /// Has all pages come.
    pub(super) async fn await_whole(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
    ) -> Result<Arc<Listing>, VfsError> {
        loop {
            if let Some(listing) = stream.whole() {
                return Ok(listing);
            }
            self.page_calls.run(stream.key(), self.page_call(stream)).await?;
        }
    }

    fn page_call(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
    ) -> impl FnOnce() -> futures_util::future::BoxFuture<'static, Result<(), VfsError>> + use<>
    {
        let (tree, stream) = (Arc::clone(self), Arc::clone(stream));
        move || {
            Box::pin(async move {
                if stream.whole().is_none() && !tree.add_page(&stream).await? {
                    let listing = tree.finish(&stream);
                    tree.keep_listing(stream.directory, &listing);
                }
                Ok(())
            })
        }
    }
}

impl Stream {
    /// Lets a listing take the place of the pages.
    fn complete(&self, listing: Listing) -> Arc<Listing> {
        let listing = Arc::new(listing);
        *self.state.lock() = State::Whole(Arc::clone(&listing));
        listing
    }
}
