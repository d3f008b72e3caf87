//! One running copy of a component.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use omnifs_vfs::{Answer, Child, Made, Name, NodeKind, Object, ObjectKey, RequestId};
use parking_lot::Mutex;
use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::calls::{Call, describe_lookup};
use super::failure::Failure;
use super::places::Places;
use crate::bindings::{Filesystem, FilesystemIndices};
use crate::capability::{Capabilities, Spoiled};
use crate::convert;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::log::{Console, Output};
use crate::meter::Meter;
use crate::store::{State, Wiring, limited_store};

/// What all instances of a provider are made of.
pub(super) struct Blueprint {
    pub(super) name: Arc<str>,
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) pre: InstancePre<State>,
    pub(super) filesystem: FilesystemIndices,
    pub(super) output: Arc<Output>,
    pub(super) usage: Arc<Usage>,
    pub(super) capabilities: Arc<Capabilities>,
}

/// What the instances of a provider hold together.
#[derive(Debug, Default)]
pub(super) struct Usage {
    instances: AtomicU64,
    memory: AtomicU64,
    /// The tables of the living instances. Held while entries are dropped from them.
    places: Mutex<Vec<Weak<Places>>>,
}

impl Usage {
    pub(super) fn instances(&self) -> u64 {
        self.instances.load(Ordering::Relaxed)
    }

    pub(super) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Drops what every instance knows about an object. A call about it that still runs may
    /// learn it again; that entry stays until the instance ends.
    pub(super) fn forget(&self, object: ObjectKey) {
        for places in self.places.lock().iter().filter_map(Weak::upgrade) {
            places.forget(object);
        }
    }
}

/// An instance's share of its provider's usage.
struct Share {
    usage: Arc<Usage>,
    memory: u64,
}

impl Share {
    fn new(usage: &Arc<Usage>, places: &Arc<Places>) -> Self {
        usage.instances.fetch_add(1, Ordering::Relaxed);
        let mut tables = usage.places.lock();
        tables.retain(|places| places.strong_count() > 0);
        tables.push(Arc::downgrade(places));
        Self { usage: Arc::clone(usage), memory: 0 }
    }

    fn set_memory(&mut self, memory: u64) {
        self.usage.memory.fetch_add(memory, Ordering::Relaxed);
        self.usage.memory.fetch_sub(self.memory, Ordering::Relaxed);
        self.memory = memory;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.usage.instances.fetch_sub(1, Ordering::Relaxed);
        self.usage.memory.fetch_sub(self.memory, Ordering::Relaxed);
    }
}

/// What belongs to one instance and is there before and after it.
struct Surroundings {
    meter: Arc<Meter>,
    console: Arc<Console>,
}

/// One copy of the component, with its own memory.
pub(super) struct Instance {
    store: Store<State>,
    filesystem: Filesystem,
    places: Arc<Places>,
    /// Whether this instance numbered an object differently from the one that found it.
    renumbered: bool,
    share: Share,
    around: Surroundings,
}

impl Blueprint {
    /// Begins a call on `idle`, or on a new instance.
    pub(super) fn session(self: &Arc<Self>, idle: Option<Instance>) -> Session {
        let (meter, console) = match &idle {
            Some(instance) => {
                (Arc::clone(&instance.around.meter), Arc::clone(&instance.around.console))
            }
            None => (Arc::default(), Console::new(Arc::clone(&self.output))),
        };
        meter.reset();
        Session { blueprint: Arc::clone(self), meter, console, instance: idle }
    }

    async fn instantiate(&self, around: Surroundings) -> wasmtime::Result<Instance> {
        let mut store = limited_store(&Wiring {
            engine: &self.engine,
            limits: &self.limits,
            console: &around.console,
            meter: &around.meter,
            capabilities: &self.capabilities,
        });
        let instance = self.pre.instantiate_async(&mut store).await?;
        let filesystem = self.filesystem.load(&mut store, &instance)?;
        let places = Arc::default();
        let share = Share::new(&self.usage, &places);
        Ok(Instance { store, filesystem, places, renumbered: false, share, around })
    }
}

/// One call: an instance, which may have to be made first, and what the call leaves behind.
pub(super) struct Session {
    blueprint: Arc<Blueprint>,
    meter: Arc<Meter>,
    console: Arc<Console>,
    instance: Option<Instance>,
}

impl Session {
    /// Runs the call; making the instance counts towards its limits.
    pub(super) async fn run<C: Call>(&mut self, call: &C) -> Result<Answer<C::Value>, Failure> {
        let Self { blueprint, meter, console, instance } = self;
        let around = || Surroundings { meter: Arc::clone(meter), console: Arc::clone(console) };
        meter
            .measure(async {
                let instance = match instance {
                    Some(instance) => instance,
                    empty => empty.insert(blueprint.instantiate(around()).await?),
                };
                // Counted from now: a call shorter than a tick is not asked to give way for
                // ticks that went by while the instance was idle.
                instance.store.set_epoch_deadline(1);
                instance.store.data_mut().taint().clear();
                instance.store.data_mut().exchanges().clear();
                call.run(instance, &blueprint.limits).await
            })
            .await
    }

    /// Returns how the call that just ran went about its answer.
    pub(super) fn made(&mut self, request: RequestId) -> Made {
        match &mut self.instance {
            Some(instance) => instance.store.data_mut().exchanges().take(request),
            None => Made { request, exchanges: Vec::new(), more: 0 },
        }
    }

    /// Ends the call's output and returns the end of its standard error.
    pub(super) fn end(&self) -> String {
        self.console.end_call()
    }

    /// Returns whether the instance numbers objects on discovery.
    pub(super) fn renumbered(&self) -> bool {
        self.instance.as_ref().is_some_and(|instance| instance.renumbered)
    }

    /// Returns the instance, for another call.
    pub(super) fn into_instance(self) -> Option<Instance> {
        let mut instance = self.instance?;
        let memory = instance.memory();
        instance.share.set_memory(memory);
        Some(instance)
    }
}

impl Instance {
    /// Returns the bytes of its linear memories.
    pub(super) fn memory(&self) -> u64 {
        self.store.data().memory()
    }

    /// Says how failed requests spoil an answer of the running call.
    pub(super) fn judge(&mut self, empty: bool) -> Spoiled {
        let state = self.store.data_mut();
        let rule = state.capabilities().errors;
        state.taint().judge(rule, empty)
    }

    /// Returns whether the running call has waited for something outside.
    pub(super) fn waited(&self) -> bool {
        self.around.meter.waited()
    }

    /// Returns this instance's inode of `object`, walking to it from the last known directory
    /// on its path; `None` when the provider does not know a name there any more, or knows it
    /// as something else than `kind`.
    pub(super) async fn find(
        &mut self,
        object: &Arc<Object>,
        kind: NodeKind,
    ) -> Result<Option<u64>, Failure> {
        let mut way = Vec::new();
        let mut at = object;
        let mut inode = loop {
            match (self.places.inode(at), at.place()) {
                (Some(inode), _) => break inode,
                (None, Some((parent, name))) => {
                    way.push((at, parent, name));
                    at = parent;
                }
                // The root is always known.
                (None, None) => break omnifs_vfs::Inode::ROOT.number(),
            }
        };
        while let Some((object, parent, name)) = way.pop() {
            let found = self.lookup(inode, name).await;
            let found =
                found.map_err(|failure| failure.in_answer_to(&describe_lookup(parent, name)))?;
            let Some(child) = found else { return Ok(None) };
            let wanted = if way.is_empty() { kind } else { NodeKind::Directory };
            if child.kind != wanted {
                return Ok(None);
            }
            self.renumbered |= child.inode != object.inode();
            self.places.walked(object.key(), child.inode);
            inode = child.inode.number();
        }
        Ok(Some(inode))
    }

    /// Looks a name up in the directory that this instance knows as `parent`.
    pub(super) async fn lookup(
        &mut self,
        parent: u64,
        name: &Name,
    ) -> Result<Option<Child>, Failure> {
        let found =
            self.filesystem.call_lookup_child(&mut self.store, parent, name.as_str()).await?;
        Ok(found.as_ref().map(convert::child).transpose()?)
    }

    /// Remembers a lookup's answer for the object that the tree will make of it.
    pub(super) fn returned(&self, parent: &Object, name: &Name, child: Child) {
        self.places.returned(parent.key(), name, child.inode);
    }

    pub(super) async fn list(&mut self, directory: u64) -> wasmtime::Result<Vec<String>> {
        self.filesystem.call_list_children(&mut self.store, directory).await
    }

    pub(super) async fn read(&mut self, file: u64) -> wasmtime::Result<Option<Vec<u8>>> {
        self.filesystem.call_read_file(&mut self.store, file).await
    }
}
