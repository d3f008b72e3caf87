//! Answers: each request gets exactly one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::{Attributes, Caching, DirectoryHandle, Entry, Opened, Tally};
use rustix::io::Errno;
use zerocopy::IntoBytes;

use crate::attributes::{absent_out, attr_out, entry_out};
use crate::dirent::Packed;
use crate::request::Header;
use crate::session::{Busy, PageRead, Shared, Turn, Watched, shown_errno};
use crate::wire::{GetxattrOut, InitOut, Opcode, OpenOut, StatfsOut, open_flag};

/// What a request is answered with when it succeeds.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing but success.
    Done,
    /// The name exists.
    Entry(Entry),
    /// The name does not exist, and that may be cached.
    Absent(Duration),
    /// Attributes.
    Attributes(Attributes),
    /// A file's bytes.
    Bytes(Bytes),
    /// An open file.
    File(Opened),
    /// An open directory.
    Directory(DirectoryHandle),
    /// Names of a directory.
    Listing(Packed),
    /// The file system as a whole.
    Statfs,
    /// The size of an extended attribute's value, or of the list of their names.
    XattrSize(u32),
    /// The features agreed on.
    Init(InitOut),
}

/// What a request is answered with.
pub(crate) type Outcome = Result<Answer, Errno>;

/// The duty to answer one request. Dropped without an answer, it answers EIO.
pub(crate) struct Reply {
    shared: Arc<Shared>,
    header: Header,
    opcode: Opcode,
    /// Says that the directory is busy, until after the answer was written.
    busy: Option<Busy>,
    /// Says that a READ of the file is unanswered, likewise.
    turn: Option<Turn>,
    /// What somebody who watches is told.
    watched: Option<Box<Watched>>,
    /// Says that a READ into pages of a live file is unanswered, likewise.
    page: Option<PageRead>,
    answered: bool,
}

impl Reply {
    pub(crate) fn new(shared: &Arc<Shared>, header: Header, opcode: Opcode) -> Self {
        let (busy, turn, page, watched) = (None, None, None, None);
        let answered = false;
        Self { shared: Arc::clone(shared), header, opcode, busy, turn, page, watched, answered }
    }

    /// Tells somebody who watches of the answer, if there is one.
    pub(crate) fn watched(mut self, watched: Option<Box<Watched>>) -> Self {
        self.watched = watched;
        self
    }

    /// Returns on whose account the request is worked on, if it is watched.
    pub(crate) fn tally(&self) -> Option<Arc<Tally>> {
        self.watched.as_ref().map(|watched| Arc::clone(watched.tally()))
    }

    /// Counts as an unanswered READ into pages of a live file until the answer was written.
    pub(crate) fn paging(mut self, page: PageRead) -> Self {
        self.page = Some(page);
        self
    }

    /// Counts as an unanswered READ until the answer was written.
    pub(crate) fn in_turn(mut self, turn: Turn) -> Self {
        self.turn = Some(turn);
        self
    }

    /// Keeps `busy` until the answer was written.
    pub(crate) fn holding(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }

    /// Returns what the request was.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Answers.
    pub(crate) fn send(mut self, outcome: Outcome) {
        self.answer(outcome);
    }

    fn answer(&mut self, outcome: Outcome) {
        self.answered = true;
        let (op, req, ino) = (self.opcode.name(), self.header.unique, self.header.node);
        let errno = shown_errno(&outcome);
        if let Some(errno) = errno {
            self.shared.failed(errno);
        }
        let watched = self.watched.take();
        let sent = match outcome {
            Err(errno) => {
                let errno_number = errno.raw_os_error();
                tracing::trace!(target: "omnifs_fuse", op, req, ino, errno = errno_number, "answer");
                self.shared.channel.refuse(req, errno)
            }
            Ok(answer) => {
                self.before(&answer);
                let sent = self.write(&answer, req);
                let len = sent.unwrap_or(0);
                tracing::trace!(target: "omnifs_fuse", op, req, ino, errno = 0, len, "answer");
                if sent.is_err() {
                    self.undo(&answer);
                }
                sent.map(drop)
            }
        };
        if let Err(errno) = sent {
            tracing::debug!(target: "omnifs_fuse", op, req, ino, %errno, "answer not delivered");
        }
        self.busy = None;
        self.turn = None;
        self.page = None;
        if let Some(watched) = watched {
            watched.end(&self.shared, errno);
        }
    }

    /// Records what the kernel will know as soon as it has the answer.
    fn before(&self, answer: &Answer) {
        if let Answer::Directory(handle) = answer {
            self.shared.gate.opened(self.node(), handle.id);
        }
    }

    /// Takes back what the kernel was to learn from an answer that it did not get.
    fn undo(&self, answer: &Answer) {
        match answer {
            Answer::Entry(entry) => self.shared.tree.forget(entry.node, 1),
            Answer::Listing(packed) => {
                packed.nodes.iter().for_each(|node| self.shared.tree.forget(*node, 1));
            }
            Answer::Directory(handle) => {
                self.shared.gate.closed(self.node(), handle.id);
                self.shared.tree.release_directory(handle.id);
            }
            Answer::Done
            | Answer::Absent(_)
            | Answer::Attributes(_)
            | Answer::Bytes(_)
            | Answer::File(_)
            | Answer::Statfs
            | Answer::XattrSize(_)
            | Answer::Init(_) => {}
        }
    }

    fn node(&self) -> omnifs_vfs::NodeId {
        omnifs_vfs::NodeId(self.header.node)
    }

    /// Writes an answer and returns the length of its body.
    fn write(&self, answer: &Answer, unique: u64) -> Result<usize, Errno> {
        let owner = self.shared.owner;
        let body =
            |bytes: &[u8]| self.shared.channel.answer(unique, [bytes, &[]]).map(|()| bytes.len());
        match answer {
            Answer::Done => body(&[]),
            Answer::Entry(entry) => body(entry_out(entry, owner).as_bytes()),
            Answer::Absent(valid) => body(absent_out(*valid).as_bytes()),
            Answer::Attributes(attributes) => body(attr_out(attributes, owner).as_bytes()),
            Answer::Bytes(bytes) => body(bytes),
            Answer::File(opened) => body(file_out(*opened).as_bytes()),
            Answer::Directory(handle) => body(open_out(handle).as_bytes()),
            Answer::Listing(packed) => body(&packed.bytes),
            Answer::Statfs => body(statfs_out().as_bytes()),
            Answer::XattrSize(size) => {
                body(GetxattrOut { size: *size, ..GetxattrOut::default() }.as_bytes())
            }
            Answer::Init(out) => body(out.as_bytes()),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            self.answer(Err(Errno::IO));
        }
    }
}

/// Files have no handles: everything about them is asked for by their nodes.
fn file_out(opened: Opened) -> OpenOut {
    let open_flags = match opened {
        Opened::Cached => open_flag::KEEP_CACHE,
        Opened::Live => open_flag::DIRECT_IO,
    };
    OpenOut { open_flags, ..OpenOut::default() }
}

/// Without KEEP_CACHE the kernel drops its copy of the listing when it gets this answer.
fn open_out(handle: &DirectoryHandle) -> OpenOut {
    let open_flags = match handle.caching {
        Caching::Nothing => 0,
        Caching::Anew => open_flag::CACHE_DIR,
        Caching::Keep => open_flag::KEEP_CACHE | open_flag::CACHE_DIR,
    };
    OpenOut { fh: handle.id, open_flags, padding: 0 }
}

/// Nothing is free, and how much there is nobody knows.
fn statfs_out() -> StatfsOut {
    StatfsOut { bsize: 4096, frsize: 4096, namelen: 255, ..StatfsOut::default() }
}
