//! A tree over a source in memory, with a clock that stands still until it is told to move.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::{
    Entry, Lookup, Name, NodeId, NodeKind, Settings, Source, TestClock, Tree, VfsError,
};
use vfs_testing::Memory;

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
        let (source, clock) = (Memory::new(), Arc::new(TestClock::new()));
        let tree =
            Tree::new(Arc::clone(&source) as Arc<dyn Source>, Arc::clone(&clock) as _, settings);
        Self { source, clock, tree }
    }

    /// Returns a tree that knows nothing, over the same source and at the same time.
    pub(crate) fn again(&self, settings: Settings) -> Self {
        let (source, clock) = (Arc::clone(&self.source), Arc::clone(&self.clock));
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
        let mut reader = self.tree.read_directory(handle.id, 0).await.unwrap();
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
