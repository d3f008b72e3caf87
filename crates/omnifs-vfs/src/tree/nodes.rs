//! The node table: what the kernel's node ids stand for, and which name has which node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::attributes::Told;
use super::digest::{Digest, PathKey};
use super::names::Shown;
use super::{DEPTH_MAX, NEVER};
use crate::{Child, Name, NodeId, NodeKind, Object, ObjectKey, Timestamp, VfsError};

/// What a node id stands for.
pub(crate) struct Node {
    pub(crate) object: Arc<Object>,
    pub(crate) parent: NodeId,
    pub(crate) path: PathKey,
    pub(crate) body: Body,
    /// How often the kernel looked it up and did not forget it yet.
    lookups: u64,
    /// The node took the place of another one: the kernel forgets it at once and looks it up
    /// again, so the first drop to zero is no end.
    replaces: bool,
    pub(crate) told: Told,
}

pub(crate) enum Body {
    Directory(Box<Directory>),
    File(File),
}

/// A directory and the nodes behind its names.
pub(crate) struct Directory {
    pub(crate) modified: Timestamp,
    /// Its names as last listed.
    pub(crate) shown: Option<Shown>,
    /// What the listing looks like that the kernel may have a copy of; `None` for none.
    pub(crate) kept: Option<Digest>,
    children: HashMap<Name, Named>,
    absent: HashMap<Name, Duration>,
}

/// A name that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) node: NodeId,
    /// Until when the name is fresh.
    pub(crate) until: Duration,
}

/// The version of a file that a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// Not read yet: any version may still become this node's.
    Unread,
    /// These bytes, for ever.
    Version(Version),
    /// The bytes are neither kept nor to be had again.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    pub(crate) modified: Timestamp,
    /// Until when the file is known to have these bytes.
    pub(crate) until: Duration,
}

/// A node that left the table.
pub(crate) struct Forgotten {
    pub(crate) id: NodeId,
    pub(crate) path: PathKey,
    pub(crate) object: Arc<Object>,
}

/// How many absent names a directory remembers; the kernel remembers more.
const ABSENT_MAX: usize = 256;

/// All nodes of a tree.
pub(crate) struct Nodes {
    table: HashMap<NodeId, Node>,
    next: u64,
    /// Nodes that left the table and that nobody has been told of yet.
    dropped: Vec<Forgotten>,
}

impl Nodes {
    pub(crate) fn new(born: Timestamp) -> Self {
        let root = Node {
            object: Object::root(ObjectKey(NodeId::ROOT.0)),
            parent: NodeId::ROOT,
            path: PathKey::ROOT,
            body: Body::Directory(Box::new(Directory::new(born))),
            lookups: 1,
            replaces: false,
            told: Told::default(),
        };
        let table = HashMap::from([(NodeId::ROOT, root)]);
        Self { table, next: NodeId::ROOT.0 + 1, dropped: Vec::new() }
    }

    /// Takes the freshness of every name and version away. Returns the directories, and the
    /// names whose nodes the kernel knows.
    pub(crate) fn expire(&mut self) -> (Vec<NodeId>, Vec<(NodeId, Name)>) {
        let (mut directories, mut names) = (Vec::new(), Vec::new());
        for (id, node) in &mut self.table {
            match &mut node.body {
                Body::Directory(directory) => {
                    directories.push(*id);
                    directory.absent.clear();
                    for named in directory.children.values_mut() {
                        named.until = NEVER;
                    }
                }
                Body::File(File::Version(version)) => version.until = NEVER,
                Body::File(File::Unread | File::Gone) => {}
            }
            if let Some((_, name)) = node.object.place().filter(|_| node.lookups > 0) {
                names.push((node.parent, name.clone()));
            }
        }
        (directories, names)
    }

    /// Returns the nodes that left the table since the last call.
    pub(crate) fn take_dropped(&mut self) -> Vec<Forgotten> {
        std::mem::take(&mut self.dropped)
    }

    pub(crate) fn len(&self) -> u64 {
        self.table.len() as u64
    }

    /// Returns the node, or that its id means nothing (any more).
    pub(crate) fn get(&self, id: NodeId) -> Result<&Node, VfsError> {
        self.table.get(&id).ok_or_else(|| unknown(id))
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Result<&mut Node, VfsError> {
        self.table.get_mut(&id).ok_or_else(|| unknown(id))
    }

    /// Returns the directory behind `id`.
    pub(crate) fn directory(&self, id: NodeId) -> Result<(&Node, &Directory), VfsError> {
        let node = self.get(id)?;
        match &node.body {
            Body::Directory(directory) => Ok((node, directory)),
            Body::File(_) => Err(VfsError::NotADirectory),
        }
    }

    pub(crate) fn directory_mut(&mut self, id: NodeId) -> Result<&mut Directory, VfsError> {
        match &mut self.get_mut(id)?.body {
            Body::Directory(directory) => Ok(directory),
            Body::File(_) => Err(VfsError::NotADirectory),
        }
    }

    /// Adds one to the lookup count of `id`.
    pub(crate) fn claim(&mut self, id: NodeId) -> Result<&mut Node, VfsError> {
        let node = self.get_mut(id)?;
        node.lookups += 1;
        Ok(node)
    }

    /// Makes the node of `child`, which `parent` calls `name`, and gives it the name.
    ///
    /// Returns its id, and the node that had the name before if the kernel knows that one.
    pub(crate) fn put(
        &mut self,
        (parent, name): (NodeId, &Name),
        (child, until): (Child, Duration),
        body: Body,
    ) -> Result<(NodeId, Option<NodeId>), VfsError> {
        let (above, _) = self.directory(parent)?;
        if above.object.depth() >= DEPTH_MAX {
            return Err(VfsError::TooDeep);
        }
        let id = NodeId(self.next);
        let object = Object::child(&above.object, name.clone(), ObjectKey(id.0), child.inode);
        let path = above.path.child(name);
        self.next += 1;
        let old = self.directory_mut(parent)?.name(name, Named { node: id, until });
        let known = old.and_then(|old| self.dismiss(old));
        let replaces = known.is_some();
        let told = Told::default();
        self.table.insert(id, Node { object, parent, path, body, lookups: 0, replaces, told });
        Ok((id, known))
    }

    /// Takes the name away from its node; returns that node if the kernel knows it.
    pub(crate) fn unname(&mut self, parent: NodeId, name: &Name) -> Option<NodeId> {
        let old = self.directory_mut(parent).ok()?.children.remove(name)?.node;
        self.dismiss(old)
    }

    /// Removes a node that has no name any more, unless the kernel knows it: then returns it.
    fn dismiss(&mut self, id: NodeId) -> Option<NodeId> {
        if self.get(id).ok()?.lookups > 0 {
            return Some(id);
        }
        self.remove(id);
        None
    }

    /// Takes `count` lookups back, and removes the node at zero.
    pub(crate) fn forget(&mut self, id: NodeId, count: u64) {
        let Ok(node) = self.get_mut(id) else { return };
        node.lookups = node.lookups.saturating_sub(count);
        let survives = node.lookups > 0 || id == NodeId::ROOT;
        if !survives && !std::mem::take(&mut node.replaces) {
            self.remove(id);
        }
    }

    /// Removes a node, and what below it the kernel never knew.
    fn remove(&mut self, id: NodeId) {
        let mut going = vec![id];
        while let Some(id) = going.pop() {
            let Some(node) = self.table.remove(&id) else { continue };
            self.detach(id, &node);
            if let Body::Directory(directory) = &node.body {
                // Names that were found for a caller who had left: the kernel never knew them.
                let unclaimed = |node: &NodeId| self.get(*node).is_ok_and(|n| n.lookups == 0);
                going.extend(directory.children.values().map(|named| named.node).filter(unclaimed));
            }
            self.dropped.push(Forgotten { id, path: node.path, object: node.object });
        }
    }

    /// Removes the name that still leads to a node which left the table.
    fn detach(&mut self, id: NodeId, node: &Node) {
        let Some((_, name)) = node.object.place() else { return };
        if let Ok(directory) = self.directory_mut(node.parent)
            && directory.children.get(name).is_some_and(|named| named.node == id)
        {
            directory.children.remove(name);
        }
    }
}

impl Node {
    #[cfg(test)]
    pub(crate) fn lookups(&self) -> u64 {
        self.lookups
    }

    pub(crate) fn kind(&self) -> NodeKind {
        match self.body {
            Body::Directory(_) => NodeKind::Directory,
            Body::File(_) => NodeKind::File,
        }
    }

    /// Returns until when a name is fresh that leads to this node: name and bytes both count.
    pub(crate) fn fresh_until(&self, named: Named) -> Duration {
        match self.body {
            Body::File(File::Version(version)) => named.until.min(version.until),
            Body::Directory(_) | Body::File(File::Unread | File::Gone) => named.until,
        }
    }

    /// Returns whether this node is what a lookup found under its name.
    pub(crate) fn is(&self, child: Child) -> bool {
        self.object.inode() == child.inode && self.kind() == child.kind
    }
}

impl Directory {
    pub(crate) fn new(modified: Timestamp) -> Self {
        Self {
            modified,
            shown: None,
            kept: None,
            children: HashMap::new(),
            absent: HashMap::new(),
        }
    }

    /// Returns the node that has `name`.
    pub(crate) fn child(&self, name: &Name) -> Option<Named> {
        self.children.get(name).copied()
    }

    /// Lets a name that is there be fresh until `until`.
    pub(crate) fn renew(&mut self, name: &Name, until: Duration) {
        if let Some(named) = self.children.get_mut(name) {
            named.until = until;
        }
        self.absent.remove(name);
    }

    /// Returns until when `name` is known to be absent.
    pub(crate) fn absent(&self, name: &Name) -> Option<Duration> {
        self.absent.get(name).copied()
    }

    /// Remembers that `name` is absent.
    pub(crate) fn set_absent(&mut self, name: Name, now: Duration, until: Duration) {
        if self.absent.len() >= ABSENT_MAX {
            self.absent.retain(|_, until| *until > now);
        }
        if self.absent.len() < ABSENT_MAX {
            self.absent.insert(name, until);
        }
    }

    fn name(&mut self, name: &Name, named: Named) -> Option<NodeId> {
        self.absent.remove(name);
        self.children.insert(name.clone(), named).map(|old| old.node)
    }
}

fn unknown(id: NodeId) -> VfsError {
    VfsError::Stale(format!("node {} is not known", id.0))
}
