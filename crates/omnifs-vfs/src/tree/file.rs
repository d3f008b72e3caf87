//! Files: versions, their sizes and bytes.

use std::sync::Arc;

use bytes::Bytes;

use super::contents::{Body as Cached, Contents};
use super::nodes::{Body, File, Node, Nodes, Version};
use super::{Change, Current, Fresh, NEVER, PARTIAL_VALID, Tree};
use crate::digest::{Digest, Hasher, PathKey};
use crate::layers::Asked;
use crate::sync::MutexGuard;
use crate::{
    Blob, ByteRange, Child, Content, Layer, NodeId, NodeKind, Object, Question, Timestamp, VfsError,
};

/// From this size on, hashing is moved off the threads that answer requests.
pub(super) const HASH_ASIDE: usize = 256 * 1024;

/// How often a file is read whose generation ends each time.
const ATTEMPTS: usize = 16;

/// Up to this size a body that lies outside of memory is taken into it.
const IN_MEMORY: u64 = 1 << 20;

/// How much of a body is hashed at a time.
const HASHED_AT_ONCE: u64 = 1 << 20;

impl Cached {
    pub(super) fn version(&self) -> Version {
        let until = self.until.into();
        Version { size: self.size, digest: self.digest, modified: self.modified, until }
    }
}

/// What is in memory of a file, with whether it was read ahead; and a size that is promised.
type AtHand = (Option<(Content, bool)>, Option<u64>);

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
        let mut question = self.layers.ask(Question::Read);
        let range = ByteRange { offset, length: length.into() };
        let look = || {
            let nodes = self.nodes.lock();
            let node = nodes.get(file)?;
            Ok::<_, VfsError>((node.live().is_some(), node.promised_in_parts(), node.lacks_size()))
        };
        let (mut is_live, mut in_parts, lacks_size) = look()?;
        if lacks_size {
            self.learn_size(file, |layer| question.reach(layer)).await?;
            (is_live, in_parts, _) = look()?;
        }
        if is_live {
            return self.read_live(file, range, &mut question).await;
        }
        if let Some(promise) = in_parts {
            return self.read_in_parts((file, promise), range, &mut question).await;
        }
        let (cached, size) = self.at_hand(file)?;
        let (content, in_turn) = match cached {
            Some(cached) => cached,
            None => {
                let asking = self.ahead.ask();
                // Where it is known what comes next, that comes while this one does.
                let begun = asking.alone && size.is_some_and(|size| self.read_beside(file, size));
                (self.fetch(file, &mut question).await?, !begun)
            }
        };
        if in_turn {
            self.read_in_turn(file, content_size(&content));
        }
        match &content {
            Content::Bytes(bytes) => Ok(slice(bytes, range)),
            Content::Blob(blob) => {
                let read = self.heed(blob.read(range).await);
                if read.is_err() {
                    self.forget_blob(file, blob);
                }
                read
            }
        }
    }

    /// Returns what is in memory of a file, with whether it was read ahead, and the size that it was
    /// told to have if it was not read.
    fn at_hand(&self, file: NodeId) -> Result<AtHand, VfsError> {
        let mut nodes = self.nodes.lock();
        let node = nodes.get_mut(file)?;
        match node.body {
            Body::Directory(_) | Body::Link(_) => Err(VfsError::IsADirectory),
            Body::File(File::Gone) => Err(gone(node)),
            Body::File(File::Unread | File::Live(_)) => Ok((None, None)),
            Body::File(File::Promised(promise)) => {
                let kept = promise
                    .told()
                    .and_then(|told| self.contents.lock().promised(file, node.path, told));
                Ok((kept.map(|content| (content, false)), Some(promise.size)))
            }
            Body::File(File::Version(version)) => {
                let was_ahead = std::mem::take(&mut node.ahead);
                let bytes = self.contents.lock().bytes(file, node.path, version.digest);
                Ok((bytes.map(|bytes| (bytes, was_ahead)), None))
            }
        }
    }

    /// Lets go of a body that did not come, so that whoever asks next asks the source.
    fn forget_blob(&self, file: NodeId, blob: &Arc<dyn Blob>) {
        let nodes = self.nodes.lock();
        if let Ok(node) = nodes.get(file) {
            self.contents.lock().drop_blob(file, node.path, blob);
        }
    }

    /// Reads the file that `node` stands for; joined by everybody who needs it meanwhile. What was
    /// asked for before a generation ended is asked for again.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        node: NodeId,
        question: &mut Asked<'_>,
    ) -> Result<Content, VfsError> {
        let mut left = ATTEMPTS;
        loop {
            let generation = self.generation();
            let read = self.fetch_once(node, question).await;
            left -= 1;
            if !matches!(read, Err(VfsError::Stale(_)))
                || generation == self.generation()
                || left == 0
            {
                return read;
            }
        }
    }

    async fn fetch_once(
        self: &Arc<Self>,
        node: NodeId,
        question: &mut Asked<'_>,
    ) -> Result<Content, VfsError> {
        if let Some(content) = self.recall_bytes(node).await {
            question.reach(Layer::Disk);
            return Ok(content);
        }
        question.reach(Layer::Joined);
        let tree = Arc::clone(self);
        let call = || {
            question.reach(Layer::Source);
            async move { tree.read_once(node).await }
        };
        match self.file_calls.run(self.since_node(node), call).await {
            Ok(content) => Ok(content),
            Err(error) => self.bytes_despite(&error, node).await.ok_or(error),
        }
    }

    /// Reads the file unless somebody has since its reading was wanted: their call may have ended
    /// just before this one began.
    pub(super) async fn read_once(self: &Arc<Self>, id: NodeId) -> Result<Content, VfsError> {
        let read = {
            let mut nodes = self.nodes.lock();
            let node = nodes.get_mut(id)?;
            // Another node of the same name may have been read, or the bytes came with a listing.
            let child = Child { inode: node.object.inode(), kind: NodeKind::File };
            let version = match node.body {
                Body::File(File::Unread) => self.fresh_version(node.path, child),
                Body::File(File::Promised(promise)) => self.kept_promise(node.path, &promise),
                Body::File(File::Version(_) | File::Live(_) | File::Gone)
                | Body::Directory(_)
                | Body::Link(_) => None,
            };
            if let Some(version) = version {
                node.body = Body::File(File::Version(version));
            }
            match node.body {
                Body::File(File::Version(version)) => {
                    self.contents.lock().bytes(id, node.path, version.digest)
                }
                Body::File(File::Unread | File::Promised(_) | File::Live(_) | File::Gone)
                | Body::Directory(_)
                | Body::Link(_) => None,
            }
        };
        match read {
            Some(content) => Ok(content),
            None => self.read_again(id).await,
        }
    }

    /// Reads the file from the source and settles what version that is.
    ///
    /// Returns the bytes of the version that `node` stands for.
    pub(super) async fn read_again(self: &Arc<Self>, node: NodeId) -> Result<Content, VfsError> {
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
                return Err(anew(&object));
            }
            self.let_go(&asked, path);
            return Err(self.settle_vanished(node, &object));
        };
        let (content, size) = self.heed(held(content).await)?;
        let digest = self.heed(self.digest_of(node, &content, size).await)?;
        let modified = self.first_seen((&asked, &object), path, digest).await;
        let (inode, until) = (object.inode(), fresh.until);
        let (fetched, partial) = (self.clock.monotonic(), answer.partial.is_some());
        let made = answer.made;
        let told = None;
        let mut read =
            Cached { inode, digest, content, size, modified, until, fetched, told, partial, made };
        let settled = self.settle_bytes((node, &object), &mut read, fresh);
        if !partial {
            self.keep_bytes(&asked, path, &read);
        }
        settled
    }

    /// Returns what identifies the bytes that were read for a node: their own digest, or for those
    /// outside of memory, which may still be coming, that of the name that the source has for them.
    async fn digest_of(
        &self,
        node: NodeId,
        content: &Content,
        size: u64,
    ) -> Result<Digest, VfsError> {
        let told = match self.nodes.lock().get(node).map(|node| &node.body) {
            Ok(Body::File(File::Promised(promise))) => promise.told(),
            Ok(_) | Err(_) => None,
        };
        match (content, told) {
            (Content::Bytes(bytes), _) if bytes.len() < HASH_ASIDE => Ok(Digest::of(bytes)),
            (Content::Bytes(bytes), _) => {
                let bytes = bytes.clone();
                let hashed = tokio::task::spawn_blocking(move || Digest::of(&bytes)).await;
                hashed.map_err(|_| VfsError::Internal("hashing was cut short".into()))
            }
            (Content::Blob(_), Some(told)) => Ok(told.of_size(size)),
            (Content::Blob(blob), None) => {
                let mut hasher = Hasher::default();
                while hasher.hashed() < size {
                    let range = ByteRange { offset: hasher.hashed(), length: HASHED_AT_ONCE };
                    let bytes = blob.read(range).await?;
                    if bytes.is_empty() {
                        break;
                    }
                    hasher.update(&bytes);
                    tokio::task::yield_now().await;
                }
                Ok(hasher.digest())
            }
        }
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
    ) -> Result<Content, VfsError> {
        let mut nodes = self.nodes.lock();
        read.until = self.believed_of(fresh, &[object.inode()]);
        let Ok(node) = nodes.get_mut(id) else {
            // Forgotten while it was read; the bytes may serve whoever asked.
            return Ok(read.content.clone());
        };
        let path = node.path;
        let mut contents = self.contents.lock();
        if let Some(before) = contents.body(path)
            && before.digest == read.digest
        {
            read.modified = before.modified;
        }
        let content = read.content.clone();
        match node.body {
            Body::Directory(_) | Body::Link(_) => return Err(VfsError::IsADirectory),
            Body::File(File::Live(_) | File::Gone) => return Err(gone(node)),
            // The node may have been told of since: then it stands for what is there now.
            Body::File(File::Unread | File::Promised(_))
                if fresh.generation != self.generation() =>
            {
                return Err(anew(object));
            }
            Body::File(File::Promised(promise)) if promise.size == read.size => {
                (read.modified, read.told) = (promise.modified, promise.told());
                read.until = read.until.max(promise.until.into());
                // What the source calls it tells more of a body that is still coming.
                if read.told.is_none() || !read.is_blob() {
                    node.body = Body::File(File::Version(read.version()));
                }
                contents.put_body(path, id, read.clone());
                return Ok(content);
            }
            // The kernel was told another size: these bytes are another node's.
            Body::File(File::Promised(_)) => node.body = Body::File(File::Gone),
            Body::File(File::Unread) => {
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read.clone());
                return Ok(content);
            }
            Body::File(File::Version(own)) if own.digest == read.digest => {
                read.modified = own.modified;
                node.body = Body::File(File::Version(read.version()));
                contents.put_body(path, id, read.clone());
                return Ok(content);
            }
            // What was asked for before says nothing of what was asked for since.
            Body::File(File::Version(own)) if read.until == NEVER && own.until != NEVER.into() => {
                return Err(changed(object));
            }
            Body::File(File::Version(own)) => {
                if contents.bytes(id, path, own.digest).is_none() {
                    node.body = Body::File(File::Gone);
                }
            }
        }
        self.give_way((nodes, contents), (id, object), read)?;
        Err(changed(object))
    }

    /// Gives the name of a node, if it still has it, to a new node that stands for what was read.
    fn give_way(
        &self,
        (mut nodes, mut contents): (MutexGuard<'_, Nodes>, MutexGuard<'_, Contents>),
        (id, object): (NodeId, &Arc<Object>),
        read: &Cached,
    ) -> Result<(), VfsError> {
        let Some((above, name)) = object.place() else { return Err(VfsError::IsADirectory) };
        let parent = NodeId(above.key().0);
        let current = nodes.directory(parent).ok().and_then(|(_, directory)| directory.child(name));
        let Some(named) = current.filter(|named| named.node == id) else { return Ok(()) };
        let found = (object.inode(), object.id(), named.until);
        let body = Body::File(File::Version(read.version()));
        let (new, replaced) = nodes.put((parent, name), found, body)?;
        let path = nodes.get(new)?.path;
        contents.put_body(path, new, read.clone());
        drop(contents);
        self.bury(nodes);
        if let Some(old) = replaced {
            self.announce(Change::Version { parent, name: name.clone(), old });
        }
        Ok(())
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

/// Returns the bytes of a range, fewer at the end.
pub(super) fn slice(bytes: &Bytes, ByteRange { offset, length }: ByteRange) -> Bytes {
    let place = |at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(place(offset)..place(offset.saturating_add(length)))
}

/// Returns the content as it is held, and its size: what is small is in memory.
async fn held(content: Content) -> Result<(Content, u64), VfsError> {
    match content {
        Content::Bytes(bytes) => {
            let size = bytes.len() as u64;
            Ok((Content::Bytes(bytes), size))
        }
        Content::Blob(blob) => match blob.size().await? {
            size if size <= IN_MEMORY => {
                let bytes = blob.read(ByteRange { offset: 0, length: size }).await?;
                let size = bytes.len() as u64;
                Ok((Content::Bytes(bytes), size))
            }
            size => Ok((Content::Blob(blob), size)),
        },
    }
}

/// Returns how much memory reading ahead of such a file would take.
fn content_size(content: &Content) -> u64 {
    match content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Blob(_) => IN_MEMORY,
    }
}

pub(super) fn changed(object: &Object) -> VfsError {
    VfsError::Stale(format!("{} has other bytes now", object.path()))
}

fn anew(object: &Object) -> VfsError {
    VfsError::Stale(format!("{} is asked for anew", object.path()))
}

/// Says that bytes of a live file are gone.
pub(super) fn shorter(object: &Object) -> VfsError {
    VfsError::Stale(format!("{} was truncated or removed, and these bytes with it", object.path()))
}

pub(super) fn gone(node: &Node) -> VfsError {
    VfsError::Stale(format!("this version of {} is gone", node.object.path()))
}
