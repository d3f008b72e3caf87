//! The reference model, at the height of the tree: no kernel, and a clock that stands still.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::{
    Attributes, Clock, DirEntry, Disk, Entry, Identity, Lookup, Name, NodeId, NodeKind, Settings,
    VfsError,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vfs_testing::model::{Bounds, Failure, Height, Listed, Stat, paths, run, steps};

use crate::rig::Rig;

/// `d_ino` of a name whose number is not known.
const UNKNOWN_INO: u64 = 0xffff_ffff;

/// The tree, used as the kernel would: it walks name by name, and remembers the nodes.
struct InMemory {
    rig: Rig,
    runtime: Runtime,
    settings: Settings,
    /// One for each lookup that was not taken back.
    known: Vec<NodeId>,
    open: HashMap<u64, NodeId>,
    opened: u64,
    reloaded: Duration,
    disk: Option<(Disk, TempDir)>,
    reloads: u8,
}

impl InMemory {
    fn new(mut settings: Settings, keeps: bool) -> Self {
        let disk = keeps.then(|| {
            let directory = TempDir::new().unwrap();
            let disk = Disk::open(directory.path(), Identity::of(&[]), 1 << 20).unwrap();
            (disk, directory)
        });
        settings.disk = disk.as_ref().map(|(disk, _)| disk.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self {
            rig: Rig::with(settings.clone()),
            runtime,
            settings,
            known: Vec::new(),
            open: HashMap::new(),
            opened: 0,
            reloaded: Duration::ZERO,
            disk,
            reloads: 0,
        }
    }

    /// Runs one operation, and what it set going behind its caller's back.
    fn block_on<T>(&self, operation: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            let result = operation.await;
            self.rig.settle().await;
            if let Some((disk, _)) = &self.disk {
                disk.flush(Duration::from_secs(60));
            }
            result
        })
    }

    fn walk(&mut self, path: &str) -> Result<Option<Entry>, Failure> {
        let mut at: Option<Entry> = None;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let name = Name::from_provider(name).unwrap();
            let parent = at.map_or(NodeId::ROOT, |entry| entry.node);
            at = match self.block_on(self.rig.tree.lookup(parent, &name)) {
                Ok(Lookup::Found(entry)) => {
                    self.known.push(entry.node);
                    Some(entry)
                }
                Ok(Lookup::Absent { .. }) => return Err(Failure::Absent),
                Err(error) => return Err(failure(error)),
            };
        }
        Ok(at)
    }

    fn node(&mut self, path: &str) -> Result<NodeId, Failure> {
        Ok(self.walk(path)?.map_or(NodeId::ROOT, |entry| entry.node))
    }

    fn attributes(&self, node: NodeId) -> Result<Stat, Failure> {
        self.block_on(self.rig.tree.attributes(node)).map(stat).map_err(failure)
    }

    fn bytes(&self, node: NodeId, offset: u64, length: u32) -> Result<Bytes, Failure> {
        self.block_on(self.rig.tree.read(node, offset, length)).map_err(failure)
    }
}

impl Height for InMemory {
    fn now(&self) -> Duration {
        self.rig.clock.monotonic()
    }

    fn wait(&mut self, time: Duration) {
        self.rig.clock.advance(time);
    }

    fn pace(&self) -> Duration {
        self.settings.ttl + self.settings.stale_while_revalidate
    }

    fn bounds(&self) -> Bounds {
        let Settings { ttl, stale_while_revalidate, negative, .. } = self.settings;
        Bounds { found: ttl + stale_while_revalidate, absent: negative, since: self.reloaded }
    }

    fn stat(&mut self, path: &str) -> Result<Stat, Failure> {
        match self.walk(path)? {
            Some(entry) if !entry.attributes.valid.is_zero() => Ok(stat(entry.attributes)),
            at => self.attributes(at.map_or(NodeId::ROOT, |entry| entry.node)),
        }
    }

    fn read(&mut self, path: &str, offset: u64, length: u32) -> Result<Bytes, Failure> {
        let node = self.node(path)?;
        self.bytes(node, offset, length)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Listed>, Failure> {
        let node = self.node(path)?;
        let handle = self.block_on(self.rig.tree.open_directory(node)).map_err(failure)?;
        let reading = self.rig.tree.read_directory(handle.id, 0);
        let mut reader = self.block_on(reading).map_err(failure)?;
        let mut listed = Vec::new();
        while let Some(DirEntry { st_ino, kind, name, .. }) = reader.peek() {
            let st_ino = (st_ino != UNKNOWN_INO).then_some(st_ino);
            listed.push(Listed { name: name.to_owned(), kind, st_ino });
            if let Some(entry) = reader.entry() {
                self.known.push(entry.node);
                let full = (Some(entry.attributes.st_ino), Some(entry.attributes.kind));
                assert_eq!(full, (st_ino, kind), "what a full entry says of {name:?}");
            }
            reader.advance();
        }
        self.rig.tree.release_directory(handle.id);
        let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(names[..2], [".", ".."]);
        Ok(listed.split_off(2))
    }

    fn open(&mut self, path: &str) -> Result<u64, Failure> {
        let entry = self.walk(path)?.unwrap();
        if entry.attributes.kind == NodeKind::Directory {
            return Err(Failure::IsADirectory);
        }
        // The lookup is the open file's from now on.
        self.known.pop();
        self.opened += 1;
        self.open.insert(self.opened, entry.node);
        Ok(self.opened)
    }

    fn stat_open(&mut self, handle: u64) -> Result<Stat, Failure> {
        self.attributes(self.open[&handle])
    }

    fn read_open(&mut self, handle: u64, offset: u64, length: u32) -> Result<Bytes, Failure> {
        self.bytes(self.open[&handle], offset, length)
    }

    fn close(&mut self, handle: u64) {
        self.known.extend(self.open.remove(&handle));
    }

    fn forget(&mut self, which: usize) {
        // Deepest first, as the kernel does: a name holds the directory that it is in.
        let known = std::mem::take(&mut self.known);
        for (at, node) in known.into_iter().enumerate().rev() {
            match which {
                0 => self.rig.tree.forget(node, 1),
                _ if (at + which).is_multiple_of(3) => self.rig.tree.forget(node, 1),
                _ => self.known.push(node),
            }
        }
        self.known.reverse();
    }

    fn reload(&mut self) {
        self.reloads += 1;
        if let Some((disk, _)) = &self.disk {
            let next = disk.succeed(Identity::of(&[&[self.reloads]]), 1 << 20);
            self.settings.disk = Some(next);
        }
        self.rig.tree.replace(self.rig.source.clone(), self.settings.clone());
        self.reloaded = self.now();
    }
}

fn stat(attributes: Attributes) -> Stat {
    let Attributes { st_ino, kind, size, modified, .. } = attributes;
    let nanoseconds = Duration::from_nanos(u64::from(modified.nanoseconds));
    Stat { st_ino, kind, size, modified: Duration::from_secs(modified.seconds) + nanoseconds }
}

fn failure(error: VfsError) -> Failure {
    match error {
        VfsError::NotFound => Failure::Absent,
        VfsError::NotADirectory => Failure::NotADirectory,
        VfsError::IsADirectory => Failure::IsADirectory,
        VfsError::Stale(_) => Failure::Stale,
        other => Failure::Other(other.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_tree_agrees_with_a_naive_one_whatever_happens(
        steps in steps(1..60),
        memory in prop_oneof![Just(0_u64), Just(12_000), Just(1 << 20)],
        stale in prop_oneof![Just(0_u64), Just(100)],
        read_ahead in prop_oneof![Just(0_usize), Just(3)],
        keeps in any::<bool>(),
    ) {
        let stale_while_revalidate = Duration::from_secs(stale);
        let settings =
            Settings { memory, stale_while_revalidate, read_ahead, ..Settings::default() };
        let mut height = InMemory::new(settings, keeps);
        let source = height.rig.source.clone();
        run(&mut height, &source, &steps)?;
        height.forget(0);
        // A file that took another's place may wait for its second lookup, one a name.
        prop_assert!(height.rig.tree.statistics().nodes <= 1 + paths().len() as u64);
    }
}
