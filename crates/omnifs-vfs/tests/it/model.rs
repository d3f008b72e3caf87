//! Random operations on the tree and on a naive model of what it promises, in step.

use std::collections::HashMap;
use std::time::Duration;

use omnifs_vfs::{Lookup, Name, NodeId, NodeKind, Settings, VfsError};
use proptest::prelude::*;

use crate::source::{Item, Rig};

#[derive(Clone, Debug)]
enum Step {
    Write(usize, Vec<u8>),
    Remove(usize),
    Wait(u64),
    Lookup(usize),
    Stat(usize),
    Read(usize),
    List,
    Forget(usize),
}

const FILES: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let file = 0..FILES;
    prop_oneof![
        3 => (file.clone(), prop::collection::vec(any::<u8>(), 0..64))
            .prop_map(|(file, bytes)| Step::Write(file, bytes)),
        1 => file.clone().prop_map(Step::Remove),
        2 => (1..200_u64).prop_map(Step::Wait),
        5 => file.clone().prop_map(Step::Lookup),
        3 => (0..8_usize).prop_map(Step::Stat),
        5 => (0..8_usize).prop_map(Step::Read),
        2 => Just(Step::List),
        2 => (0..8_usize).prop_map(Step::Forget),
    ]
}

/// What the kernel would hold: lookup counts, and the first bytes or size seen of each node.
#[derive(Default)]
struct Model {
    held: Vec<NodeId>,
    bytes: HashMap<NodeId, Vec<u8>>,
    sizes: HashMap<NodeId, u64>,
    /// Every content that each file ever had.
    history: HashMap<usize, Vec<Vec<u8>>>,
    file_of: HashMap<NodeId, usize>,
}

impl Model {
    async fn apply(&mut self, rig: &Rig, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Write(file, bytes) => {
                rig.source.put(&file.to_string(), 10 + file as u64, Item::File(bytes.clone()));
                self.history.entry(file).or_default().push(bytes);
            }
            Step::Remove(file) => rig.source.remove(&file.to_string()),
            Step::Wait(seconds) => rig.clock.advance(Duration::from_secs(seconds)),
            Step::Lookup(file) => {
                let name = Name::from_provider(&file.to_string()).unwrap();
                if let Lookup::Found(entry) = rig.tree.lookup(NodeId::ROOT, &name).await? {
                    prop_assert_eq!(entry.attributes.kind, NodeKind::File);
                    prop_assert_eq!(entry.attributes.st_ino, 11 + file as u64);
                    self.held.push(entry.node);
                    self.file_of.insert(entry.node, file);
                    if !entry.attributes.valid.is_zero() {
                        self.sized(entry.node, entry.attributes.size)?;
                    }
                }
            }
            Step::Stat(at) => {
                let Some(node) = self.pick(at) else { return Ok(()) };
                if let Some(attributes) = settled(rig.tree.attributes(node).await)? {
                    self.sized(node, attributes.size)?;
                }
            }
            Step::Read(at) => {
                let Some(node) = self.pick(at) else { return Ok(()) };
                if let Some(read) = settled(rig.read(node).await)? {
                    self.sized(node, read.len() as u64)?;
                    let first = self.bytes.entry(node).or_insert_with(|| read.to_vec());
                    prop_assert_eq!(&*first, &read.to_vec(), "one node, one version");
                    let known = &self.history[&self.file_of[&node]];
                    prop_assert!(known.contains(first), "bytes that the file never had");
                }
            }
            Step::List => {
                rig.list(NodeId::ROOT).await;
            }
            Step::Forget(at) => {
                if let Some(node) = self.pick(at) {
                    let index = self.held.iter().position(|held| *held == node).unwrap();
                    self.held.swap_remove(index);
                    rig.tree.forget(node, 1);
                }
            }
        }
        rig.settle().await;
        Ok(())
    }

    fn pick(&self, at: usize) -> Option<NodeId> {
        (!self.held.is_empty()).then(|| self.held[at % self.held.len()])
    }

    fn sized(&mut self, node: NodeId, size: u64) -> Result<(), TestCaseError> {
        prop_assert_eq!(*self.sizes.entry(node).or_insert(size), size, "a size never changes");
        Ok(())
    }
}

/// The failures that a node may have at any time: its file is gone, or its version is.
fn settled<T>(result: Result<T, VfsError>) -> Result<Option<T>, TestCaseError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(VfsError::Stale(_) | VfsError::NotFound) => Ok(None),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_node_is_one_version_whatever_happens(
        steps in prop::collection::vec(step(), 1..60),
        memory in prop_oneof![Just(0_u64), Just(600), Just(1 << 20)],
        stale in prop_oneof![Just(0_u64), Just(100)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async move {
            let rig = Rig::with(Settings {
                memory,
                stale_while_revalidate: Duration::from_secs(stale),
                ..Settings::default()
            });
            let mut model = Model::default();
            for step in steps {
                model.apply(&rig, step).await?;
            }
            for node in std::mem::take(&mut model.held) {
                rig.tree.forget(node, 1);
            }
            // Files that were replaced may wait for their second lookup, one a name.
            prop_assert!(rig.tree.statistics().nodes <= 1 + FILES as u64);
            Ok(())
        })?;
    }
}
