//! Attributes and entries, in the kernel's form.

use std::time::Duration;

use omnifs_vfs::{Attributes, Entry, NodeKind};

use crate::wire::{Attr, AttrOut, EntryOut};

/// The block that `st_blocks` counts in, by POSIX.
const BLOCK: u64 = 512;
/// `st_blksize`: what programs read at a time by default.
const PREFERRED_READ: u32 = 4096;
const DIRECTORY_MODE: u32 = 0o040_555;
const FILE_MODE: u32 = 0o100_444;
/// As Linux has it of every symbolic link (symlink(7)).
const LINK_MODE: u32 = 0o120_777;

/// Whom everything below a mount belongs to: the daemon's user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    /// User id.
    pub(crate) uid: u32,
    /// Group id.
    pub(crate) gid: u32,
}

impl Owner {
    /// Returns the user that this process acts as.
    pub(crate) fn of_this_process() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }
}

fn attr(attributes: &Attributes, owner: Owner) -> Attr {
    let time = attributes.modified;
    let mode = match attributes.kind {
        NodeKind::File => FILE_MODE,
        NodeKind::Directory => DIRECTORY_MODE,
        NodeKind::Symlink => LINK_MODE,
    };
    Attr {
        ino: attributes.st_ino,
        size: attributes.size,
        blocks: attributes.size.div_ceil(BLOCK),
        atime: time.seconds,
        mtime: time.seconds,
        ctime: time.seconds,
        atimensec: time.nanoseconds,
        mtimensec: time.nanoseconds,
        ctimensec: time.nanoseconds,
        mode,
        nlink: 1,
        uid: owner.uid,
        gid: owner.gid,
        rdev: 0,
        blksize: PREFERRED_READ,
        flags: 0,
    }
}

/// Returns the answer to GETATTR.
pub(crate) fn attr_out(attributes: &Attributes, owner: Owner) -> AttrOut {
    AttrOut {
        attr_valid: attributes.valid.as_secs(),
        attr_valid_nsec: attributes.valid.subsec_nanos(),
        dummy: 0,
        attr: attr(attributes, owner),
    }
}

/// Returns the answer to LOOKUP for a name that exists. The generation is 0: node ids are
/// never used twice.
pub(crate) fn entry_out(entry: &Entry, owner: Owner) -> EntryOut {
    let attributes = &entry.attributes;
    EntryOut {
        nodeid: entry.node.0,
        generation: 0,
        entry_valid: entry.valid.as_secs(),
        attr_valid: attributes.valid.as_secs(),
        entry_valid_nsec: entry.valid.subsec_nanos(),
        attr_valid_nsec: attributes.valid.subsec_nanos(),
        attr: attr(attributes, owner),
    }
}

/// Returns the answer to LOOKUP for a name whose absence may be cached: node id 0.
pub(crate) fn absent_out(valid: Duration) -> EntryOut {
    EntryOut {
        entry_valid: valid.as_secs(),
        entry_valid_nsec: valid.subsec_nanos(),
        ..EntryOut::default()
    }
}

#[cfg(test)]
mod tests {
    use omnifs_vfs::{NodeId, Timestamp};

    use super::*;

    const OWNER: Owner = Owner { uid: 1000, gid: 100 };

    fn attributes(kind: NodeKind, size: u64) -> Attributes {
        let modified = Timestamp { seconds: 7, nanoseconds: 9 };
        Attributes { st_ino: 42, kind, size, modified, valid: Duration::from_millis(1500) }
    }

    #[test]
    fn a_file_is_read_only_and_counts_its_blocks() {
        for (size, blocks) in [(0, 0), (1, 1), (512, 1), (513, 2), (u64::MAX, 1 << 55)] {
            let out = attr_out(&attributes(NodeKind::File, size), OWNER);
            assert_eq!((out.attr.size, out.attr.blocks), (size, blocks));
            assert_eq!((out.attr.mode, out.attr.nlink, out.attr.blksize), (0o100_444, 1, 4096));
            assert_eq!((out.attr_valid, out.attr_valid_nsec), (1, 500_000_000));
        }
    }

    #[test]
    fn a_directory_can_be_entered_and_belongs_to_the_daemon() {
        let out = attr_out(&attributes(NodeKind::Directory, 0), OWNER).attr;
        assert_eq!((out.mode, out.nlink, out.uid, out.gid), (0o040_555, 1, 1000, 100));
        assert_eq!((out.mtime, out.mtimensec, out.ctime, out.ino), (7, 9, 7, 42));
    }

    #[test]
    fn name_and_attributes_have_a_validity_each() {
        let mut attributes = attributes(NodeKind::File, 1 << 30);
        attributes.valid = Duration::ZERO;
        let entry = Entry { node: NodeId(5), attributes, valid: Duration::from_secs(60) };
        let out = entry_out(&entry, OWNER);
        assert_eq!((out.nodeid, out.generation, out.entry_valid, out.attr_valid), (5, 0, 60, 0));
        assert_eq!(absent_out(Duration::from_secs(2)).nodeid, 0);
        assert_eq!(absent_out(Duration::from_secs(2)).entry_valid, 2);
    }
}
