//! Files: versions, their sizes and bytes.

use std::sync::Arc;

use bytes::Bytes;

use super::contents::Body as Cached;
use super::nodes::{Body, File, Node, Version};
use super::{Change, Current, Fresh, NEVER, PARTIAL_VALID, Tree};
use crate::digest::{Digest, PathKey};
use crate::{Child, NodeId, NodeKind, Object, Timestamp, VfsError};

/// From this size on, hashing is moved off the threads that answer requests.
const HASH_ASIDE: usize = 256 * 1024;

impl Cached {
    pub(super) fn version(&self) -> Version {
        let size = self.bytes.len() as u64;
        Version { size, digest: self.digest, modified: self.modified, until: self.until }
    }
}

impl Tree {
    /// Returns up to `length` bytes of `file` from `offset` on; fewer only at the end.
    ///
    /// # Errors
    /// As the read failed; [`VfsError::IsADirectory`]; [`VfsError::Stale`] when the version
    /// that the node stands for is gone.
    pub async fn read(
        self: &Arc<Self>,
        file: NodeId,
        offset: u64,
        length: u32,
    ) -> Result<Bytes, VfsError> {
        let cached = {
            let mut nodes = self.nodes.lock();
            let node = nodes.get_mut(file)?;
            match node.body {
                Body::Directory(_) | Body::Link(_) => return Err(VfsError::IsADirectory),
                Body::File(File::Gone) => return Err(gone(node)),
                Body::File(File::Unread | File::Promised(_)) => None,
                Body::File(File::Version(version)) => {
                    let was_ahead = std::mem::take(&mut node.ahead);
                    let bytes = self.contents.lock().bytes(file, node.path, version.digest);
                    bytes.map(|bytes| (bytes, was_ahead))
                }
            }
        };
        let (bytes, in_turn) = match cached {
            Some(cached) => cached,
            None => (self.fetch(file).await?, true),
        };
        let size = bytes.len();
        if in_turn {
            self.read_in_turn(file, size as u64);
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(size);
        let end = start.saturating_add(length as usize).min(size);
        Ok(bytes.slice(start..end))
    }

    /// Reads the file that `node` stands for; joined by everybody who needs it meanwhile.
    pub(super) async fn fetch(self: &Arc<Self>, node: NodeId) -> Result<Bytes, VfsError> {
        if let Some(bytes) = self.recall_bytes(node).await {
            return Ok(bytes);
        }
        let tree = Arc::clone(self);
        let read = self
            .file_calls
            .run(self.since(node), move || async move { tree.read_once(node).await });
        match read.await {
            Ok(bytes) => Ok(bytes),
            Err(error) => self.bytes_despite(&error, node).await.ok_or(error),
        }
    }

    /// Reads the file unless somebody has since its reading was wanted: their call may have ended
    /// just before this one began.
    pub(super) async fn read_once(self: &Arc<Self>, id: NodeId) -> Result<Bytes, VfsError> {
        let read = {
            let mut nodes = self.nodes.lock();
            let node = nodes.get_mut(id)?;
            // Another node of the same name may have been read, or the bytes came with a listing.
            let child = Child { inode: node.object.inode(), kind: NodeKind::File };
            let version = match node.body {
                Body::File(File::Unread) => self.fresh_version(node.path, child),
                Body::File(File::Promised(promise)) => self.kept_promise(node.path, &promise),
                Body::File(File::Version(_) | File::Gone) | Body::Directory(_) | Body::Link(_) => {
                    None
                }
            };
            if let Some(version) = version {
                node.body = Body::File(File::Version(version));
            }
            match node.body {
                Body::File(File::Version(version)) => {
                    self.contents.lock().bytes(id, node.path, version.digest)
                }
                Body::File(File::Unread | File::Promised(_) | File::Gone)
                | Body::Directory(_)
                | Body::Link(_) => None,
            }
        };
        match read {
            Some(bytes) => Ok(bytes),
            None => self.read_again(id).await,
        }
    }

    /// Reads the file from the source and settles what version that is.
    ///
    /// Returns the bytes of the version that `node` stands for.
    pub(super) async fn read_again(self: &Arc<Self>, node: NodeId) -> Result<Bytes, VfsError> {
        let (object, path) = {
            let nodes = self.nodes.lock();
            let known = nodes.get(node)?;
            (Arc::clone(&known.object), known.path)
        };
        let asked = self.current();
        let answer = self.heed(asked.source.read_file(&object, None).await)?;
        let fresh = self.fresh_from(&asked, &answer);
        if answer.partial.is_some() {
            self.expire_soon(&object, node);
        }
        let Some(content) = answer.value else {
            if asked.generation != self.generation() {
                return Err(VfsError::Stale(format!("{} is asked for anew", object.path())));
            }
            self.let_go(&asked, path);
            return Err(self.settle_vanished(node, &object));
        };
        let bytes = self.heed(content.whole().await)?;
        let digest = if bytes.len() < HASH_ASIDE {
            Digest::of(&bytes)
        } else {
            let bytes = bytes.clone();
            let hashed = tokio::task::spawn_blocking(move || Digest::of(&bytes)).await;
            hashed.map_err(|_| VfsError::Internal("hashing was cut short".into()))?
        };
        let modified = self.first_seen((&asked, &object), path, digest).await;
        let (inode, until) = (object.inode(), fresh.until);
        let (fetched, partial) = (self.clock.monotonic(), answer.partial.is_some());
        let made = answer.made;
        let told = None;
        let mut read =
            Cached { inode, digest, bytes, modified, until, fetched, told, partial, made };
        let settled = self.settle_bytes((node, &object), &mut read, fresh);
        if !partial {
            self.keep_bytes(&asked, path, &read);
        }
        settled
    }

    /// Returns when bytes with this digest were first seen under a path that memory does not know.
    async fn first_seen(
        &self,
        (asked, object): (&Current, &Arc<Object>),
        path: PathKey,
        digest: Digest,
    ) -> Timestamp {
        let now = self.clock.calendar();
        let Some(disk) = &asked.settings.disk else { return now };
        if self.contents.lock().body(path).is_some() {
            return now;
        }
        let kept = self.recall_file(disk, object, path).await;
        kept.filter(|kept| kept.digest == digest).map_or(now, |kept| kept.modified)
    }

    /// Has the kernel ask again for a file in a moment: it was told of the name before the
    /// bytes were read, and believes it for longer than these may be believed.
    pub(super) fn expire_soon(self: &Arc<Self>, object: &Arc<Object>, node: NodeId) {
        let Some((_, name)) = object.place() else { return };
        let (tree, name) = (Arc::downgrade(self), name.clone());
        tokio::spawn(async move {
            tokio::time::sleep(PARTIAL_VALID).await;
            let Some(tree) = tree.upgrade() else { return };
            let parent = tree.nodes.lock().get(node).map(Node::parent);
            if let Ok(parent) = parent {
                tree.announce(Change::Expired { parent, name });
            }
        });
    }

    /// Records what was read: the first version of a node, the same one again, or another one,
    /// which takes over the name.
    fn settle_bytes(
        &self,
        (id, object): (NodeId, &Arc<Object>),
        read: &mut Cached,
        fresh: Fresh,
    ) -> Result<Bytes, VfsError> {
        let mut nodes = self.nodes.lock();
        read.until = self.believed(fresh);
        let Ok(node) = nodes.get_mut(id) else {
            // Forgotten while it was read; the bytes may serve whoever asked.
            return Ok(read.bytes.clone());
        };
        let (path, parent) = (node.path, node.parent());
        let mut contents = self.contents.lock();
        if let Some(before) = contents.body(path)
            && before.digest == read.digest
        {
            read.modified = before.modified;
        }
        let bytes = read.bytes.clone();
        match node.body {
            Body::Directory(_) | Body::Link(_) => return Err(VfsError::IsADirectory),
            Body::File(File::Gone) => return Err(gone(node)),
            Body::File(File::Promised(promise)) if promise.size == read.bytes.len() as u64 => {
                (read.modified, read.told) = (promise.modified, promise.told());
                read.until = read.until.max(promise.until);
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read.clone());
                return Ok(bytes);
            }
            // The kernel was told another size: these bytes are another node's.
            Body::File(File::Promised(_)) => node.body = Body::File(File::Gone),
            Body::File(File::Unread) => {
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read.clone());
                return Ok(bytes);
            }
            Body::File(File::Version(own)) if own.digest == read.digest => {
                read.modified = own.modified;
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read.clone());
                return Ok(bytes);
            }
            // What was asked for before says nothing of what was asked for since.
            Body::File(File::Version(own)) if read.until == NEVER && own.until != NEVER => {
                return Err(changed(object));
            }
            Body::File(File::Version(own)) => {
                if contents.bytes(id, path, own.digest).is_none() {
                    node.body = Body::File(File::Gone);
                }
            }
        }
        let version = read.version();
        let Some((_, name)) = object.place() else { return Err(VfsError::IsADirectory) };
        let current = nodes.directory(parent).ok().and_then(|(_, directory)| directory.child(name));
        if let Some(named) = current.filter(|named| named.node == id) {
            let found = (object.inode(), object.id().cloned(), named.until);
            let body = Body::File(File::Version(version));
            let (new, replaced) = nodes.put((parent, name), found, body)?;
            contents.put_body(path, new, read.clone());
            drop(contents);
            self.bury(nodes);
            if let Some(old) = replaced {
                self.announce(Change::Version { parent, name: name.clone(), old });
            }
        }
        Err(changed(object))
    }

    /// Records that a file which its name still showed is not there any more.
    fn settle_vanished(&self, id: NodeId, object: &Arc<Object>) -> VfsError {
        let mut nodes = self.nodes.lock();
        let Ok(node) = nodes.get(id) else { return VfsError::NotFound };
        let unread = matches!(node.body, Body::File(File::Unread | File::Promised(_)));
        let (parent, read_before) = (node.parent(), !unread);
        let error = if read_before { gone(node) } else { VfsError::NotFound };
        let Some((_, name)) = object.place() else { return error };
        let named = nodes.directory(parent).ok().and_then(|(_, directory)| directory.child(name));
        if named.is_some_and(|named| named.node == id) {
            let known = nodes.unname(parent, name);
            self.bury(nodes);
            if let Some(old) = known {
                self.announce(Change::Version { parent, name: name.clone(), old });
            }
        }
        error
    }
}

fn changed(object: &Object) -> VfsError {
    VfsError::Stale(format!("{} has other bytes now", object.path()))
}

pub(super) fn gone(node: &Node) -> VfsError {
    VfsError::Stale(format!("this version of {} is gone", node.object.path()))
}
