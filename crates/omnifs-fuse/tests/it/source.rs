//! A source in memory, whose answers can be slow, change or fail.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use omnifs_vfs::{
    Answer, Child, Inode, Name, NodeKind, Object, ObjectKey, Probe, Source, VfsError,
};

/// A tree of files by their paths, which start at the root and have no slash in front.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of files, `None` for directories.
    nodes: BTreeMap<String, Option<Bytes>>,
    inodes: HashMap<String, u64>,
    /// Names in a directory, in the order they were added.
    order: HashMap<String, Vec<String>>,
    slow_reads: HashMap<String, Duration>,
    slow_lookups: HashMap<String, Duration>,
    slow_lists: HashMap<String, Duration>,
    reads: HashMap<String, u64>,
    /// How many slow answers were begun.
    begun: u64,
}

impl Memory {
    /// Returns an empty tree.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Adds a file, or gives it other bytes; makes the directories above.
    pub fn file(&self, path: &str, bytes: impl Into<Bytes>) -> &Self {
        self.state().put(path, Some(bytes.into()));
        self
    }

    /// Adds an empty directory.
    pub fn directory(&self, path: &str) -> &Self {
        self.state().put(path, None);
        self
    }

    /// Takes a name away.
    pub fn remove(&self, path: &str) -> &Self {
        let mut state = self.state();
        state.nodes.remove(path);
        let (parent, name) = split(path);
        if let Some(order) = state.order.get_mut(parent) {
            order.retain(|other| other != name);
        }
        drop(state);
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

    /// Returns how often a file was read.
    pub fn reads(&self, path: &str) -> u64 {
        self.state().reads.get(path).copied().unwrap_or(0)
    }

    /// Returns how many slow answers were begun.
    pub fn begun(&self) -> u64 {
        self.state().begun
    }

    /// Takes the time of a slow answer, if it is one.
    async fn pause(&self, time: Option<Duration>) {
        if let Some(time) = time {
            self.state().begun += 1;
            tokio::time::sleep(time).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, path: &str, bytes: Option<Bytes>) {
        let (parent, name) = split(path);
        if !parent.is_empty() && !self.nodes.contains_key(parent) {
            self.put(parent, None);
        }
        let next = self.inodes.len() as u64 + 1;
        self.inodes.entry(path.to_owned()).or_insert(next);
        if self.nodes.insert(path.to_owned(), bytes).is_none() {
            self.order.entry(parent.to_owned()).or_default().push(name.to_owned());
        }
    }

    fn child(&self, path: &str) -> Option<Child> {
        let kind = match self.nodes.get(path)? {
            Some(_) => NodeKind::File,
            None => NodeKind::Directory,
        };
        Some(Child { inode: Inode::of_child(*self.inodes.get(path)?)?, kind })
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

impl Source for Memory {
    fn lookup_child<'a>(
        &'a self,
        parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Child>>, VfsError>> {
        async move {
            let path = join(parent, name);
            let time = self.state().slow_lookups.get(&path).copied();
            self.pause(time).await;
            Ok(self.state().child(&path).into())
        }
        .boxed()
    }

    fn list_children<'a>(
        &'a self,
        directory: &'a Arc<Object>,
    ) -> BoxFuture<'a, Result<Answer<Vec<String>>, VfsError>> {
        async move {
            let path = path(directory);
            let time = self.state().slow_lists.get(&path).copied();
            self.pause(time).await;
            Ok(self.state().order.get(&path).cloned().unwrap_or_default().into())
        }
        .boxed()
    }

    fn read_file<'a>(
        &'a self,
        file: &'a Arc<Object>,
    ) -> BoxFuture<'a, Result<Answer<Option<Bytes>>, VfsError>> {
        async move {
            let path = path(file);
            let time = {
                let mut state = self.state();
                *state.reads.entry(path.clone()).or_default() += 1;
                state.slow_reads.get(&path).copied()
            };
            self.pause(time).await;
            Ok(self.state().nodes.get(&path).cloned().flatten().into())
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
                let path = join(parent, name);
                if state.slow_lookups.contains_key(&path) {
                    probe.more = false;
                    break;
                }
                probe.children.push(state.child(&path));
            }
            drop(state);
            Ok(probe)
        }
        .boxed()
    }

    fn forget(&self, _object: ObjectKey) {}
}
