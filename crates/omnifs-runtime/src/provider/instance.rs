//! One running copy of a component.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use omnifs_vfs::{
    Answer, ByteRange, Content, Found, Listed, Made, Name, NodeKind, Object, ObjectKey, ProviderId,
    RequestId, VfsError,
};
use parking_lot::Mutex;
use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::calls::{Call, describe_lookup};
use super::failure::Failure;
use super::places::Places;
use super::watch::Watcher;
use crate::bindings::{Filesystem, FilesystemIndices, Projection, ProjectionIndices, projection};
use crate::capability::{Blob, Capabilities, Spoiled};
use crate::convert;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::log::{Console, Output};
use crate::meter::Meter;
use crate::store::{State, Wiring, limited_store};

/// Where in a component the functions of its face are.
pub(super) enum Functions {
    Filesystem(FilesystemIndices),
    Projection(ProjectionIndices),
}

/// The functions of an instance's face.
enum Exports {
    Filesystem(Filesystem),
    Projection(Projection),
}

/// What a face knows an object by.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Inode(u64),
    Id(String),
}

impl From<&ProviderId> for Handle {
    fn from(id: &ProviderId) -> Self {
        Self::Id(id.as_str().to_owned())
    }
}

/// What all instances of a provider are made of.
pub(super) struct Blueprint {
    pub(super) name: Arc<str>,
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) pre: InstancePre<State>,
    pub(super) functions: Functions,
    pub(super) watcher: Watcher,
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
    exports: Exports,
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
            watching: None,
        });
        let instance = self.pre.instantiate_async(&mut store).await?;
        let exports = match &self.functions {
            Functions::Filesystem(indices) => {
                Exports::Filesystem(indices.load(&mut store, &instance)?)
            }
            Functions::Projection(indices) => {
                Exports::Projection(indices.load(&mut store, &instance)?)
            }
        };
        let places = Arc::default();
        let share = Share::new(&self.usage, &places);
        Ok(Instance { store, exports, places, renumbered: false, share, around })
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
                instance.store.data_mut().ask_anew(call.is_anew());
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
    ) -> Result<Option<Handle>, Failure> {
        let mut way = Vec::new();
        let mut at = object;
        let mut handle = loop {
            match (self.known(at), at.place()) {
                (Some(handle), _) => break handle,
                (None, Some((parent, name))) => {
                    way.push((at, parent, name));
                    at = parent;
                }
                // The root is always known.
                (None, None) => break self.root(),
            }
        };
        while let Some((object, parent, name)) = way.pop() {
            let found = self.lookup(&handle, name).await;
            let found =
                found.map_err(|failure| failure.in_answer_to(&describe_lookup(parent, name)))?;
            let Some(found) = found else { return Ok(None) };
            let child = found.child;
            let wanted = if way.is_empty() { kind } else { NodeKind::Directory };
            if child.kind != wanted {
                return Ok(None);
            }
            let id = found.details.as_ref().and_then(|details| details.id.as_ref());
            handle = match id {
                Some(id) => id.into(),
                None => {
                    self.renumbered |= child.inode != object.inode();
                    self.places.walked(object.key(), child.inode);
                    Handle::Inode(child.inode.number())
                }
            };
        }
        Ok(Some(handle))
    }

    /// Returns what this instance knows an object by without asking.
    fn known(&self, object: &Object) -> Option<Handle> {
        match self.exports {
            Exports::Filesystem(_) => self.places.inode(object).map(Handle::Inode),
            // Every instance knows what the provider named.
            Exports::Projection(_) => object.id().as_ref().map(Handle::from),
        }
    }

    fn root(&self) -> Handle {
        match self.exports {
            Exports::Filesystem(_) => Handle::Inode(omnifs_vfs::Inode::ROOT.number()),
            Exports::Projection(_) => Handle::Id(String::new()),
        }
    }

    /// Returns whether names and kinds of one listing are told with it.
    pub(super) fn tells_kinds(&self) -> bool {
        matches!(self.exports, Exports::Projection(_))
    }

    /// Looks a name up in the directory that this instance knows as `parent`.
    pub(super) async fn lookup(
        &mut self,
        parent: &Handle,
        name: &Name,
    ) -> Result<Option<Found>, Failure> {
        let store = &mut self.store;
        match (&self.exports, parent) {
            (Exports::Filesystem(filesystem), Handle::Inode(parent)) => {
                let found = filesystem.call_lookup_child(store, *parent, name.as_str()).await?;
                Ok(found.as_ref().map(convert::child).transpose()?.map(Found::from))
            }
            (Exports::Projection(projection), Handle::Id(parent)) => {
                let answer = projection.call_lookup_child(store, parent, name.as_str()).await?;
                match answer {
                    Ok(found) => Ok(found.map(convert::node).transpose()?),
                    Err(projection::Error::NotFound) => Ok(None),
                    Err(error) => Err(self.failed(error)),
                }
            }
            _ => Err(another_face()),
        }
    }

    /// Remembers a lookup's answer for the object that the tree will make of it.
    pub(super) fn returned(&self, parent: &Object, name: &Name, found: &Found) {
        if found.details.is_none() {
            self.places.returned(parent.key(), name, found.child.inode);
        }
    }

    /// Returns a page of a directory's names.
    pub(super) async fn list(
        &mut self,
        directory: &Handle,
        cursor: Option<&str>,
        limits: &Limits,
    ) -> Result<Listed, Failure> {
        let store = &mut self.store;
        match (&self.exports, directory) {
            (Exports::Filesystem(filesystem), Handle::Inode(directory)) => {
                let names = filesystem.call_list_children(store, *directory).await?;
                let count = names.len() as u64;
                if count > limits.names {
                    let limit = limits.names;
                    return Err(VfsError::ListingTooLarge { names: count, limit }.into());
                }
                Ok(names.into())
            }
            (Exports::Projection(projection), Handle::Id(directory)) => {
                match projection.call_list_children(store, directory, cursor).await? {
                    Ok(page) => Ok(convert::page(page)?),
                    Err(error) => Err(self.failed(error)),
                }
            }
            _ => Err(another_face()),
        }
    }

    /// Reads a file, or a part of it.
    pub(super) async fn read(
        &mut self,
        file: &Handle,
        range: Option<ByteRange>,
    ) -> Result<Option<Content>, Failure> {
        let store = &mut self.store;
        match (&self.exports, file) {
            (Exports::Filesystem(filesystem), Handle::Inode(file)) => {
                Ok(filesystem.call_read_file(store, *file).await?.map(Content::from))
            }
            (Exports::Projection(projection), Handle::Id(file)) => {
                let range = range
                    .map(|ByteRange { offset, length }| projection::ByteRange { offset, length });
                match projection.call_read_file(store, file, range).await? {
                    Ok(projection::Content::Bytes(bytes)) => Ok(Some(bytes.into())),
                    Ok(projection::Content::Blob(blob)) => {
                        let blob = self.store.data_mut().handles().delete(blob);
                        let blob: Blob = blob.map_err(wasmtime::Error::from)?;
                        Ok(Some(Content::Blob(Arc::new(blob))))
                    }
                    Err(projection::Error::NotFound) => Ok(None),
                    Err(error) => Err(self.failed(error)),
                }
            }
            _ => Err(another_face()),
        }
    }

    fn failed(&mut self, error: projection::Error) -> Failure {
        failed(&mut self.store, error)
    }
}

/// Returns the failure that an error of the guest stands for: the one that the host saw in the
/// call, which says more, or its own.
fn failed(store: &mut Store<State>, error: projection::Error) -> Failure {
    let own = convert::error(error);
    store.data_mut().taint().first().unwrap_or(own).into()
}

/// An object is never asked about by the other face's handle: both come from one instance.
fn another_face() -> Failure {
    VfsError::Internal("an object of another face".to_owned()).into()
}
