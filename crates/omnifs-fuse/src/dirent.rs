//! Packing names into the answer to READDIR and READDIRPLUS.

#[cfg(test)]
mod tests;

use omnifs_vfs::{DirEntry, DirectoryReader, Entry, NodeId, NodeKind};
use rustix::io::Errno;
use zerocopy::IntoBytes;

use crate::attributes::{Owner, entry_out};
use crate::wire::{Dirent, EntryOut, dirent_type};

/// Entries start at multiples of this, `FUSE_DIRENT_ALIGN`.
const ALIGNMENT: usize = 8;
/// No answer reserves more than this before it knows that it is needed.
const FIRST_RESERVATION: usize = 32 << 10;

/// What each entry of an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// READDIR: names and kinds.
    Names,
    /// READDIRPLUS: attributes too, where they are known.
    Attributes,
}

impl Form {
    /// Returns the bytes that an entry takes before its name.
    fn head(self) -> usize {
        match self {
            Self::Names => size_of::<Dirent>(),
            Self::Attributes => size_of::<EntryOut>() + size_of::<Dirent>(),
        }
    }
}

/// A listing that is gone through once, as [`DirectoryReader`] is.
pub(crate) trait Walk {
    /// Returns the entry at hand.
    fn peek(&self) -> Option<DirEntry<'_>>;
    /// Returns the full entry at hand and counts a lookup of it, when that costs nothing.
    fn entry(&self) -> Option<Entry>;
    /// Moves past the entry at hand.
    fn advance(&mut self);
}

impl Walk for DirectoryReader {
    fn peek(&self) -> Option<DirEntry<'_>> {
        Self::peek(self)
    }

    fn entry(&self) -> Option<Entry> {
        Self::entry(self)
    }

    fn advance(&mut self) {
        Self::advance(self);
    }
}

/// The answer to READDIR or READDIRPLUS.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// The entries; empty at the end of the listing and nowhere else, because the kernel takes
    /// an empty answer for the end and caches that.
    pub(crate) bytes: Vec<u8>,
    /// The nodes whose lookup was counted, to be taken back if the answer is not delivered.
    pub(crate) nodes: Vec<NodeId>,
}

/// Packs as many entries of `walk` as go into `size` bytes.
///
/// # Errors
/// `EINVAL` when there is an entry and not even one fits.
pub(crate) fn pack(
    walk: &mut impl Walk,
    form: Form,
    size: usize,
    owner: Owner,
) -> Result<Packed, Errno> {
    let mut packed =
        Packed { bytes: Vec::with_capacity(size.min(FIRST_RESERVATION)), nodes: Vec::new() };
    while let Some(entry) = walk.peek() {
        let length = (form.head() + entry.name.len()).next_multiple_of(ALIGNMENT);
        if packed.bytes.len() + length > size {
            if packed.bytes.is_empty() {
                return Err(Errno::INVAL);
            }
            break;
        }
        if form == Form::Attributes {
            let full = walk.entry();
            packed.nodes.extend(full.iter().map(|full| full.node));
            // Node id 0 says that there are no attributes here, not that the name is absent.
            let out = full.map_or_else(EntryOut::default, |full| entry_out(&full, owner));
            packed.bytes.extend_from_slice(out.as_bytes());
        }
        append(&mut packed.bytes, &entry);
        walk.advance();
    }
    Ok(packed)
}

fn append(bytes: &mut Vec<u8>, entry: &DirEntry<'_>) {
    let kind = match entry.kind {
        None => dirent_type::UNKNOWN,
        Some(NodeKind::File) => dirent_type::FILE,
        Some(NodeKind::Directory) => dirent_type::DIRECTORY,
        Some(NodeKind::Symlink) => dirent_type::LINK,
    };
    // A name has 255 bytes at most.
    let namelen = u32::try_from(entry.name.len()).unwrap_or(u32::MAX);
    let head = Dirent { ino: entry.st_ino, off: entry.cookie, namelen, kind };
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(entry.name.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}
