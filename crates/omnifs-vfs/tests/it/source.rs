//! A source in memory whose tree tests change, with a count of what it was asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use omnifs_vfs::{
    Answer, Child, Entry, Inode, Lookup, Name, NodeId, NodeKind, Object, ObjectKey, Probe,
    Settings, Source, TestClock, Tree, VfsError,
};
use parking_lot::Mutex;

/// What stands under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    File(Vec<u8>),
    Directory,
}

#[derive(Default)]
pub(crate) struct Memory {
    /// Path from the root ("a/b") to inode and item; the root is always there.
    pub(crate) items: Mutex<BTreeMap<String, (u64, Item)>>,
    /// More names that listings show, as they are.
    pub(crate) extra_names: Mutex<Vec<String>>,
    /// What every call fails with.
    pub(crate) failure: Mutex<Option<VfsError>>,
    /// How long a call takes, in milliseconds.
    pub(crate) delay: AtomicU64,
    pub(crate) lookups: AtomicU32,
    pub(crate) listings: AtomicU32,
    pub(crate) reads: AtomicU32,
    pub(crate) forgotten: AtomicU32,
}

impl Memory {
    pub(crate) fn put(&self, path: &str, inode: u64, item: Item) {
        self.items.lock().insert(path.into(), (inode, item));
    }

    pub(crate) fn file(&self, path: &str, inode: u64, bytes: impl Into<Vec<u8>>) {
        self.put(path, inode, Item::File(bytes.into()));
    }

    pub(crate) fn remove(&self, path: &str) {
        self.items.lock().remove(path);
    }

    async fn called(&self, count: &AtomicU32) -> Result<(), VfsError> {
        count.fetch_add(1, Ordering::SeqCst);
        match self.delay.load(Ordering::SeqCst) {
            0 => {}
            delay => tokio::time::sleep(Duration::from_millis(delay)).await,
        }
        self.failure.lock().clone().map_or(Ok(()), Err)
    }

    fn find(&self, parent: &Object, name: &Name) -> Option<Child> {
        let path = format!("{}/{name}", parent.path());
        let items = self.items.lock();
        let (inode, item) = items.get(path.trim_start_matches('/'))?;
        let kind = match item {
            Item::File(_) => NodeKind::File,
            Item::Directory => NodeKind::Directory,
        };
        Some(Child { inode: Inode::of_child(*inode).expect("a child's inode"), kind })
    }
}

impl Source for Memory {
    fn lookup_child<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Child>>, VfsError>> {
        async move {
            self.called(&self.lookups).await?;
            Ok(self.find(parent, name).into())
        }
        .boxed()
    }

    fn list_children<'a>(
        &'a self,
        directory: &'a Arc<Object>,
    ) -> BoxFuture<'a, Result<Answer<Vec<String>>, VfsError>> {
        async move {
            self.called(&self.listings).await?;
            let path = directory.path();
            let above = path.trim_start_matches('/');
            let under = |path: &String| match path.rsplit_once('/') {
                Some((parent, name)) => (parent == above).then(|| name.to_owned()),
                None => above.is_empty().then(|| path.clone()),
            };
            let mut names: Vec<String> = self.items.lock().keys().filter_map(under).collect();
            names.extend(self.extra_names.lock().iter().cloned());
            Ok(names.into())
        }
        .boxed()
    }

    fn read_file<'a>(
        &'a self,
        file: &'a Arc<Object>,
    ) -> BoxFuture<'a, Result<Answer<Option<Bytes>>, VfsError>> {
        async move {
            self.called(&self.reads).await?;
            let path = file.path();
            let bytes = match self.items.lock().get(path.trim_start_matches('/')) {
                Some((_, Item::File(bytes))) => Some(Bytes::from(bytes.clone())),
                _ => None,
            };
            Ok(bytes.into())
        }
        .boxed()
    }

    fn probe_children<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>> {
        async move {
            let children = names.iter().map(|name| self.find(parent, name)).collect();
            Ok(Probe { children, more: true })
        }
        .boxed()
    }

    fn forget(&self, _object: ObjectKey) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

/// A tree over a [`Memory`], with a clock that stands still.
pub(crate) struct Rig {
    pub(crate) source: Arc<Memory>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) tree: Arc<Tree>,
}

pub(crate) const TTL: Duration = Duration::from_secs(60);
pub(crate) const STALE: Duration = Duration::from_secs(600);

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Settings { ttl: TTL, stale_while_revalidate: STALE, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (source, clock) = (Arc::new(Memory::default()), Arc::new(TestClock::new()));
        let tree =
            Tree::new(Arc::clone(&source) as Arc<dyn Source>, Arc::clone(&clock) as _, settings);
        Self { source, clock, tree }
    }

    pub(crate) async fn lookup(&self, parent: NodeId, name: &str) -> Result<Lookup, VfsError> {
        self.tree.lookup(parent, &Name::from_provider(name).unwrap()).await
    }

    /// Looks up what must be there.
    pub(crate) async fn entry(&self, parent: NodeId, name: &str) -> Entry {
        match self.lookup(parent, name).await {
            Ok(Lookup::Found(entry)) => entry,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(crate) async fn read(&self, file: NodeId) -> Result<Bytes, VfsError> {
        self.tree.read(file, 0, 1 << 20).await
    }

    /// Lists a directory: names without the dots, with their kinds.
    pub(crate) async fn list(&self, directory: NodeId) -> Vec<(String, Option<NodeKind>)> {
        let handle = self.tree.open_directory(directory).await.unwrap();
        let mut reader = self.tree.read_directory(handle.id, 0).unwrap();
        let mut found = Vec::new();
        while let Some(entry) = reader.peek() {
            found.push((entry.name.to_owned(), entry.kind));
            reader.advance();
        }
        self.tree.release_directory(handle.id);
        assert_eq!((found[0].0.as_str(), found[1].0.as_str()), (".", ".."));
        found.split_off(2)
    }

    /// Lets tasks that run behind a caller's back finish.
    pub(crate) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn count(counter: &AtomicU32) -> u32 {
    counter.load(Ordering::SeqCst)
}
