//! The table of nodes and the cache of bytes, without a kernel: `cargo bench -p omnifs-vfs`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails loudly")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use futures_util::FutureExt as _;
use omnifs_vfs::{Lookup, Name, NodeId, Settings, SystemClock, Tree};
use tokio::runtime::Runtime;
use vfs_testing::Memory;

/// The names of the directory.
const NAMES: usize = 10_000;

fn tree() -> (Runtime, Arc<Tree>, Vec<Name>) {
    let memory = Memory::new();
    let names: Vec<String> = (0..NAMES).map(|number| format!("name-{number:05}.txt")).collect();
    for name in &names {
        memory.file(name, vec![b'x'; 1024]);
    }
    let tree = Tree::new(memory, Arc::new(SystemClock::new()), Settings::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let names: Vec<Name> =
        names.iter().map(|name| Name::from_provider(name.as_str()).unwrap()).collect();
    // What the loops below find in memory.
    runtime.block_on(async {
        for name in &names {
            let node = found(tree.lookup(NodeId::ROOT, name).await.unwrap());
            assert_eq!(tree.read(node, 0, 4096).await.unwrap().len(), 1024);
        }
    });
    (runtime, tree, names)
}

fn found(lookup: Lookup) -> NodeId {
    match lookup {
        Lookup::Found(entry) => entry.node,
        Lookup::Absent { .. } => panic!("a name is gone"),
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (runtime, tree, names) = tree();
    let _entered = runtime.enter();
    let mut next = names.iter().cycle();
    let mut look_up = || {
        // Known: it is answered in the first poll.
        let name = next.next().unwrap();
        found(tree.lookup(NodeId::ROOT, name).now_or_never().unwrap().unwrap())
    };
    criterion.bench_function("node table: look a known name up, and forget it", |bencher| {
        bencher.iter(|| {
            let node = look_up();
            tree.forget(node, 1);
            node
        });
    });
    let nodes: Vec<NodeId> = (0..NAMES).map(|_| look_up()).collect();
    let mut next = nodes.iter().cycle();
    criterion.bench_function("cache: get 1 KiB", |bencher| {
        bencher.iter(|| {
            let node = *next.next().unwrap();
            let bytes = tree.read(node, 0, 4096).now_or_never().unwrap().unwrap();
            black_box(bytes).len()
        });
    });
    criterion.final_summary();
}
