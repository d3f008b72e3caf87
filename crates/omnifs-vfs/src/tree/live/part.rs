//! The bytes of live files.

use std::sync::Arc;

use bytes::Bytes;

use super::Live;
use crate::digest::Digest;
use crate::layers::Asked;
use crate::tree::{Change, Current, Tree, file};
use crate::{ByteRange, Content, Layer, NodeId, Object, VfsError};

/// What a call reads. How much was known when it began is part of it: whoever knows more than that
/// does not join, so that what a call finds is never less than its callers know of, unless the file
/// was truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Part {
    node: NodeId,
    known: u64,
    /// All of the file when it is none, as offset and length.
    range: Option<(u64, u64)>,
}

impl Tree {
    /// Returns the bytes of a part of a live file that the source has now, fewer at their end.
    pub(in crate::tree) async fn read_live(
        self: &Arc<Self>,
        id: NodeId,
        range: ByteRange,
        question: &mut Asked<'_>,
    ) -> Result<Bytes, VfsError> {
        let live = self.live(id)?;
        let object = Arc::clone(&self.nodes.lock().get(id)?.object);
        if live.truncated {
            return behind_the_end(&object, live.size, range);
        }
        if !live.ranges {
            if let Some(bytes) = self.part_in_memory(id, live, range) {
                return Ok(bytes);
            }
            question.reach(Layer::Joined);
            let begun = || question.reach(Layer::Source);
            let bytes = self.read_whole((id, &object), live, begun).await?;
            return Ok(file::slice(&bytes, range));
        }
        let part = Part { node: id, known: live.size, range: Some((range.offset, range.length)) };
        let tree = Arc::clone(self);
        question.reach(Layer::Joined);
        let read = || {
            question.reach(Layer::Source);
            async move { tree.read_live_part((id, &object), live, range).await }
        };
        self.live.parts.run(self.since_about(id, part), read).await
    }

    async fn read_live_part(
        &self,
        (id, object): (NodeId, &Arc<Object>),
        live: Live,
        range: ByteRange,
    ) -> Result<Bytes, VfsError> {
        let asked = self.current();
        let Some(bytes) = self.ask_part(&asked, object, Some(range)).await? else {
            return behind_the_end(object, live.size, range);
        };
        let end = range.offset.saturating_add(bytes.len() as u64);
        let known = range.offset.saturating_add(range.length).min(live.size);
        let wanted = ByteRange { offset: range.offset, length: known.saturating_sub(range.offset) };
        if bytes.is_empty() && wanted.length == 0 {
            return Ok(bytes);
        }
        self.take_end((&asked, id), wanted, end);
        if end < known { Err(file::shorter(object)) } else { Ok(bytes) }
    }

    /// Returns a part of a file that can only be read as a whole, if it need not be read for that.
    fn part_in_memory(&self, id: NodeId, live: Live, range: ByteRange) -> Option<Bytes> {
        let end = range.offset.saturating_add(range.length);
        let holds = live.asked.holds(self.clock.monotonic());
        let enough = |bytes: &Bytes| {
            let length = bytes.len() as u64;
            // Bytes that were there once do not change; what comes after them has to be asked for.
            end <= length || (holds && length >= live.size)
        };
        self.whole_in_memory(id).filter(enough).map(|bytes| file::slice(&bytes, range))
    }

    /// Reads a live file as a whole, and tells `begun` unless somebody else does. Its bytes stay in
    /// memory for the next reads of the same node, and no longer than that is known.
    pub(super) async fn read_whole(
        self: &Arc<Self>,
        (id, object): (NodeId, &Arc<Object>),
        live: Live,
        begun: impl FnOnce() + Send,
    ) -> Result<Bytes, VfsError> {
        let part = Part { node: id, known: live.size, range: None };
        let (tree, object) = (Arc::clone(self), Arc::clone(object));
        let read = async move {
            let asked = tree.current();
            let whole = ByteRange { offset: 0, length: live.size };
            let Some(bytes) = tree.ask_part(&asked, &object, None).await? else {
                return behind_the_end(&object, live.size, whole);
            };
            let end = bytes.len() as u64;
            tree.take_end((&asked, id), whole, end);
            if end < live.size {
                return Err(file::shorter(&object));
            }
            tree.keep_whole(id, &bytes);
            Ok(bytes)
        };
        let call = || {
            begun();
            read
        };
        self.live.parts.run(self.since_about(id, part), call).await
    }

    fn whole_in_memory(&self, id: NodeId) -> Option<Bytes> {
        let path = self.nodes.lock().get(id).ok()?.path;
        match self.contents.lock().bytes(id, path, Digest::NONE)? {
            Content::Bytes(bytes) => Some(bytes),
            Content::Blob(_) => None,
        }
    }

    fn keep_whole(&self, id: NodeId, bytes: &Bytes) {
        let now = self.clock.monotonic();
        let mut nodes = self.nodes.lock();
        let Some(live) = nodes.get_mut(id).ok().and_then(|node| node.live_mut()) else { return };
        live.asked = super::Stamp::of(now);
        self.contents.lock().put_old(id, bytes.clone());
    }

    /// Asks the source for a part of a live file, or for all of it; `None` when it is gone. An
    /// answer that may not be all is none: it would look like the end.
    pub(super) async fn ask_part(
        &self,
        asked: &Current,
        object: &Arc<Object>,
        range: Option<ByteRange>,
    ) -> Result<Option<Bytes>, VfsError> {
        let answer = self.heed(asked.source.read_file(object, range).await)?;
        if let Some(failure) = answer.partial {
            return Err(failure);
        }
        match answer.value {
            Some(content) => Ok(Some(self.heed(content.whole().await)?)),
            None => Ok(None),
        }
    }

    /// Takes in where the bytes end of a file that was asked for `known`, a part of which bytes were
    /// known when the call began: the file has grown, or was truncated.
    pub(super) fn take_end(&self, (asked, id): (&Current, NodeId), known: ByteRange, end: u64) {
        let seen = self.clock.calendar();
        let mut nodes = self.nodes.lock();
        if asked.generation != self.generation() {
            // What an earlier source said is no reason to believe anything of this one.
            return;
        }
        if end >= known.offset.saturating_add(known.length) {
            if let Some(live) = nodes.get_mut(id).ok().and_then(|node| node.live_mut()) {
                live.grow(end, seen);
            }
            return;
        }
        nodes.truncate(id);
        let Ok(node) = nodes.get(id) else { return };
        let (parent, object) = (node.parent(), Arc::clone(&node.object));
        drop(nodes);
        if let Some((_, name)) = object.place() {
            self.announce(Change::Expired { parent, name: name.clone() });
        }
    }
}

/// Returns what there is of bytes that are gone: nothing behind where their end was.
fn behind_the_end(object: &Object, size: u64, range: ByteRange) -> Result<Bytes, VfsError> {
    if range.offset >= size { Ok(Bytes::new()) } else { Err(file::shorter(object)) }
}
