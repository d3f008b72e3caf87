//! A source in memory, whose tree tests change and whose answers can be slow or fail.

use std::collections::HashMap;
use std::future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use omnifs_vfs::{
    Answer, AnsweredBy, Blob, ByteRange, Child, Content, Details, Exchange, Found, Inode, Listed,
    Made, Name, NodeKind, Object, ObjectKey, Probe, RequestId, Source, VfsError,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

/// What stands under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A file with these bytes.
    File(Bytes),
    /// A directory.
    Directory,
}

impl<B: Into<Bytes>> From<B> for Item {
    fn from(bytes: B) -> Self {
        Self::File(bytes.into())
    }
}

impl Item {
    /// Returns what kind of thing it is.
    pub fn kind(&self) -> NodeKind {
        match self {
            Self::File(_) => NodeKind::File,
            Self::Directory => NodeKind::Directory,
        }
    }
}

/// How often a source was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Lookups of one name; probing counts nowhere.
    pub lookups: u64,
    /// Listings, page by page.
    pub listings: u64,
    /// Reads of a file.
    pub reads: u64,
    /// Objects that nobody will ask about again.
    pub forgotten: u64,
}

/// A tree of objects by their paths, which start at the root and have no slash in front.
///
/// An object is its number and its path: a call about an object whose path has another number
/// by now finds nothing, as a provider would that forgot the number.
#[derive(Debug, Default)]
pub struct Memory {
    /// Guards everything; held for a look or a change only.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    items: HashMap<String, (u64, Item)>,
    /// The numbers that paths had, so that a path keeps its own.
    numbers: HashMap<String, u64>,
    /// The highest of them.
    last: u64,
    /// Names in a directory, in the order they were added.
    order: HashMap<String, Vec<String>>,
    /// More names that listings of the root show, as they are.
    also: Vec<String>,
    /// What is told of paths besides what they are; if anything is, listings tell all.
    details: HashMap<String, Details>,
    /// Paths whose bytes are given as blobs.
    blobs: HashMap<String, Arc<Arriving>>,
    /// How many bytes were given in answer to ranges.
    ranged: u64,
    /// What answers with bytes of a path are tagged with.
    tags: HashMap<String, String>,
    /// How many names a page of a listing has; all when it is none.
    page: Option<usize>,
    failure: Option<VfsError>,
    /// The one call that fails: how many come before it.
    fault: Option<(u64, VfsError)>,
    delay: Option<Duration>,
    slow_reads: HashMap<String, Duration>,
    slow_lookups: HashMap<String, Duration>,
    slow_lists: HashMap<String, Duration>,
    /// Whether an object is found under any name.
    by_number: bool,
    reads: HashMap<String, u64>,
    calls: Calls,
    /// How many slow answers were begun.
    begun: u64,
}

impl Memory {
    /// Returns an empty tree.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Returns another source with the same tree, which was never called.
    pub fn twin(&self) -> Arc<Self> {
        let state = self.state();
        let State { items, numbers, last, order, .. } = &*state;
        let (items, numbers, order) = (items.clone(), numbers.clone(), order.clone());
        let state = State { items, numbers, last: *last, order, ..State::default() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Adds a file, or gives it other bytes; makes the directories above. The path has one
    /// number for ever.
    pub fn file(&self, path: &str, bytes: impl Into<Bytes>) -> &Self {
        self.state().put(path, None, Item::File(bytes.into()));
        self
    }

    /// Adds a directory, and those above.
    pub fn directory(&self, path: &str) -> &Self {
        self.state().put(path, None, Item::Directory);
        self
    }

    /// Puts the object of this number under a path, whatever stands there.
    pub fn put(&self, path: &str, number: u64, item: impl Into<Item>) -> &Self {
        self.state().put(path, Some(number), item.into());
        self
    }

    /// Takes a name away, and all below it.
    pub fn remove(&self, path: &str) -> &Self {
        self.state().remove(path);
        self
    }

    /// Makes the tree what these are, in one step; listings have their order.
    pub fn become_all<'a>(&self, items: impl IntoIterator<Item = (&'a str, u64, Item)>) -> &Self {
        let mut state = self.state();
        state.items.clear();
        state.order.clear();
        for (path, number, item) in items {
            state.put(path, Some(number), item);
        }
        drop(state);
        self
    }

    /// Makes listings of the root show more names, whatever they are.
    pub fn list_also(&self, names: &[&str]) -> &Self {
        self.state().also = names.iter().map(ToString::to_string).collect();
        self
    }

    /// Tells this of what stands under a path, in lookups and listings; every listing says then
    /// that it is complete.
    pub fn tell(&self, path: &str, details: Details) -> &Self {
        self.state().details.insert(path.to_owned(), details);
        self
    }

    /// Gives the bytes of a file as a blob, of which nothing comes until [`Arriving::arrive`].
    pub fn blob(&self, path: &str) -> Arc<Arriving> {
        let mut state = self.state();
        let Some((_, Item::File(bytes))) = state.items.get(path) else {
            panic!("{path} is no file")
        };
        let blob = Arc::new(Arriving { bytes: bytes.clone(), come: watch::Sender::new(Ok(0)) });
        state.blobs.insert(path.to_owned(), Arc::clone(&blob));
        blob
    }

    /// Tags answers with bytes of a file, as an upstream does by the header `ETag`.
    pub fn tag(&self, path: &str, tag: &str) -> &Self {
        self.state().tags.insert(path.to_owned(), tag.to_owned());
        self
    }

    /// Returns how many bytes were given in answer to ranges.
    pub fn ranged(&self) -> u64 {
        self.state().ranged
    }

    /// Adds bytes to a file; a size that is told of it follows.
    pub fn append(&self, path: &str, bytes: &[u8]) -> &Self {
        let mut state = self.state();
        if let Some((_, Item::File(own))) = state.items.get_mut(path) {
            *own = [own.as_ref(), bytes].concat().into();
            let length = own.len() as u64;
            state.tell_size(path, length);
        }
        drop(state);
        self
    }

    /// Returns how many bytes a file has.
    pub fn size(&self, path: &str) -> usize {
        match self.state().items.get(path) {
            Some((_, Item::File(bytes))) => bytes.len(),
            Some((_, Item::Directory)) | None => 0,
        }
    }

    /// Gives a file another name, where it keeps its number, and puts an empty one of this number
    /// in its place. From now on calls about an object find it by its number, under whatever name.
    pub fn rotate(&self, path: &str, to: &str, number: u64) -> &Self {
        let mut state = self.state();
        let moved = state.items.get(path).cloned().expect("there is a file to rotate");
        let details = state.details.get(path).cloned();
        state.put(to, Some(moved.0), moved.1);
        state.put(path, Some(number), Item::File(Bytes::new()));
        state.details.extend(details.map(|details| (to.to_owned(), details)));
        state.tell_size(path, 0);
        state.by_number = true;
        drop(state);
        self
    }

    /// Gives listings in pages of so many names.
    pub fn page(&self, names: usize) -> &Self {
        self.state().page = Some(names);
        self
    }

    /// Makes every call fail, or none any more.
    pub fn fail(&self, failure: Option<VfsError>) -> &Self {
        self.state().failure = failure;
        self
    }

    /// Makes one call fail, the `nth` from now on, counted from 1; probing is none.
    pub fn fail_nth(&self, nth: u64, error: VfsError) -> &Self {
        self.state().fault = Some((nth.saturating_sub(1), error));
        self
    }

    /// Returns whether the call that was to fail has.
    pub fn has_failed(&self) -> bool {
        self.state().fault.is_none()
    }

    /// Makes every call take this long.
    pub fn delay(&self, time: Duration) -> &Self {
        self.state().delay = Some(time);
        self
    }

    /// Makes reads of a file take this long.
    pub fn slow_read(&self, path: &str, time: Duration) -> &Self {
        self.state().slow_reads.insert(path.to_owned(), time);
        self
    }

    /// Makes lookups of a name take this long.
    pub fn slow_lookup(&self, path: &str, time: Duration) -> &Self {
        self.state().slow_lookups.insert(path.to_owned(), time);
        self
    }

    /// Makes listings of a directory take this long; the root is the empty path.
    pub fn slow_list(&self, path: &str, time: Duration) -> &Self {
        self.state().slow_lists.insert(path.to_owned(), time);
        self
    }

    /// Returns how often it was called.
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// Returns how often a file was read.
    pub fn reads(&self, path: &str) -> u64 {
        self.state().reads.get(path).copied().unwrap_or(0)
    }

    /// Returns how many slow answers were begun.
    pub fn begun(&self) -> u64 {
        self.state().begun
    }

    /// Begins a call: takes its time, and fails when calls are to fail.
    async fn called(&self, time: Option<Duration>) -> Result<(), VfsError> {
        let time = time.or(self.state().delay);
        if let Some(time) = time {
            self.state().begun += 1;
            tokio::time::sleep(time).await;
        }
        let mut state = self.state();
        if let Some((0, error)) = state.fault.take_if(|(before, _)| *before == 0) {
            return Err(error);
        }
        if let Some((before, _)) = &mut state.fault {
            *before -= 1;
        }
        state.failure.clone().map_or(Ok(()), Err)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn put(&mut self, path: &str, number: Option<u64>, item: Item) {
        let (parent, name) = split(path);
        if !parent.is_empty() && !self.items.contains_key(parent) {
            self.put(parent, None, Item::Directory);
        }
        let known = number.or_else(|| self.numbers.get(path).copied());
        let number = known.unwrap_or(self.last + 1);
        self.last = self.last.max(number);
        self.numbers.insert(path.to_owned(), number);
        if self.items.insert(path.to_owned(), (number, item)).is_none() {
            self.order.entry(parent.to_owned()).or_default().push(name.to_owned());
        }
    }

    fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.items.retain(|other, _| other != path && !other.starts_with(&below));
        self.order.retain(|other, _| other != path && !other.starts_with(&below));
        let (parent, name) = split(path);
        if let Some(order) = self.order.get_mut(parent) {
            order.retain(|other| other != name);
        }
    }

    /// Lets a size that is told of a path be this one.
    fn tell_size(&mut self, path: &str, size: u64) {
        if let Some(told) = self.details.get_mut(path).and_then(|details| details.size.as_mut()) {
            *told = size;
        }
    }

    /// Returns a child with what is told of it; a link is what is told to lead somewhere.
    fn found(&self, child: Child, path: &str) -> Found {
        let details = self.details.get(path).cloned().map(Arc::new);
        let is_link = details.as_ref().is_some_and(|details| details.target.is_some());
        let kind = if is_link { NodeKind::Symlink } else { child.kind };
        Found { child: Child { kind, ..child }, details }
    }

    /// Returns what stands where `object` was found, if that is still the same object.
    fn at(&self, object: &Object) -> Option<&Item> {
        if object.inode() == Inode::ROOT {
            return Some(&Item::Directory);
        }
        let wanted = object.inode().number();
        let here = self.items.get(&path(object)).filter(|(number, _)| *number == wanted);
        let anywhere = || self.items.values().find(|(number, _)| *number == wanted);
        let found = if self.by_number { here.or_else(anywhere) } else { here };
        found.map(|(_, item)| item)
    }

    fn child(&self, parent: &Object, name: &Name) -> Option<Child> {
        self.at(parent)?;
        let (number, item) = self.items.get(&join(parent, name))?;
        let inode = Inode::of_child(*number).expect("no child has this number");
        Some(Child { inode, kind: item.kind() })
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn path(object: &Object) -> String {
    object.path().trim_start_matches('/').to_owned()
}

fn join(directory: &Object, name: &Name) -> String {
    format!("{}/{name}", path(directory)).trim_start_matches('/').to_owned()
}

/// A body that comes as tests have it.
#[derive(Debug)]
pub struct Arriving {
    bytes: Bytes,
    /// How many bytes are there, or why no more come.
    come: watch::Sender<Result<u64, VfsError>>,
}

impl Arriving {
    /// Lets its first bytes be there.
    pub fn arrive(&self, bytes: u64) {
        let _before = self.come.send_replace(Ok(bytes));
    }

    /// Lets no more come.
    pub fn fail(&self, error: VfsError) {
        let _before = self.come.send_replace(Err(error));
    }
}

impl Blob for Arriving {
    fn size(&self) -> BoxFuture<'_, Result<u64, VfsError>> {
        future::ready(Ok(self.bytes.len() as u64)).boxed()
    }

    fn read(&self, range: ByteRange) -> BoxFuture<'_, Result<Bytes, VfsError>> {
        let end = range.offset.saturating_add(range.length).min(self.bytes.len() as u64);
        let mut come = self.come.subscribe();
        async move {
            let there = come.wait_for(|come| come.as_ref().map_or(true, |come| *come >= end)).await;
            there.expect("the sender is here").clone()?;
            Ok(part(&self.bytes, Some(range)))
        }
        .boxed()
    }
}

/// Returns how an answer came about that was tagged.
fn made(tag: &str) -> Made {
    let (method, url) = ("GET".to_owned(), "http://memory/".to_owned());
    let (outcome, took, by) = (Ok(200), Duration::ZERO, AnsweredBy::Upstream);
    let exchange = Exchange { method, url, outcome, took, by, etag: Some(tag.to_owned()) };
    Made { request: RequestId { daemon: 0, call: 0 }, exchanges: vec![exchange], more: 0 }
}

/// Returns the bytes of a part, fewer at the end.
fn part(bytes: &Bytes, range: Option<ByteRange>) -> Bytes {
    let place = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    let Some(ByteRange { offset, length }) = range else { return bytes.clone() };
    bytes.slice(place(offset)..place(offset.saturating_add(length)))
}

impl Source for Memory {
    fn lookup_child<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Found>>, VfsError>> {
        async move {
            let time = {
                let mut state = self.state();
                state.calls.lookups += 1;
                state.slow_lookups.get(&join(parent, name)).copied()
            };
            self.called(time).await?;
            let state = self.state();
            Ok(state
                .child(parent, name)
                .map(|child| state.found(child, &join(parent, name)))
                .into())
        }
        .boxed()
    }

    fn list_children<'a>(
        &'a self,
        directory: &'a Arc<Object>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Answer<Listed>, VfsError>> {
        async move {
            let path = path(directory);
            let time = {
                let mut state = self.state();
                state.calls.listings += 1;
                state.slow_lists.get(&path).copied()
            };
            self.called(time).await?;
            let state = self.state();
            let mut names = match state.at(directory) {
                Some(Item::Directory) => state.order.get(&path).cloned().unwrap_or_default(),
                Some(Item::File(_)) | None => Vec::new(),
            };
            if path.is_empty() {
                names.extend(state.also.iter().cloned());
            }
            let first = cursor.map_or(0, |cursor| cursor.parse().expect("its own cursor"));
            let end = state.page.map_or(names.len(), |page| names.len().min(first + page));
            let next = (end < names.len()).then(|| end.to_string());
            let names = names.drain(first..end).collect::<Vec<_>>();
            let tells = !state.details.is_empty();
            let found = names.iter().filter(|_| tells).filter_map(|name| {
                let name = Name::from_provider(name)?;
                let child = state.child(directory, &name)?;
                Some(state.found(child, &join(directory, &name)))
            });
            let (found, complete) = (found.collect(), tells);
            drop(state);
            Ok(Listed { names, found, next, complete }.into())
        }
        .boxed()
    }

    fn read_file<'a>(
        &'a self,
        file: &'a Arc<Object>,
        range: Option<ByteRange>,
    ) -> BoxFuture<'a, Result<Answer<Option<Content>>, VfsError>> {
        async move {
            let path = path(file);
            let time = {
                let mut state = self.state();
                state.calls.reads += 1;
                *state.reads.entry(path.clone()).or_default() += 1;
                state.slow_reads.get(&path).copied()
            };
            self.called(time).await?;
            let mut state = self.state();
            let bytes = match state.at(file) {
                Some(Item::File(bytes)) => part(bytes, range),
                Some(Item::Directory) | None => return Ok(None.into()),
            };
            if range.is_some() {
                state.ranged += bytes.len() as u64;
            }
            let content = match state.blobs.get(&path).filter(|_| range.is_none()) {
                Some(blob) => Content::Blob(Arc::<Arriving>::clone(blob)),
                None => Content::Bytes(bytes),
            };
            let made = state.tags.get(&path).map(|tag| Arc::new(made(tag)));
            Ok(Answer { value: Some(content), partial: None, made })
        }
        .boxed()
    }

    fn probe_children<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>> {
        async move {
            let state = self.state();
            let mut probe = Probe { children: Vec::new(), more: true };
            for name in names {
                if state.slow_lookups.contains_key(&join(parent, name)) {
                    probe.more = false;
                    break;
                }
                probe.children.push(state.child(parent, name));
            }
            drop(state);
            Ok(probe)
        }
        .boxed()
    }

    fn forget(&self, _object: ObjectKey) {
        self.state().calls.forgotten += 1;
    }
}
