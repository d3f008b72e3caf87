//! What fuzzers call; see `/fuzz`. Each function panics when a rule is broken.
//!
//! What the kernel and the C library do with the bytes is written down here once more, by
//! places and lengths, so that a mistake in a structure does not confirm itself.
#![expect(clippy::panic, reason = "a broken rule is what a fuzzer looks for")]

#[cfg(test)]
mod tests;

use std::time::Duration;

use omnifs_vfs::{Attributes, DirEntry, Entry, Name, NodeId, NodeKind, Timestamp};
use rustix::io::Errno;

use crate::attributes::Owner;
use crate::dirent::{Form, Walk, pack};
use crate::request::{DecodeError, Header, MAX_READ, Operation, decode};

/// Messages of the kernel: any bytes are a request, or refused with whom to answer.
pub fn requests(data: &[u8]) {
    let inside = |piece: &[u8]| {
        let (whole, piece) = (data.as_ptr_range(), piece.as_ptr_range());
        assert!(whole.start <= piece.start && piece.end <= whole.end, "bytes of somewhere else");
    };
    let header = match decode(data) {
        Err(DecodeError::Header { length }) => {
            assert!(length == data.len() && length < 40);
            return;
        }
        Err(DecodeError::Unknown(header) | DecodeError::Arguments(header)) => header,
        Ok((header, operation)) => {
            assert_eq!(number(data, 0, 4), data.len() as u64, "the length in the header");
            match operation {
                Operation::Lookup { name } | Operation::Getxattr { name, .. } => {
                    inside(name);
                    assert!(!name.contains(&0));
                }
                Operation::Read(range, _)
                | Operation::Readdir(range)
                | Operation::Readdirplus(range) => assert!(range.size <= MAX_READ),
                Operation::BatchForget(forgets) => {
                    let count = number(data, 40, 4);
                    assert_eq!(forgets.iter().count() as u64, count);
                    assert!(48 + count * 16 <= data.len() as u64);
                    for (at, (node, lookups)) in forgets.iter().enumerate() {
                        let at = 48 + at * 16;
                        assert_eq!((number(data, at, 8), number(data, at + 8, 8)), (node, lookups));
                    }
                }
                _ => {}
            }
            header
        }
    };
    let [opcode, pid] = [(4, 4), (32, 4)].map(|(at, width)| number(data, at, width));
    let [unique, node] = [(8, 8), (16, 8)].map(|(at, width)| number(data, at, width));
    let narrow = |number: u64| u32::try_from(number).unwrap_or_default();
    assert_eq!(header, Header { opcode: narrow(opcode), unique, node, pid: narrow(pid) });
}

/// Returns a number of the machine's byte order, or 0 past the end.
fn number(data: &[u8], at: usize, width: usize) -> u64 {
    let bytes = data.get(at..at + width).unwrap_or_default();
    // The corpora are of little-endian machines, as all are that this is tested on.
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A listing whose entries are made of their names.
struct Listing {
    names: Vec<Name>,
    passed: usize,
    /// The nodes whose lookup was counted.
    counted: std::cell::RefCell<Vec<NodeId>>,
}

impl Listing {
    /// Returns what stands for a name: a number, a kind, and whether attributes are known.
    fn made_of(name: &str) -> (u64, Option<NodeKind>, bool) {
        let number = name.bytes().fold(1_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        let kind = match number % 3 {
            0 => None,
            1 => Some(NodeKind::File),
            _ => Some(NodeKind::Directory),
        };
        (number, kind, number.is_multiple_of(2))
    }
}

impl Walk for Listing {
    fn peek(&self) -> Option<DirEntry<'_>> {
        let name = self.names.get(self.passed)?.as_str();
        let (st_ino, kind, _) = Self::made_of(name);
        Some(DirEntry { cookie: self.passed as u64 + 1, st_ino, kind, name })
    }

    fn entry(&self) -> Option<Entry> {
        let (st_ino, kind, known) = Self::made_of(self.names.get(self.passed)?.as_str());
        let (modified, valid) = (Timestamp { seconds: 1, nanoseconds: 2 }, Duration::from_secs(3));
        let attributes = Attributes { st_ino, kind: kind?, size: 4, modified, valid };
        let node = NodeId(self.passed as u64 + 2);
        known.then(|| self.counted.borrow_mut().push(node));
        known.then_some(Entry { node, attributes, valid })
    }

    fn advance(&mut self) {
        self.passed += 1;
    }
}

/// An entry as it is read back.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    /// The node of a full entry, 0 without attributes.
    node: u64,
    st_ino: u64,
    cookie: u64,
    kind: u64,
    name: Vec<u8>,
}

/// Bytes of `struct fuse_entry_out`, which starts with the node.
const FULL: usize = 128;
/// Bytes of `struct fuse_dirent` before the name.
const HEAD: usize = 24;

/// Reads entries as the kernel does.
fn read(mut bytes: &[u8], full: bool) -> Vec<Read> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let node = if full { number(bytes, 0, 8) } else { 0 };
        let head = if full { FULL } else { 0 };
        let length = usize::try_from(number(bytes, head + 16, 4)).unwrap_or(usize::MAX);
        let end = head + HEAD + length;
        let name = bytes.get(head + HEAD..end);
        let name = name.unwrap_or_else(|| panic!("a name of {length} bytes ends past the end"));
        let next = end.next_multiple_of(8);
        let padding = bytes.get(end..next).unwrap_or_else(|| panic!("the padding is cut short"));
        assert!(padding.iter().all(|byte| *byte == 0), "memory that nobody asked for");
        entries.push(Read {
            node,
            st_ino: number(bytes, head, 8),
            cookie: number(bytes, head + 8, 8),
            kind: number(bytes, head + 20, 4),
            name: name.to_vec(),
        });
        bytes = bytes.get(next..).unwrap_or_default();
    }
    entries
}

/// Answers to READDIR: the first byte says which form (odd: with attributes), the next two how
/// much room there is, and the rest are names with NUL between them. Whatever the room, every
/// name is read back once, in order, and nothing else.
pub fn dirents(data: &[u8]) {
    let full = number(data, 0, 1) % 2 == 1;
    let room = usize::try_from(number(data, 1, 2)).unwrap_or_default();
    let names = data.get(3..).unwrap_or_default().split(|byte| *byte == 0);
    let names: Vec<Name> = names.filter_map(|name| Name::from_request(name).ok()).collect();
    let (form, head) = if full { (Form::Attributes, FULL + HEAD) } else { (Form::Names, HEAD) };
    let owner = Owner { uid: 1, gid: 2 };
    let mut listing = Listing { names, passed: 0, counted: std::cell::RefCell::default() };
    let (mut entries, mut nodes) = (Vec::new(), Vec::new());
    loop {
        let next = listing.names.get(listing.passed);
        let needed = next.map(|name| (head + name.as_bytes().len()).next_multiple_of(8));
        match pack(&mut listing, form, room, owner) {
            Err(errno) => {
                assert_eq!(errno, Errno::INVAL);
                assert!(needed.is_some_and(|needed| needed > room), "there was room");
                break;
            }
            Ok(packed) => {
                assert!(packed.bytes.len() <= room, "{} bytes for {room}", packed.bytes.len());
                assert_eq!(packed.bytes.is_empty(), needed.is_none(), "empty is the end alone");
                if packed.bytes.is_empty() {
                    break;
                }
                entries.extend(read(&packed.bytes, full));
                nodes.extend(packed.nodes);
            }
        }
    }
    assert_eq!(entries.len(), listing.passed);
    for (at, (entry, name)) in entries.iter().zip(&listing.names).enumerate() {
        let (st_ino, kind, known) = Listing::made_of(name.as_str());
        let kind_number = match kind {
            None => 0,
            Some(NodeKind::Directory) => 4,
            Some(NodeKind::File) => 8,
            Some(NodeKind::Symlink) => 10,
        };
        let node = if full && known && kind.is_some() { at as u64 + 2 } else { 0 };
        let (cookie, name) = (at as u64 + 1, name.as_bytes().to_vec());
        assert_eq!(*entry, Read { node, st_ino, cookie, kind: kind_number, name });
    }
    assert_eq!(nodes, listing.counted.into_inner(), "lookups that the kernel learns of");
}
