//! The node table: what the kernel's node ids stand for, and which name has which node.

mod directory;
mod table;

use std::sync::Arc;
use std::time::Duration;

use super::attributes::Told;
use super::live::{Live, Renumbered};
use super::outdated::Inodes;
use super::ranges::WHOLE;
use super::{DEPTH_MAX, NEVER};
use crate::clock::Moment;
use crate::digest::{Digest, PathKey};
use crate::{
    Child, Inode, Name, NodeId, NodeKind, Object, ObjectKey, ProviderId, Timestamp, VfsError,
};

pub(crate) use directory::{Directory, Named};
use table::Table;

/// What a node id stands for.
pub(crate) struct Node {
    pub(crate) object: Arc<Object>,
    pub(crate) path: PathKey,
    pub(crate) body: Body,
    /// How often the kernel looked it up and did not forget it yet.
    lookups: u64,
    /// The node took the place of another one: the kernel forgets it at once and looks it up
    /// again, so the first drop to zero is no end.
    replaces: bool,
    pub(crate) told: Told,
    /// It was read before anybody outside wanted it.
    pub(crate) ahead: bool,
    /// A file that its source can give a part of.
    pub(crate) ranges: bool,
    /// A part of it was read.
    pub(crate) in_parts: bool,
}

pub(crate) enum Body {
    Directory(Box<Directory>),
    File(File),
    /// A symbolic link, and where it leads to.
    Link(Arc<str>),
}

/// The version of a file that a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// Not read yet: any version may still become this node's.
    Unread,
    /// Not read yet, and its size is known.
    Promised(Promise),
    /// These bytes, for ever.
    Version(Version),
    /// Bytes that grow.
    Live(Live),
    /// The bytes are neither kept nor to be had again.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    pub(crate) modified: Timestamp,
    /// Until when the file is known to have these bytes.
    pub(crate) until: Moment,
}

/// What is known of a version that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promise {
    pub(crate) size: u64,
    /// The digest of what the source calls this version, or [`Digest::NONE`] when it has no name.
    pub(crate) version: Digest,
    pub(crate) modified: Timestamp,
    /// Until when this version is known to be the file's.
    pub(crate) until: Moment,
}

impl Promise {
    /// Returns the digest of the version's name, if it has one.
    pub(crate) fn told(&self) -> Option<Digest> {
        (self.version != Digest::NONE).then_some(self.version)
    }
}

/// Directories whose names are to be asked for again, and names that the kernel knows whose nodes
/// are.
pub(crate) type Expired = (Vec<NodeId>, Vec<(NodeId, Name)>);

/// A node that left the table.
pub(crate) struct Forgotten {
    pub(crate) id: NodeId,
    pub(crate) path: PathKey,
    pub(crate) object: Arc<Object>,
}

/// All nodes of a tree.
pub(crate) struct Nodes {
    table: Table,
    next: u64,
    pub(crate) renumbered: Renumbered,
    /// Nodes that left the table and that nobody has been told of yet.
    dropped: Vec<Forgotten>,
}

impl Nodes {
    pub(crate) fn new(born: Timestamp) -> Self {
        let root = Node {
            object: Object::root(ObjectKey(NodeId::ROOT.0)),
            path: PathKey::ROOT,
            body: Body::Directory(Box::new(Directory::new(born))),
            lookups: 1,
            replaces: false,
            told: Told::default(),
            ahead: false,
            ranges: false,
            in_parts: false,
        };
        let table = Table::with(root);
        let renumbered = Renumbered::default();
        Self { table, next: NodeId::ROOT.0 + 1, renumbered, dropped: Vec::new() }
    }

    /// Takes the freshness of every name and version away that is `top` or below it.
    pub(crate) fn expire_below(&mut self, top: NodeId) -> Expired {
        let (mut directories, mut names) = (Vec::new(), Vec::new());
        self.expire_name(top);
        for node in self.table.iter_mut() {
            if !node.is_below(top) {
                continue;
            }
            let id = node.id();
            match &mut node.body {
                Body::Directory(directory) => {
                    directories.push(id);
                    let (_, absent) = directory.expire();
                    names.extend(absent.into_iter().map(|name| (id, name)));
                }
                Body::File(File::Version(version)) => version.until = NEVER.into(),
                Body::File(File::Promised(promise)) => promise.until = NEVER.into(),
                Body::File(File::Unread | File::Live(_) | File::Gone) | Body::Link(_) => {}
            }
            if let Some((_, name)) = node.object.place().filter(|_| node.lookups > 0) {
                names.push((node.parent(), name.clone()));
            }
        }
        (directories, names)
    }

    /// Takes the freshness of these objects' names and versions away, and of the names in those that
    /// are directories. Returns what of it the kernel may believe.
    pub(super) fn expire_these(&mut self, outdated: &Inodes) -> Expired {
        let of_them = |node: &&Node| outdated.contains(&node.object.inode());
        let found: Vec<NodeId> = self.table.iter().filter(of_them).map(Node::id).collect();
        let mut expired = (Vec::new(), Vec::new());
        for id in found {
            self.expire_object(id, &mut expired);
        }
        expired
    }

    fn expire_object(&mut self, id: NodeId, (directories, names): &mut Expired) {
        let Ok(node) = self.get_mut(id) else { return };
        let (parent, object, counted) =
            (node.parent(), Arc::clone(&node.object), node.is_counted());
        let mut children = Vec::new();
        let version = match &mut node.body {
            Body::File(File::Version(version)) => std::mem::take(&mut version.until).into(),
            Body::File(File::Promised(promise)) => std::mem::take(&mut promise.until).into(),
            Body::File(File::Unread | File::Live(_) | File::Gone) | Body::Link(_) => NEVER,
            Body::Directory(directory) => {
                directories.extend(directory.kept.take().map(|_| id));
                let (known, absent) = directory.expire();
                children = known;
                names.extend(absent.into_iter().map(|name| (id, name)));
                NEVER
            }
        };
        for child in children {
            let Ok(child) = self.get(child) else { continue };
            let name = child.object.place().filter(|_| child.is_counted());
            names.extend(name.map(|(_, name)| (id, name.clone())));
        }
        let (Ok(directory), Some((_, name))) = (self.directory_mut(parent), object.place()) else {
            return;
        };
        let named = directory.child(name).filter(|named| named.node == id);
        let until = named.map_or(NEVER, |named| named.until);
        if named.is_some() {
            directory.renew(name, NEVER);
        }
        // What is not believed is not told to be valid: the kernel need not hear it twice.
        if counted && version.max(until) != NEVER {
            names.push((parent, name.clone()));
        }
    }

    /// Takes the freshness of the name away that leads to `id`; none leads to the root.
    pub(crate) fn expire_name(&mut self, id: NodeId) {
        let Ok(node) = self.get(id) else { return };
        let (parent, object) = (node.parent(), Arc::clone(&node.object));
        if let (Ok(directory), Some((_, name))) = (self.directory_mut(parent), object.place())
            && directory.child(name).is_some_and(|named| named.node == id)
        {
            directory.renew(name, NEVER);
        }
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
        self.table.get(id).ok_or_else(|| unknown(id))
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Result<&mut Node, VfsError> {
        self.table.get_mut(id).ok_or_else(|| unknown(id))
    }

    /// Returns the directory behind `id`.
    pub(crate) fn directory(&self, id: NodeId) -> Result<(&Node, &Directory), VfsError> {
        let node = self.get(id)?;
        match &node.body {
            Body::Directory(directory) => Ok((node, directory)),
            Body::File(_) | Body::Link(_) => Err(VfsError::NotADirectory),
        }
    }

    pub(crate) fn directory_mut(&mut self, id: NodeId) -> Result<&mut Directory, VfsError> {
        match &mut self.get_mut(id)?.body {
            Body::Directory(directory) => Ok(directory),
            Body::File(_) | Body::Link(_) => Err(VfsError::NotADirectory),
        }
    }

    /// Returns the node that may be told of next under the name of `id`: itself, unless it is an
    /// unread file of which the placeholder was told already.
    ///
    /// A second placeholder could reach the kernel's inode while a READ is under way: the kernel
    /// then takes the size that a short read shows for older than that, keeps the placeholder, and
    /// gives the reader NUL bytes up to the end of what it had asked for.
    pub(crate) fn untold(&mut self, id: NodeId) -> Result<NodeId, VfsError> {
        let node = self.get(id)?;
        let is_unread = matches!(node.body, Body::File(File::Unread));
        if !is_unread || node.lookups == 0 || !node.told.is_placeholder() {
            return Ok(id);
        }
        let (parent, object, ahead) = (node.parent(), Arc::clone(&node.object), node.ahead);
        let Some((_, name)) = object.place() else { return Ok(id) };
        let Some(named) = self.directory(parent)?.1.child(name).filter(|named| named.node == id)
        else {
            return Err(unknown(id));
        };
        let found = (object.inode(), object.id(), named.until);
        let (new, _) = self.put((parent, name), found, Body::File(File::Unread))?;
        let node = self.get_mut(new)?;
        // The kernel looks the name up again, and then this one is told of as well: it need not
        // survive until then.
        (node.replaces, node.ahead) = (false, ahead);
        Ok(new)
    }

    /// Takes in that the source has fewer bytes of a live file than it had: what it has under that
    /// identity from now on is another file, with another number.
    pub(crate) fn truncate(&mut self, id: NodeId) {
        let Ok(node) = self.get_mut(id) else { return };
        let inode = node.object.inode();
        let Some(live) = node.live_mut().filter(|live| !live.truncated) else { return };
        live.truncated = true;
        let taken = |number: u64| self.table.iter().any(|node| node.st_ino() == number);
        self.renumbered.renumber(inode, taken);
        self.expire_name(id);
    }

    /// Adds one to the lookup count of `id`.
    pub(crate) fn claim(&mut self, id: NodeId) -> Result<&mut Node, VfsError> {
        let node = self.get_mut(id)?;
        node.lookups += 1;
        Ok(node)
    }

    /// Makes the node of an object, which `parent` calls `name`, and gives it the name until then.
    ///
    /// Returns its id, and the node that had the name before if the kernel knows that one.
    pub(crate) fn put(
        &mut self,
        (parent, name): (NodeId, &Name),
        (inode, provider_id, until): (Inode, Option<ProviderId>, Duration),
        mut body: Body,
    ) -> Result<(NodeId, Option<NodeId>), VfsError> {
        if let Body::File(File::Live(live)) = &mut body {
            live.st_ino = self.renumbered.st_ino(inode);
        }
        let (above, _) = self.directory(parent)?;
        if above.object.depth() >= DEPTH_MAX {
            return Err(VfsError::TooDeep);
        }
        let id = NodeId(self.next);
        let (key, identity) = (ObjectKey(id.0), (inode, provider_id));
        let object = Object::identified(&above.object, name.clone(), key, identity);
        let path = above.path.child(name);
        self.next += 1;
        let old = self.directory_mut(parent)?.put(Arc::clone(&object), until);
        let known = old.and_then(|old| self.dismiss(old));
        let replaces = known.is_some();
        let told = Told::default();
        let (ahead, ranges, in_parts) = (false, false, false);
        let node = Node { object, path, body, lookups: 0, replaces, told, ahead, ranges, in_parts };
        self.table.insert(node);
        Ok((id, known))
    }

    /// Takes the name away from its node; returns that node if the kernel knows it.
    pub(crate) fn unname(&mut self, parent: NodeId, name: &Name) -> Option<NodeId> {
        let old = self.directory_mut(parent).ok()?.remove(name)?;
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
            let Some(node) = self.table.remove(id) else { continue };
            self.detach(id, &node);
            if let Body::Directory(directory) = &node.body {
                // Names that were found for a caller who had left: the kernel never knew them.
                let unclaimed = |node: &NodeId| self.get(*node).is_ok_and(|n| n.lookups == 0);
                going.extend(directory.nodes().filter(unclaimed));
            }
            self.dropped.push(Forgotten { id, path: node.path, object: node.object });
        }
    }

    /// Removes the name that still leads to a node which left the table.
    fn detach(&mut self, id: NodeId, node: &Node) {
        let Some((_, name)) = node.object.place() else { return };
        if let Ok(directory) = self.directory_mut(node.parent())
            && directory.child(name).is_some_and(|named| named.node == id)
        {
            directory.remove(name);
        }
    }
}

impl Node {
    #[cfg(test)]
    pub(crate) fn lookups(&self) -> u64 {
        self.lookups
    }

    pub(crate) fn id(&self) -> NodeId {
        NodeId(self.object.key().0)
    }

    /// Returns whether it may be another version of its file once its freshness has ended: parts
    /// of it were read, and nothing tells versions apart.
    pub(crate) fn is_of_its_time(&self) -> bool {
        let untold = |promise: &Promise| promise.told().is_none();
        self.in_parts && matches!(&self.body, Body::File(File::Promised(own)) if untold(own))
    }

    /// Returns whether it is a file that can be read in parts, and of which nobody has told how long
    /// it is.
    pub(crate) fn lacks_size(&self) -> bool {
        self.ranges && matches!(self.body, Body::File(File::Unread))
    }

    /// Returns what is promised of a file that is read in parts.
    pub(crate) fn promised_in_parts(&self) -> Option<Promise> {
        match self.body {
            Body::File(File::Promised(promise)) if self.ranges && promise.size > WHOLE => {
                Some(promise)
            }
            Body::File(_) | Body::Directory(_) | Body::Link(_) => None,
        }
    }

    /// Returns whether the kernel knows it.
    pub(crate) fn is_counted(&self) -> bool {
        self.lookups > 0
    }

    fn is_below(&self, top: NodeId) -> bool {
        let mut way = std::iter::successors(Some(&self.object), |at| Some(at.place()?.0));
        way.any(|object| object.key().0 == top.0)
    }

    /// Returns the directory that it was found in; the root is its own.
    pub(crate) fn parent(&self) -> NodeId {
        self.object.place().map_or(NodeId::ROOT, |(parent, _)| NodeId(parent.key().0))
    }

    pub(crate) fn kind(&self) -> NodeKind {
        match self.body {
            Body::Directory(_) => NodeKind::Directory,
            Body::File(_) => NodeKind::File,
            Body::Link(_) => NodeKind::Symlink,
        }
    }

    /// Returns until when a name is fresh that leads to this node: name and bytes both count.
    pub(crate) fn fresh_until(&self, named: Named) -> Duration {
        match self.body {
            Body::File(File::Version(version)) => named.until.min(version.until.into()),
            Body::File(File::Promised(promise)) => named.until.min(promise.until.into()),
            Body::Directory(_)
            | Body::File(File::Unread | File::Live(_) | File::Gone)
            | Body::Link(_) => named.until,
        }
    }

    /// Returns the number that programs see.
    pub(crate) fn st_ino(&self) -> u64 {
        match &self.body {
            Body::File(File::Live(live)) => live.st_ino,
            Body::File(_) | Body::Directory(_) | Body::Link(_) => self.object.inode().st_ino(),
        }
    }

    /// Returns what grows here.
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.body {
            Body::File(File::Live(live)) => Some(live),
            Body::File(_) | Body::Directory(_) | Body::Link(_) => None,
        }
    }

    /// As [`Node::live`], to be changed.
    pub(crate) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.body {
            Body::File(File::Live(live)) => Some(live),
            Body::File(_) | Body::Directory(_) | Body::Link(_) => None,
        }
    }

    /// Returns whether this node is what a lookup found under its name.
    pub(crate) fn is(&self, child: Child) -> bool {
        self.object.inode() == child.inode && self.kind() == child.kind
    }
}

/// Returns what a table is to shrink to when most has been removed from it.
fn too_large(capacity: usize, length: usize) -> Option<usize> {
    // Far below what it shrinks to, so that growing and shrinking do not take turns.
    (capacity > 1_024 && length < capacity / 8).then_some(length * 2)
}

fn unknown(id: NodeId) -> VfsError {
    VfsError::Stale(format!("node {} is not known", id.0))
}
