//! The calls that a provider answers, each with its checks.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omnifs_vfs::{
    Answer, ByteRange, Child, Content, Found, Listed, Name, NodeKind, Object, Probe, VfsError,
};
use parking_lot::Mutex;

use super::failure::Failure;
use super::instance::Instance;
use crate::capability::Spoiled;
use crate::limits::Limits;

/// How long one bulk lookup may keep the instance from other calls.
const HOLD: Duration = Duration::from_millis(1);

/// The names of the contract's functions, for spans and messages.
pub(super) mod ops {
    pub(in crate::provider) const LOOKUP: &str = "lookup-child";
    pub(in crate::provider) const LIST: &str = "list-children";
    pub(in crate::provider) const READ: &str = "read-file";
    pub(in crate::provider) const WATCH: &str = "watch";

    /// Those that are called for a tree.
    pub(in crate::provider) const CALLED: [&str; 3] = [LOOKUP, LIST, READ];
}

/// One call of the tree, run on one instance.
pub(super) trait Call: Send + Sync {
    /// What its answer is about.
    type Value: Send;

    /// Its name in the contract.
    const OP: &'static str;

    /// Returns the path from the provider's root that it is about.
    fn path(&self) -> String;

    /// Returns whether it wants what the upstream has now, and nothing that is kept of it.
    fn is_anew(&self) -> bool {
        false
    }

    /// Returns the call with what it is about: `read-file(/a/b)`.
    fn describe(&self) -> String {
        format!("{}({})", Self::OP, self.path())
    }

    /// Runs it.
    fn run(
        &self,
        instance: &mut Instance,
        limits: &Limits,
    ) -> impl Future<Output = Result<Answer<Self::Value>, Failure>> + Send;

    /// Returns what the call had found when it cost its instance.
    fn salvage(&self, error: VfsError) -> Result<Answer<Self::Value>, VfsError> {
        Err(error)
    }
}

/// Returns a lookup in words: `lookup-child(/a/b)`.
pub(super) fn describe_lookup(parent: &Object, name: &Name) -> String {
    format!("{}({})", ops::LOOKUP, below(parent, name))
}

/// Puts an answer together with what failed while it was made: nothing is then the failure.
fn unspoiled<T>(
    instance: &mut Instance,
    value: T,
    empty: impl FnOnce(&T) -> bool,
) -> Result<Answer<T>, Failure> {
    match instance.judge(empty(&value)) {
        Spoiled::No => Ok(value.into()),
        Spoiled::Partial(failure) => Ok(Answer { value, partial: Some(failure), made: None }),
        Spoiled::Failed(failure) => Err(failure.into()),
    }
}

fn below(parent: &Object, name: &Name) -> String {
    let path = parent.path();
    if path == "/" { format!("/{name}") } else { format!("{path}/{name}") }
}

/// A name in a directory.
pub(super) struct Lookup<'a> {
    pub(super) parent: &'a Arc<Object>,
    pub(super) name: &'a Name,
    pub(super) anew: bool,
}

impl Call for Lookup<'_> {
    type Value = Option<Found>;

    const OP: &'static str = ops::LOOKUP;

    fn is_anew(&self) -> bool {
        self.anew
    }

    fn path(&self) -> String {
        below(self.parent, self.name)
    }

    async fn run(
        &self,
        instance: &mut Instance,
        _limits: &Limits,
    ) -> Result<Answer<Self::Value>, Failure> {
        // A directory that is gone has no names.
        let Some(parent) = instance.find(self.parent, NodeKind::Directory).await? else {
            return unspoiled(instance, None, Option::is_none);
        };
        let found = instance
            .lookup(&parent, self.name)
            .await
            .map_err(|failure| failure.in_answer_to(&self.describe()))?;
        if let Some(found) = &found {
            instance.returned(self.parent, self.name, found);
        }
        unspoiled(instance, found, Option::is_none)
    }
}

/// A page of the names of a directory.
pub(super) struct List<'a> {
    pub(super) directory: &'a Arc<Object>,
    pub(super) cursor: Option<&'a str>,
}

impl Call for List<'_> {
    type Value = Listed;

    const OP: &'static str = ops::LIST;

    fn path(&self) -> String {
        self.directory.path()
    }

    async fn run(
        &self,
        instance: &mut Instance,
        limits: &Limits,
    ) -> Result<Answer<Self::Value>, Failure> {
        let Some(directory) = instance.find(self.directory, NodeKind::Directory).await? else {
            return Err(lost(instance, self.directory, NodeKind::Directory));
        };
        let listed = instance.list(&directory, self.cursor, limits).await;
        let listed = listed.map_err(|failure| failure.in_answer_to(&self.describe()))?;
        let names = listed.names.len() as u64;
        if names > limits.names {
            return Err(VfsError::ListingTooLarge { names, limit: limits.names }.into());
        }
        unspoiled(instance, listed, |listed| listed.names.is_empty())
    }
}

/// The bytes of a file, or of a part of it.
pub(super) struct Read<'a> {
    pub(super) file: &'a Arc<Object>,
    pub(super) range: Option<ByteRange>,
    pub(super) anew: bool,
}

impl Call for Read<'_> {
    type Value = Option<Content>;

    const OP: &'static str = ops::READ;

    fn is_anew(&self) -> bool {
        self.anew
    }

    fn path(&self) -> String {
        self.file.path()
    }

    async fn run(
        &self,
        instance: &mut Instance,
        limits: &Limits,
    ) -> Result<Answer<Self::Value>, Failure> {
        let Some(file) = instance.find(self.file, NodeKind::File).await? else {
            return Err(lost(instance, self.file, NodeKind::File));
        };
        let content = instance.read(&file, self.range).await;
        let content = content.map_err(|failure| failure.in_answer_to(&self.describe()))?;
        if let Some(Content::Bytes(bytes)) = &content {
            let size = bytes.len() as u64;
            if size > limits.file {
                return Err(VfsError::FileTooLarge { size, limit: limits.file }.into());
            }
            if let Some(ByteRange { length, .. }) = self.range.filter(|range| size > range.length) {
                let what = format!("{size} bytes of a part that has {length}");
                return Err(VfsError::Contract(what).into());
            }
        }
        let empty = |content: &Option<Content>| content.as_ref().is_none_or(Content::is_empty);
        unspoiled(instance, content, empty)
    }
}

/// Says why an object cannot be found again: what failed on the way to it, or that it is gone.
fn lost(instance: &mut Instance, object: &Object, kind: NodeKind) -> Failure {
    match instance.judge(true) {
        Spoiled::Failed(failure) | Spoiled::Partial(failure) => failure.into(),
        Spoiled::No => gone(object, kind),
    }
}

fn gone(object: &Object, kind: NodeKind) -> Failure {
    let kind = match kind {
        NodeKind::File => "file",
        NodeKind::Directory => "directory",
        NodeKind::Symlink => "symbolic link",
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
    fn probe(&self, more: bool) -> Answer<Probe> {
        Probe { children: std::mem::take(&mut *self.found.lock()), more }.into()
    }
}

impl Call for ProbeAll<'_> {
    type Value = Probe;

    const OP: &'static str = ops::LOOKUP;

    fn path(&self) -> String {
        match self.names.get(self.found.lock().len()) {
            Some(name) => below(self.parent, name),
            None => self.parent.path(),
        }
    }

    async fn run(
        &self,
        instance: &mut Instance,
        _limits: &Limits,
    ) -> Result<Answer<Self::Value>, Failure> {
        if instance.tells_kinds() {
            // A listing has told what there is to tell.
            return Ok(self.probe(false));
        }
        let Some(parent) = instance.find(self.parent, NodeKind::Directory).await? else {
            return Err(lost(instance, self.parent, NodeKind::Directory));
        };
        let start = Instant::now();
        for name in self.names {
            let found = match instance.lookup(&parent, name).await {
                Ok(found) => found,
                // The name's own lookup will say so.
                Err(Failure::Answer(_)) => None,
                Err(broken @ Failure::Broken(_)) => return Err(broken),
            };
            if let Some(found) = &found {
                instance.returned(self.parent, name, found);
            }
            self.found.lock().push(found.map(|found| found.child));
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
    fn salvage(&self, _error: VfsError) -> Result<Answer<Self::Value>, VfsError> {
        self.found.lock().push(None);
        Ok(self.probe(false))
    }
}
