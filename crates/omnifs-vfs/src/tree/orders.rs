//! The tree in every order that shuttle finds: lookups against reads, changes, forgets and an
//! exchange of the source.

use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use shuttle::future::{spawn, yield_now};

use super::*;
use crate::sync::explore;
use crate::{
    ByteRange, Child, Content, Inode, Listed, Lookup, NodeKind, Object, ObjectKey, Probe,
    TestClock, VfsError,
};

/// One file "f", whose bytes are a number that counts up.
struct Counter {
    /// The number of its only object.
    inode: u64,
    count: AtomicU64,
    /// What it was told to forget.
    forgotten: Mutex<Vec<ObjectKey>>,
}

impl Counter {
    fn new(inode: u64) -> Arc<Self> {
        Arc::new(Self { inode, count: AtomicU64::new(0), forgotten: Mutex::new(Vec::new()) })
    }
}

impl Source for Counter {
    fn lookup_child<'a>(
        &'a self,
        _parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Found>>, VfsError>> {
        async move {
            yield_now().await;
            let inode = Inode::of_child(self.inode).unwrap();
            let child = Child { inode, kind: NodeKind::File };
            yield_now().await;
            Ok((name.as_str() == "f").then_some(child.into()).into())
        }
        .boxed()
    }

    fn list_children<'a>(
        &'a self,
        _directory: &'a Arc<Object>,
        _cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Answer<Listed>, VfsError>> {
        async { Ok(Listed::from(vec!["f".to_owned()]).into()) }.boxed()
    }

    fn read_file<'a>(
        &'a self,
        _file: &'a Arc<Object>,
        _range: Option<ByteRange>,
    ) -> BoxFuture<'a, Result<Answer<Option<Content>>, VfsError>> {
        async move {
            yield_now().await;
            let bytes = self.count.load(SeqCst).to_string();
            yield_now().await;
            Ok(Some(Content::from(bytes)).into())
        }
        .boxed()
    }

    fn probe_children<'a>(
        &'a self,
        _parent: &'a Arc<Object>,
        _names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>> {
        async { Ok(Probe::default()) }.boxed()
    }

    fn forget(&self, object: ObjectKey) {
        self.forgotten.lock().push(object);
    }
}

struct Rig {
    tree: Arc<Tree>,
    clock: Arc<TestClock>,
    source: Arc<Counter>,
    /// What each node id stood for when it was first seen: its object and, once read, bytes.
    seen: Mutex<HashMap<NodeId, (u64, Option<Bytes>)>>,
    /// How often each node was looked up and not forgotten.
    held: Mutex<HashMap<NodeId, u64>>,
}

fn settings(stale: Duration) -> Settings {
    Settings { stale_while_revalidate: stale, ..Settings::default() }
}

impl Rig {
    fn new(stale: Duration) -> Arc<Self> {
        let (source, clock) = (Counter::new(5), Arc::new(TestClock::new()));
        let tree = Tree::new(Arc::clone(&source) as _, Arc::clone(&clock) as _, settings(stale));
        let (seen, held) = (Mutex::new(HashMap::new()), Mutex::new(HashMap::new()));
        Arc::new(Self { tree, clock, source, seen, held })
    }

    async fn lookup(&self) -> NodeId {
        let name = Name::from_provider("f").unwrap();
        let found = self.tree.lookup(NodeId::ROOT, &name).await;
        let Ok(Lookup::Found(entry)) = found else { panic!("{found:?} of what is there") };
        let inode = entry.attributes.st_ino - 1;
        let first = self.seen.lock().entry(entry.node).or_insert((inode, None)).0;
        assert_eq!(first, inode, "{:?} stood for another object", entry.node);
        *self.held.lock().entry(entry.node).or_default() += 1;
        entry.node
    }

    async fn read(&self, node: NodeId) {
        match self.tree.read(node, 0, 99).await {
            Ok(read) => {
                let mut seen = self.seen.lock();
                let (_, bytes) = seen.get_mut(&node).unwrap();
                assert_eq!(bytes.get_or_insert_with(|| read.clone()), &read, "{node:?}");
            }
            Err(VfsError::Stale(_)) => {}
            Err(error) => panic!("{node:?}: {error}"),
        }
        assert!(self.tree.nodes.lock().get(node).is_ok(), "{node:?} is held and not known");
    }

    fn forget(&self, node: NodeId) {
        let mut held = self.held.lock();
        let count = held.get_mut(&node).unwrap();
        *count -= 1;
        drop(held);
        self.tree.forget(node, 1);
    }

    /// Checks that each node is known as often as it was looked up, and lets go of them all.
    fn end(&self) {
        let held = std::mem::take(&mut *self.held.lock());
        for (node, count) in &held {
            let nodes = self.tree.nodes.lock();
            let known = nodes.get(*node).map_or(0, nodes::Node::lookups);
            drop(nodes);
            assert_eq!(known, *count, "lookups of {node:?}");
            self.tree.forget(*node, *count);
        }
        // A file that took another's place may wait for its second lookup.
        assert!(self.tree.statistics().nodes <= 2, "{:?}", self.tree.statistics());
        let mut forgotten = self.source.forgotten.lock().clone();
        let count = forgotten.len();
        forgotten.sort_unstable();
        forgotten.dedup();
        assert_eq!(forgotten.len(), count, "an object was forgotten twice");
    }
}

/// Looks the file up, reads it, and forgets it, twice; the second time it stays.
async fn use_it(rig: Arc<Rig>) {
    let first = rig.lookup().await;
    rig.read(first).await;
    let second = rig.lookup().await;
    rig.forget(first);
    rig.read(second).await;
}

fn users_against_changes(stale: Duration) {
    explore(move || async move {
        let rig = Rig::new(stale);
        let users = [spawn(use_it(Arc::clone(&rig))), spawn(use_it(Arc::clone(&rig)))];
        let changing = Arc::clone(&rig);
        let changes = spawn(async move {
            for _ in 0..2 {
                changing.source.count.fetch_add(1, SeqCst);
                yield_now().await;
                changing.clock.advance(Duration::from_secs(61));
                yield_now().await;
            }
        });
        for task in users {
            task.await.unwrap();
        }
        changes.await.unwrap();
        rig.end();
    });
}

#[test]
fn a_node_is_one_version_and_is_counted_while_files_change() {
    users_against_changes(Duration::ZERO);
}

#[test]
fn a_node_is_one_version_and_is_counted_while_names_are_refreshed() {
    users_against_changes(Duration::from_secs(600));
}

#[test]
fn a_lookup_finds_what_is_there_while_others_forget_it() {
    explore(|| async {
        let rig = Rig::new(Duration::ZERO);
        let user = || {
            let rig = Arc::clone(&rig);
            spawn(async move {
                for _ in 0..2 {
                    let node = rig.lookup().await;
                    rig.forget(node);
                }
            })
        };
        for task in [user(), user(), user()] {
            task.await.unwrap();
        }
        rig.end();
    });
}

#[test]
fn once_the_source_is_another_one_nothing_that_the_old_one_said_is_believed() {
    explore(|| async {
        let rig = Rig::new(Duration::from_secs(600));
        let users = [spawn(use_it(Arc::clone(&rig))), spawn(use_it(Arc::clone(&rig)))];
        let changing = Arc::clone(&rig);
        let exchange = spawn(async move {
            yield_now().await;
            let other = Counter::new(6);
            changing.tree.replace(other, settings(Duration::from_secs(600)));
            // The answer to a question that was under way is used once.
            let name = Name::from_provider("f").unwrap();
            for _ in 0..2 {
                let found = changing.tree.lookup(NodeId::ROOT, &name).await;
                let Ok(Lookup::Found(entry)) = found else { panic!("{found:?}") };
                let old = entry.attributes.st_ino == 6;
                assert!(!old || entry.valid.is_zero(), "{entry:?} is the old source's");
                changing.tree.forget(entry.node, 1);
            }
        });
        for task in users {
            task.await.unwrap();
        }
        exchange.await.unwrap();
        rig.end();
    });
}

/// Has users at work while the bytes change and `tell` says so, and sees that whoever looks after
/// that finds the new ones.
fn never_older_than(tell: impl Fn(&Tree) + Copy + Send + Sync + 'static) {
    explore(move || async move {
        let rig = Rig::new(Duration::from_secs(600));
        let users = [spawn(use_it(Arc::clone(&rig))), spawn(use_it(Arc::clone(&rig)))];
        let changing = Arc::clone(&rig);
        let changes = spawn(async move {
            for _ in 0..2 {
                let now = changing.source.count.fetch_add(1, SeqCst) + 1;
                tell(&changing.tree);
                let found = loop {
                    let node = changing.lookup().await;
                    let read = changing.tree.read(node, 0, 99).await;
                    changing.forget(node);
                    match read {
                        Ok(bytes) => break String::from_utf8(bytes.to_vec()).unwrap(),
                        // The name leads to what was found meanwhile.
                        Err(VfsError::Stale(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                };
                assert!(found.parse::<u64>().unwrap() >= now, "{found} is older than {now}");
            }
        });
        for task in users {
            task.await.unwrap();
        }
        changes.await.unwrap();
        rig.end();
    });
}

#[test]
fn what_is_asked_for_anew_is_never_older_than_the_request() {
    never_older_than(|tree| {
        tree.expire("/");
    });
}

#[test]
fn what_is_outdated_is_never_the_answer_afterwards() {
    never_older_than(|tree| tree.invalidate(&[Inode::of_child(5).unwrap()]));
}

#[test]
fn users_that_are_cut_off_leave_nothing_behind() {
    explore(|| async {
        let rig = Rig::new(Duration::from_secs(600));
        let users = [(); 3].map(|()| spawn(use_it(Arc::clone(&rig))));
        let ends = users.map(|user| {
            let cut = user.abort_handle();
            (user, spawn(async move { cut.abort() }))
        });
        for (user, cut) in ends {
            cut.await.unwrap();
            let _ended_or_cut_off = user.await;
        }
        let (tree, source) = (Arc::downgrade(&rig.tree), Arc::downgrade(&rig.source));
        drop(rig);
        // What runs behind the users' backs ends by itself.
        for _ in 0..100 {
            if source.strong_count() == 0 {
                break;
            }
            yield_now().await;
        }
        assert_eq!((tree.strong_count(), source.strong_count()), (0, 0));
    });
}
