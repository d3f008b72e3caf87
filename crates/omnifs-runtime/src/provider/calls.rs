//! The calls that a provider answers, each with its checks.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use omnifs_vfs::{Child, Name, NodeKind, Object, Probe, VfsError};
use parking_lot::Mutex;

use super::failure::Failure;
use super::instance::Instance;
use crate::limits::Limits;

/// How long one bulk lookup may keep the instance from other calls.
const HOLD: Duration = Duration::from_millis(1);

/// The names of the contract's functions, for spans and messages.
pub(super) mod ops {
    pub(in crate::provider) const LOOKUP: &str = "lookup-child";
    pub(in crate::provider) const LIST: &str = "list-children";
    pub(in crate::provider) const READ: &str = "read-file";
}

/// One call of the tree, run on one instance.
pub(super) trait Call: Send + Sync {
    /// What it answers.
    type Answer: Send;

    /// Its name in the contract.
    const OP: &'static str;

    /// Returns the call with what it is about: `read-file(/a/b)`.
    fn describe(&self) -> String;

    /// Runs it.
    fn run(
        &self,
        instance: &mut Instance,
        limits: &Limits,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;

    /// Returns what the call had found when it cost its instance.
    fn salvage(&self, error: VfsError) -> Result<Self::Answer, VfsError> {
        Err(error)
    }
}

/// Returns a lookup in words: `lookup-child(/a/b)`.
pub(super) fn describe_lookup(parent: &Object, name: &Name) -> String {
    describe(ops::LOOKUP, parent, Some(name))
}

fn describe(op: &str, directory: &Object, name: Option<&Name>) -> String {
    let path = directory.path();
    match name {
        Some(name) if path == "/" => format!("{op}(/{name})"),
        Some(name) => format!("{op}({path}/{name})"),
        None => format!("{op}({path})"),
    }
}

/// A name in a directory.
pub(super) struct Lookup<'a> {
    pub(super) parent: &'a Arc<Object>,
    pub(super) name: &'a Name,
}

impl Call for Lookup<'_> {
    type Answer = Option<Child>;

    const OP: &'static str = ops::LOOKUP;

    fn describe(&self) -> String {
        describe_lookup(self.parent, self.name)
    }

    async fn run(
        &self,
        instance: &mut Instance,
        _limits: &Limits,
    ) -> Result<Self::Answer, Failure> {
        // A directory that is gone has no names.
        let Some(parent) = instance.find(self.parent, NodeKind::Directory).await? else {
            return Ok(None);
        };
        let child = instance
            .lookup(parent, self.name)
            .await
            .map_err(|failure| failure.in_answer_to(&self.describe()))?;
        if let Some(child) = child {
            instance.returned(self.parent, self.name, child);
        }
        Ok(child)
    }
}

/// All names of a directory.
pub(super) struct List<'a> {
    pub(super) directory: &'a Arc<Object>,
}

impl Call for List<'_> {
    type Answer = Vec<String>;

    const OP: &'static str = ops::LIST;

    fn describe(&self) -> String {
        describe(Self::OP, self.directory, None)
    }

    async fn run(&self, instance: &mut Instance, limits: &Limits) -> Result<Self::Answer, Failure> {
        let Some(directory) = instance.find(self.directory, NodeKind::Directory).await? else {
            return Err(gone(self.directory, NodeKind::Directory));
        };
        let children = instance.list(directory).await?;
        let names = children.len() as u64;
        if names > limits.names {
            return Err(VfsError::ListingTooLarge { names, limit: limits.names }.into());
        }
        Ok(children)
    }
}

/// The bytes of a file.
pub(super) struct Read<'a> {
    pub(super) file: &'a Arc<Object>,
}

impl Call for Read<'_> {
    type Answer = Option<Bytes>;

    const OP: &'static str = ops::READ;

    fn describe(&self) -> String {
        describe(Self::OP, self.file, None)
    }

    async fn run(&self, instance: &mut Instance, limits: &Limits) -> Result<Self::Answer, Failure> {
        let Some(file) = instance.find(self.file, NodeKind::File).await? else {
            return Err(gone(self.file, NodeKind::File));
        };
        let Some(content) = instance.read(file).await? else { return Ok(None) };
        let size = content.len() as u64;
        if size > limits.file {
            return Err(VfsError::FileTooLarge { size, limit: limits.file }.into());
        }
        Ok(Some(content.into()))
    }
}

fn gone(object: &Object, kind: NodeKind) -> Failure {
    let kind = match kind {
        NodeKind::File => "file",
        NodeKind::Directory => "directory",
    };
    VfsError::Stale(format!("the provider has no {kind} {} any more", object.path())).into()
}

/// Several names of one directory, as many as a short hold of the instance allows.
pub(super) struct ProbeAll<'a> {
    pub(super) parent: &'a Arc<Object>,
    pub(super) names: &'a [Name],
    /// What was found so far, for the case that a lookup traps. Only the running call writes.
    pub(super) found: Mutex<Vec<Option<Child>>>,
}

impl ProbeAll<'_> {
    fn probe(&self, more: bool) -> Probe {
        Probe { children: std::mem::take(&mut *self.found.lock()), more }
    }
}

impl Call for ProbeAll<'_> {
    type Answer = Probe;

    const OP: &'static str = ops::LOOKUP;

    fn describe(&self) -> String {
        match self.names.get(self.found.lock().len()) {
            Some(name) => describe_lookup(self.parent, name),
            None => describe(Self::OP, self.parent, None),
        }
    }

    async fn run(
        &self,
        instance: &mut Instance,
        _limits: &Limits,
    ) -> Result<Self::Answer, Failure> {
        let Some(parent) = instance.find(self.parent, NodeKind::Directory).await? else {
            return Err(gone(self.parent, NodeKind::Directory));
        };
        let start = Instant::now();
        for name in self.names {
            let child = match instance.lookup(parent, name).await {
                Ok(child) => child,
                // The name's own lookup will say so.
                Err(Failure::Answer(_)) => None,
                Err(broken @ Failure::Broken(_)) => return Err(broken),
            };
            if let Some(child) = child {
                instance.returned(self.parent, name, child);
            }
            self.found.lock().push(child);
            if instance.waited() {
                return Ok(self.probe(false));
            }
            if start.elapsed() >= HOLD {
                break;
            }
        }
        Ok(self.probe(true))
    }

    /// The name that cost the instance counts as unknown; its own lookup will say why.
    fn salvage(&self, _error: VfsError) -> Result<Self::Answer, VfsError> {
        self.found.lock().push(None);
        Ok(self.probe(false))
    }
}
