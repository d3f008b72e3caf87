//! Files that are read in parts: large ones of sources that can give a part.
//!
//! Whoever reads in turn gets pieces that grow and that come before they are asked for; whoever
//! jumps gets what was asked for and nothing else. The kernel keeps the pages.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::file::slice;
use super::nodes::{Body, File, Promise};
use super::{Change, Tree};
use crate::layers::Asked;
use crate::sync::Mutex;
use crate::{ByteRange, Content, Layer, Made, NodeId, VfsError};

/// A file up to this size is read as a whole.
pub(super) const WHOLE: u64 = 1 << 20;

/// The first piece of whoever reads from the beginning: enough for those who look at the head only.
const FIRST_PIECE: u64 = 128 << 10;

/// The longest piece.
const LONGEST_PIECE: u64 = 4 << 20;

/// How far behind the end of the last piece a reader may go on and still read in turn: the kernel
/// asks for several parts at once, in any order. It is its longest READ.
const NEAR: u64 = 1 << 20;

/// How many pieces of a file are kept: the one that is read, the one before it and the next.
const PIECES: usize = 3;

/// The part of the memory that pieces of files may take.
const SHARE: u64 = 2;

/// How many files are remembered that are read in parts.
const FILES: usize = 32;

/// The files that are read in parts.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// The one that was read last is at the end. Held for a look or a change.
    files: Mutex<VecDeque<(NodeId, Arc<InParts>)>>,
}

/// A file that is read in parts.
#[derive(Debug, Default)]
struct InParts {
    /// What the first answer was tagged with: another tag is another version.
    tag: OnceLock<Option<String>>,
    /// The pieces that come or are there, in the order in which they were asked for. Held for a look
    /// or a change.
    pieces: Mutex<VecDeque<Arc<Piece>>>,
}

/// A part of a file that is asked for once.
#[derive(Debug)]
struct Piece {
    start: u64,
    end: u64,
    content: OnceLock<Content>,
}

impl Piece {
    fn new(start: u64, length: u64, size: u64) -> Arc<Self> {
        let end = start.saturating_add(length).min(size);
        Arc::new(Self { start, end, content: OnceLock::new() })
    }

    /// Returns the one after another. A long one ends where the kernel's longest READ does, which
    /// then is answered from one piece.
    fn after(before: &Self, least: u64, size: u64) -> Arc<Self> {
        let (start, length) = (before.end, (before.length() * 2).min(LONGEST_PIECE));
        let end = start.saturating_add(length);
        let end = if length >= 2 * NEAR { end - end % NEAR } else { end };
        Self::new(start, (end - start).max(least), size)
    }

    fn has(&self, place: u64) -> bool {
        (self.start..self.end).contains(&place)
    }

    fn length(&self) -> u64 {
        self.end - self.start
    }
}

/// What a read is answered from.
struct Plan {
    piece: Arc<Piece>,
    /// What will be asked for next.
    next: Option<Arc<Piece>>,
}

impl InParts {
    fn bytes(&self) -> u64 {
        let in_memory = |piece: &Arc<Piece>| piece.content.get().map_or(0, Content::memory);
        self.pieces.lock().iter().map(in_memory).sum()
    }

    /// Decides from what to answer a read at `offset`, inside of a file of `size` bytes.
    fn plan(&self, ByteRange { offset, length }: ByteRange, size: u64) -> Plan {
        let mut pieces = self.pieces.lock();
        let known = pieces.iter().find(|piece| piece.has(offset)).cloned();
        let last = pieces.back().cloned();
        let piece = match (known, &last) {
            (Some(piece), _) => piece,
            (None, Some(last)) if (last.end..last.end + NEAR).contains(&offset) => {
                keep(&mut pieces, Piece::after(last, offset + length - last.end, size))
            }
            (None, _) if offset == 0 => {
                keep(&mut pieces, Piece::new(0, length.max(FIRST_PIECE), size))
            }
            // A jump: nobody else will want it.
            (None, _) => Piece::new(offset, length, size),
        };
        let is_last = pieces.back().is_some_and(|last| Arc::ptr_eq(last, &piece));
        let in_second_half = offset.saturating_sub(piece.start) >= piece.length() / 2;
        let next = (is_last && in_second_half && piece.end < size)
            .then(|| keep(&mut pieces, Piece::after(&piece, 0, size)));
        Plan { piece, next }
    }

    fn drop_piece(&self, piece: &Arc<Piece>) {
        self.pieces.lock().retain(|other| !Arc::ptr_eq(other, piece));
    }
}

fn keep(pieces: &mut VecDeque<Arc<Piece>>, piece: Arc<Piece>) -> Arc<Piece> {
    while pieces.len() >= PIECES {
        pieces.pop_front();
    }
    pieces.push_back(Arc::clone(&piece));
    piece
}

impl Ranges {
    /// Returns the parts of a file, and forgets those of others when all together have more than
    /// `memory` bytes.
    fn of(&self, node: NodeId, memory: u64) -> Arc<InParts> {
        let mut files = self.files.lock();
        let known = files.iter().position(|(id, _)| *id == node).and_then(|at| files.remove(at));
        let file = known.map_or_else(Arc::default, |(_, file)| file);
        let bytes = |(_, file): &(NodeId, Arc<InParts>)| file.bytes();
        while files.len() >= FILES || files.iter().map(bytes).sum::<u64>() > memory {
            files.pop_front();
        }
        files.push_back((node, Arc::clone(&file)));
        file
    }

    /// Forgets files that nobody knows any more.
    pub(super) fn forget(&self, is_gone: impl Fn(NodeId) -> bool) {
        self.files.lock().retain(|(node, _)| !is_gone(*node));
    }
}

impl Tree {
    /// Returns the bytes of a range of a file that can be read in parts.
    ///
    /// # Errors
    /// As reading failed, and [`VfsError::Stale`] when the file is another one by now.
    pub(super) async fn read_in_parts(
        self: &Arc<Self>,
        (node, promise): (NodeId, Promise),
        range: ByteRange,
        question: &mut Asked<'_>,
    ) -> Result<Bytes, VfsError> {
        let file = self.ranges.of(node, self.settings().memory / SHARE);
        let end = range.offset.saturating_add(range.length).min(promise.size);
        let (mut at, mut all) = (range.offset, BytesMut::new());
        while at < end {
            let wanted = ByteRange { offset: at, length: end - at };
            let Plan { piece, next } = file.plan(wanted, promise.size);
            if let Some(next) = next {
                let key = self.since_about(node, (node, next.start, next.end));
                self.part_calls.start(key, self.part_call(node, &file, &next));
            }
            let part = ByteRange { offset: at - piece.start, length: end.min(piece.end) - at };
            let bytes = match self.part(node, (&file, &piece), question).await? {
                Content::Bytes(bytes) => slice(&bytes, part),
                Content::Blob(blob) => {
                    let read = self.heed(blob.read(part).await);
                    read.inspect_err(|_| file.drop_piece(&piece))?
                }
            };
            if bytes.len() as u64 != part.length {
                return Err(self.settle_changed(node));
            }
            at += part.length;
            if all.is_empty() && at == end {
                return Ok(bytes);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// Returns a part of a file, asking for it unless it is there or somebody has.
    async fn part(
        self: &Arc<Self>,
        node: NodeId,
        (file, piece): (&Arc<InParts>, &Arc<Piece>),
        question: &mut Asked<'_>,
    ) -> Result<Content, VfsError> {
        if let Some(content) = piece.content.get() {
            return Ok(content.clone());
        }
        let key = self.since_about(node, (node, piece.start, piece.end));
        question.reach(Layer::Joined);
        let call = self.part_call(node, file, piece);
        let counted = || {
            question.reach(Layer::Source);
            call()
        };
        let read = self.part_calls.run(key, counted).await;
        read.inspect_err(|_| file.drop_piece(piece))
    }

    fn part_call(
        self: &Arc<Self>,
        node: NodeId,
        file: &Arc<InParts>,
        piece: &Arc<Piece>,
    ) -> impl FnOnce() -> BoxFuture<'static, Result<Content, VfsError>> + use<> {
        let (tree, file, piece) = (Arc::clone(self), Arc::clone(file), Arc::clone(piece));
        move || {
            async move {
                match piece.content.get() {
                    Some(content) => Ok(content.clone()),
                    None => tree.read_part(node, &file, &piece).await,
                }
            }
            .boxed()
        }
    }

    async fn read_part(
        &self,
        node: NodeId,
        file: &InParts,
        piece: &Piece,
    ) -> Result<Content, VfsError> {
        let object = {
            let mut nodes = self.nodes.lock();
            let known = nodes.get_mut(node)?;
            known.in_parts = true;
            Arc::clone(&known.object)
        };
        let asked = self.current();
        let range = ByteRange { offset: piece.start, length: piece.length() };
        let answer = self.heed(asked.source.read_file(&object, Some(range)).await)?;
        if let Some(failure) = answer.partial {
            // Of a part nobody can say what is missing.
            return self.heed(Err(failure));
        }
        let Some(content) = answer.value else { return Err(self.settle_changed(node)) };
        let tag = answer.made.as_deref().and_then(Made::source).and_then(|from| from.etag.clone());
        let is_short =
            matches!(&content, Content::Bytes(bytes) if bytes.len() as u64 != range.length);
        if is_short || *file.tag.get_or_init(|| tag.clone()) != tag {
            return Err(self.settle_changed(node));
        }
        Ok(piece.content.get_or_init(|| content).clone())
    }

    /// Records that a node stands for a version that its file no longer has, and that cannot be read
    /// to the end.
    fn settle_changed(&self, id: NodeId) -> VfsError {
        let mut nodes = self.nodes.lock();
        let Ok(node) = nodes.get_mut(id) else {
            return VfsError::Stale("a file that was forgotten has other bytes now".to_owned());
        };
        node.body = Body::File(File::Gone);
        let (parent, object) = (node.parent(), Arc::clone(&node.object));
        nodes.expire_name(id);
        drop(nodes);
        self.ranges.forget(|other| other == id);
        if let Some((_, name)) = object.place() {
            self.announce(Change::Version { parent, name: name.clone(), old: id });
        }
        super::file::changed(&object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn read(file: &InParts, offset: u64, length: u64) -> ((u64, u64), Option<(u64, u64)>) {
        let plan = file.plan(ByteRange { offset, length }, 100 * MIB);
        let ends = |piece: &Arc<Piece>| (piece.start, piece.end);
        (ends(&plan.piece), plan.next.as_ref().map(ends))
    }

    #[test]
    fn pieces_grow_and_the_next_one_comes_in_time() {
        let file = InParts::default();
        let kib = |n: u64| n << 10;
        assert_eq!(read(&file, 0, 4_096), ((0, kib(128)), None));
        let next = (kib(128), kib(384));
        assert_eq!(read(&file, kib(64), kib(64)), ((0, kib(128)), Some(next)));
        assert_eq!(read(&file, kib(96), kib(32)), ((0, kib(128)), None), "once");
        assert_eq!(read(&file, kib(128), kib(128)), (next, None));
        let third = (kib(384), kib(896));
        assert_eq!(read(&file, kib(256), kib(128)), (next, Some(third)));
        assert_eq!(read(&file, 0, kib(4)).0, (0, kib(128)), "who lags finds the one before");
    }

    /// A body that lies in memory as far as anybody asks.
    #[derive(Debug)]
    struct InMemory(u64);

    impl crate::Blob for InMemory {
        fn size(&self) -> BoxFuture<'_, Result<u64, VfsError>> {
            unreachable!("nobody asks")
        }

        fn read(&self, _: ByteRange) -> BoxFuture<'_, Result<Bytes, VfsError>> {
            unreachable!("nobody reads")
        }

        fn memory(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn pieces_in_memory_have_one_bound_for_all_files() {
        let ranges = Ranges::default();
        let blob = || Content::Blob(Arc::new(InMemory(300)));
        let first = ranges.of(NodeId(7), 1_000);
        for content in [Content::from("bytes".repeat(20)), blob()] {
            let piece = keep(&mut first.pieces.lock(), Piece::new(0, 10, 10));
            piece.content.set(content).unwrap();
        }
        assert_eq!(first.bytes(), 400);
        assert!(Arc::ptr_eq(&first, &ranges.of(NodeId(7), 1_000)));
        ranges.of(NodeId(8), 400);
        assert!(Arc::ptr_eq(&first, &ranges.of(NodeId(7), 400)), "it still fits");
        ranges.of(NodeId(8), 399);
        assert!(!Arc::ptr_eq(&first, &ranges.of(NodeId(7), 399)));
    }

    #[test]
    fn long_pieces_end_where_a_read_does() {
        let file = InParts::default();
        let mut ends = Vec::new();
        for offset in (0..30 * MIB).step_by(128 << 10) {
            let (_, end) = read(&file, offset, 128 << 10).0;
            ends.push(end);
        }
        ends.dedup();
        let kib: Vec<u64> = ends.iter().map(|end| end >> 10).collect();
        assert_eq!(
            kib,
            [128, 384, 896, 1920, 3072, 5120, 9216, 13312, 17408, 21504, 25600, 29696, 33792]
        );
    }

    #[test]
    fn the_last_piece_ends_with_the_file() {
        let file = InParts::default();
        let plan = file.plan(ByteRange { offset: 0, length: 3 * MIB }, 4 * MIB);
        assert_eq!((plan.piece.start, plan.piece.end), (0, 3 * MIB));
        let plan = file.plan(ByteRange { offset: 2 * MIB, length: MIB }, 4 * MIB);
        let next = plan.next.unwrap();
        assert_eq!((next.start, next.end), (3 * MIB, 4 * MIB));
        assert!(file.plan(ByteRange { offset: 4 * MIB - 10, length: 10 }, 4 * MIB).next.is_none());
    }

    #[test]
    fn a_jump_gets_what_it_asks_for_and_disturbs_nobody() {
        let file = InParts::default();
        read(&file, 0, 4_096);
        assert_eq!(read(&file, 50 * MIB, 4_096), ((50 * MIB, 50 * MIB + 4_096), None));
        assert_eq!(read(&file, 4_096, 4_096).0, (0, 128 << 10));
        assert_eq!(file.pieces.lock().len(), 1);
    }
}
