//! Files that are read in parts: large ones of sources that can give a part.
//!
//! Whoever reads in turn, from wherever on, gets pieces that grow and that come before they are
//! asked for; whoever jumps gets what was asked for and nothing else. The kernel keeps the pages.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::file::slice;
use super::kept::VersionKey;
use super::nodes::{Body, File, Promise};
use super::{Change, Tree};
use crate::layers::Asked;
use crate::sync::Mutex;
use crate::{ByteRange, Content, Layer, Made, NodeId, Object, VfsError};

/// A file up to this size is read as a whole.
pub(super) const WHOLE: u64 = 1 << 20;

/// The first piece of whoever reads in turn: enough for those who look at the head only.
const FIRST_PIECE: u64 = 128 << 10;

/// The longest piece.
const LONGEST_PIECE: u64 = 4 << 20;

/// How far behind the end of the last piece a reader may go on and still read in turn: the kernel
/// asks for several parts at once, in any order. It is its longest READ.
const NEAR: u64 = 1 << 20;

/// How many pieces of a file are kept: the one that is read and the next two, of two who read in turn.
const PIECES: usize = 6;

/// How many jumps of a file are remembered, to notice who goes on behind one.
const JUMPS: usize = 4;

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
    /// Held for a look or a change.
    pieces: Mutex<Pieces>,
}

/// The pieces of a file.
#[derive(Debug, Default)]
struct Pieces {
    /// Those that come or are there, in the order in which they were asked for.
    kept: VecDeque<Arc<Piece>>,
    /// Where the last jumps ended.
    jumps: VecDeque<u64>,
}

/// A part of a file that is asked for once.
#[derive(Debug)]
struct Piece {
    start: u64,
    end: u64,
    content: OnceLock<Content>,
    /// Whether somebody has read its end: then it is the first that others take the place of.
    is_read: AtomicBool,
}

impl Piece {
    fn new(start: u64, length: u64, size: u64) -> Arc<Self> {
        let end = start.saturating_add(length).min(size);
        let (content, is_read) = (OnceLock::new(), AtomicBool::new(false));
        Arc::new(Self { start, end, content, is_read })
    }

    /// Returns the one after another. A long one ends where the kernel's longest READ does, which
    /// then is answered from one piece; and the longest ones where they do whoever reads, so that
    /// what was kept of one reading serves the next.
    fn after(before: &Self, least: u64, size: u64) -> Arc<Self> {
        let (start, length) = (before.end, (before.length() * 2).min(LONGEST_PIECE));
        let end = start.saturating_add(length);
        let border = if length >= LONGEST_PIECE { LONGEST_PIECE } else { NEAR };
        let end = if length >= 2 * NEAR { end - end % border } else { end };
        Self::new(start, (end - start).max(least), size)
    }

    fn has(&self, place: u64) -> bool {
        (self.start..self.end).contains(&place)
    }

    fn length(&self) -> u64 {
        self.end - self.start
    }

    fn range(&self) -> ByteRange {
        ByteRange { offset: self.start, length: self.length() }
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
        self.pieces.lock().kept.iter().map(in_memory).sum()
    }

    /// Decides from what to answer a read at `offset`, inside of a file of `size` bytes.
    fn plan(&self, range: ByteRange, size: u64) -> Plan {
        let mut pieces = self.pieces.lock();
        let Some(piece) = pieces.piece_for(range, size) else {
            // Nobody else will want it.
            pieces.note_jump(range);
            return Plan { piece: Piece::new(range.offset, range.length, size), next: None };
        };
        if range.offset.saturating_add(range.length) >= piece.end {
            piece.is_read.store(true, Ordering::Relaxed);
        }
        let read = range.offset.saturating_sub(piece.start);
        // Whoever got as far as a long one reads on.
        let ahead = match piece.length() {
            LONGEST_PIECE.. => 2,
            length if length >= 2 * NEAR || read >= length / 2 => 1,
            _ => 0,
        };
        let next = pieces.ahead(&piece, ahead).filter(|last| last.end < size);
        let next = next.map(|last| pieces.keep(Piece::after(&last, 0, size)));
        Plan { piece, next }
    }

    /// Returns what answers about this version are tagged with, once one came that was.
    fn tag(&self) -> Option<&str> {
        self.tag.get()?.as_deref()
    }

    fn drop_piece(&self, piece: &Arc<Piece>) {
        self.pieces.lock().kept.retain(|other| !Arc::ptr_eq(other, piece));
    }
}

impl Pieces {
    /// Returns the piece that a read begins in, a new one where somebody reads in turn; none for a
    /// jump.
    fn piece_for(
        &mut self,
        ByteRange { offset, length }: ByteRange,
        size: u64,
    ) -> Option<Arc<Piece>> {
        if let Some(known) = self.kept.iter().find(|piece| piece.has(offset)) {
            return Some(Arc::clone(known));
        }
        let near = |end: u64, reach| (end..end.saturating_add(reach)).contains(&offset);
        let before = self.kept.iter().filter(|piece| near(piece.end, NEAR));
        let piece = match before.max_by_key(|piece| piece.end) {
            Some(before) => Piece::after(before, offset + length - before.end, size),
            None if offset == 0 || self.jumps.iter().any(|end| near(*end, FIRST_PIECE)) => {
                Piece::new(offset, length.max(FIRST_PIECE), size)
            }
            None => return None,
        };
        Some(self.keep(piece))
    }

    /// Returns the last of up to `most` pieces in turn that are there, the one they begin with
    /// included; none if there are more.
    fn ahead(&self, piece: &Arc<Piece>, most: usize) -> Option<Arc<Piece>> {
        let mut last = Arc::clone(piece);
        for _ in 0..most {
            match self.kept.iter().find(|other| other.has(last.end)) {
                Some(next) => last = Arc::clone(next),
                None => return Some(last),
            }
        }
        None
    }

    fn note_jump(&mut self, ByteRange { offset, length }: ByteRange) {
        self.jumps.truncate(JUMPS - 1);
        self.jumps.push_front(offset.saturating_add(length));
    }

    fn keep(&mut self, piece: Arc<Piece>) -> Arc<Piece> {
        while self.kept.len() >= PIECES {
            let is_read = |piece: &Arc<Piece>| piece.is_read.load(Ordering::Relaxed);
            self.kept.remove(self.kept.iter().position(is_read).unwrap_or(0));
        }
        self.kept.push_back(Arc::clone(&piece));
        piece
    }
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
        let (_, version) = self.mark_in_parts(node)?;
        let part = self.part_on_disk((version, file.tag()), piece.range());
        let is_kept = part.is_some_and(|part| self.has_part(&part));
        question.reach(if is_kept { Layer::Disk } else { Layer::Joined });
        let key = self.since_about(node, (node, piece.start, piece.end));
        let call = self.part_call(node, file, piece);
        let counted = || {
            if !is_kept {
                question.reach(Layer::Source);
            }
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
        let (object, version) = self.mark_in_parts(node)?;
        let range = piece.range();
        let part = self.part_on_disk((version, file.tag()), range);
        if let Some(part) = &part
            && let Some(content) = self.recall_part(&object, part).await
        {
            return Ok(piece.content.get_or_init(|| content).clone());
        }
        let asked = self.current();
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
        // Of the first answer the tag was not known before.
        if let Some(part) = part.or_else(|| self.part_on_disk((version, file.tag()), range)) {
            self.keep_part(&asked, &part, &content);
        }
        Ok(piece.content.get_or_init(|| content).clone())
    }

    /// Takes in that a file is read in parts. Returns its object, and what its parts on disk are
    /// known by, if the source has a name for the version.
    fn mark_in_parts(&self, node: NodeId) -> Result<(Arc<Object>, Option<VersionKey>), VfsError> {
        let mut nodes = self.nodes.lock();
        let node = nodes.get_mut(node)?;
        node.in_parts = true;
        let version = node.promised_in_parts().and_then(|promise| {
            Some(VersionKey { path: node.path, size: promise.size, told: promise.told()? })
        });
        Ok((Arc::clone(&node.object), version))
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
            let piece = first.pieces.lock().keep(Piece::new(0, 10, 10));
            piece.content.set(content).unwrap();
        }
        assert_eq!(first.bytes(), 400);
        assert!(Arc::ptr_eq(&first, &ranges.of(NodeId(7), 1_000)));
        ranges.of(NodeId(8), 400);
        assert!(Arc::ptr_eq(&first, &ranges.of(NodeId(7), 400)), "it still fits");
        ranges.of(NodeId(8), 399);
        assert!(!Arc::ptr_eq(&first, &ranges.of(NodeId(7), 399)));
    }

    /// Reads 30 MiB in turn, and returns where the pieces end, in KiB.
    fn ends(from: u64) -> Vec<u64> {
        let file = InParts::default();
        let mut ends = Vec::new();
        for offset in (from..from + 30 * MIB).step_by(128 << 10) {
            let (_, end) = read(&file, offset, 128 << 10).0;
            ends.push(end >> 10);
        }
        ends.dedup();
        ends
    }

    #[test]
    fn long_pieces_end_where_a_read_does_and_the_longest_where_they_do_for_everybody() {
        let from_the_beginning = ends(0);
        assert_eq!(
            from_the_beginning,
            [128, 384, 896, 1920, 3072, 5120, 8192, 12288, 16384, 20480, 24576, 28672, 32768]
        );
        // The first READ is a jump.
        let from_elsewhere = ends(36 << 10);
        assert!(from_elsewhere.starts_with(&[164, 292, 548]), "{from_elsewhere:?}");
        assert_eq!(from_elsewhere[9..], from_the_beginning[7..]);
    }

    #[test]
    fn long_pieces_are_followed_at_once_and_the_longest_by_two() {
        let file = InParts::default();
        let mib = |n: u64| n * MIB;
        assert_eq!(read(&file, 0, mib(3)), ((0, mib(3)), Some((mib(3), mib(4)))));
        assert_eq!(read(&file, mib(2), MIB), ((0, mib(3)), None), "once");
        let file = InParts::default();
        assert_eq!(read(&file, 0, mib(4)), ((0, mib(4)), Some((mib(4), mib(8)))));
        assert_eq!(read(&file, 0, MIB), ((0, mib(4)), Some((mib(8), mib(12)))));
        assert_eq!(read(&file, MIB, MIB), ((0, mib(4)), None));
        assert_eq!(read(&file, mib(4), MIB), ((mib(4), mib(8)), Some((mib(12), mib(16)))));
    }

    #[test]
    fn the_last_piece_ends_with_the_file() {
        let file = InParts::default();
        let plan = file.plan(ByteRange { offset: 0, length: 3 * MIB }, 4 * MIB - 5);
        let next = plan.next.unwrap();
        assert_eq!((next.start, next.end), (3 * MIB, 4 * MIB - 5));
        let end = ByteRange { offset: 4 * MIB - 10, length: 5 };
        assert!(file.plan(end, 4 * MIB - 5).next.is_none());
    }

    #[test]
    fn two_who_read_in_turn_take_nothing_from_each_other() {
        let (file, size) = (InParts::default(), 100 * MIB);
        let mut pieces: Vec<Arc<Piece>> = Vec::new();
        for at in (0..50 * MIB).step_by(128 << 10) {
            for offset in [at, 50 * MIB + at] {
                let plan = file.plan(ByteRange { offset, length: 128 << 10 }, size);
                for piece in [Some(plan.piece), plan.next].into_iter().flatten() {
                    if !pieces.iter().any(|known| Arc::ptr_eq(known, &piece)) {
                        pieces.push(piece);
                    }
                }
            }
        }
        let asked: u64 = pieces.iter().map(|piece| piece.length()).sum();
        assert!(
            asked <= size + 3 * LONGEST_PIECE,
            "{asked} bytes of {size}, twice where they meet"
        );
        assert!(pieces.len() < 40, "{} requests", pieces.len());
    }

    #[test]
    fn a_jump_gets_what_it_asks_for_and_disturbs_nobody() {
        let file = InParts::default();
        read(&file, 0, 4_096);
        assert_eq!(read(&file, 50 * MIB, 4_096), ((50 * MIB, 50 * MIB + 4_096), None));
        assert_eq!(read(&file, 4_096, 4_096).0, (0, 128 << 10));
        assert_eq!(file.pieces.lock().kept.len(), 1);
    }
}
