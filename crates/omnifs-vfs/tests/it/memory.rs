//! What a node takes.

use std::fs;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use omnifs_vfs::{
    Answer, ByteRange, Child, Content, Found, Inode, Listed, Lookup, Name, NodeId, NodeKind,
    Object, ObjectKey, Probe, Settings, Source, TestClock, Tree, VfsError,
};

/// How many nodes are measured.
const NODES: u64 = 1_000_000;

/// What each may take: the target of the design.
const NODE_BYTES: u64 = 300;

/// Answers every number as the name of a file, and remembers nothing.
struct Numbers;

impl Source for Numbers {
    fn lookup_child<'a>(
        &'a self,
        _parent: &'a Arc<Object>,
        name: &'a Name,
    ) -> BoxFuture<'a, Result<Answer<Option<Found>>, VfsError>> {
        let number = name.as_str().trim_start_matches("name-").parse().ok();
        let inode = number.and_then(Inode::of_child);
        let child = inode.map(|inode| Child { inode, kind: NodeKind::File });
        async move { Ok(child.map(Found::from).into()) }.boxed()
    }

    fn list_children<'a>(
        &'a self,
        _directory: &'a Arc<Object>,
        _cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Answer<Listed>, VfsError>> {
        async { Ok(Listed::default().into()) }.boxed()
    }

    fn read_file<'a>(
        &'a self,
        _file: &'a Arc<Object>,
        _range: Option<ByteRange>,
    ) -> BoxFuture<'a, Result<Answer<Option<Content>>, VfsError>> {
        async { Ok(None.into()) }.boxed()
    }

    fn probe_children<'a>(
        &'a self,
        _parent: &'a Arc<Object>,
        _names: &'a [Name],
    ) -> BoxFuture<'a, Result<Probe, VfsError>> {
        async { Ok(Probe::default()) }.boxed()
    }

    fn forget(&self, _object: ObjectKey) {}
}

/// Returns the resident memory of this process in bytes, from proc_pid_status(5).
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_million_nodes_take_300_bytes_each() {
    let clock = Arc::new(TestClock::new());
    let tree = Tree::new(Arc::new(Numbers), clock, Settings::default());
    let before = resident();
    for number in 2..NODES + 2 {
        let name = Name::from_provider(&format!("name-{number:06}")).unwrap();
        let found = tree.lookup(NodeId::ROOT, &name).await;
        assert!(matches!(found, Ok(Lookup::Found(_))), "{name} is there");
    }
    let each = (resident() - before) / NODES;
    println!("{each} bytes a node");
    assert!(each <= NODE_BYTES, "{each} bytes a node");
}
