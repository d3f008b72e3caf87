//! The kernel's messages, taken apart and put together.

use super::nodes::{Node, Nodes};

pub(super) const LOOKUP: u32 = 1;
pub(super) const FORGET: u32 = 2;
pub(super) const GETATTR: u32 = 3;
pub(super) const READ: u32 = 15;
pub(super) const STATFS: u32 = 17;
pub(super) const INIT: u32 = 26;
pub(super) const READDIR: u32 = 28;
pub(super) const INTERRUPT: u32 = 36;
pub(super) const BATCH_FORGET: u32 = 42;
pub(super) const READDIRPLUS: u32 = 44;

/// Of INIT: `ASYNC_READ`, `DO_READDIRPLUS`, `READDIRPLUS_AUTO`, `NO_OPEN_SUPPORT`,
/// `PARALLEL_DIROPS`, `MAX_PAGES`, `NO_OPENDIR_SUPPORT`.
const WANTED: u32 = 1 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 18 | 1 << 22 | 1 << 24;

/// How long names and attributes are valid, in seconds.
const FOR_EVER: u64 = 3600;

/// A request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) opcode: u32,
    pub(super) unique: u64,
    pub(super) node: u64,
    pub(super) body: &'a [u8],
}

/// Which bytes a READ is about, or from which name on a READDIR.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    offset: u64,
    size: usize,
}

impl Range {
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        let from = usize::try_from(self.offset).map_or(bytes.len(), |from| from.min(bytes.len()));
        let to = from.saturating_add(self.size).min(bytes.len());
        bytes.get(from..to).unwrap_or_default()
    }
}

impl<'a> Request<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        Some(Self {
            opcode: u32_at(message, 4)?,
            unique: u64_at(message, 8)?,
            node: u64_at(message, 16)?,
            body: message.get(40..)?,
        })
    }

    pub(super) fn range(&self) -> Range {
        let offset = u64_at(self.body, 8).unwrap_or_default();
        let size = u32_at(self.body, 16).and_then(|size| usize::try_from(size).ok());
        Range { offset, size: size.unwrap_or_default() }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Returns the answer to INIT.
pub(super) fn init(hello: &[u8]) -> Vec<u8> {
    let offered = u32_at(hello, 12).unwrap_or_default();
    let mut body = Vec::with_capacity(64);
    for word in [7, 31, 1 << 20, WANTED & offered] {
        body.extend(u32::to_ne_bytes(word));
    }
    // max_background, congestion_threshold
    body.extend([256_u16, 192].into_iter().flat_map(u16::to_ne_bytes));
    // max_write, time_gran
    body.extend([4096_u32, 1].into_iter().flat_map(u32::to_ne_bytes));
    // max_pages, map_alignment
    body.extend([256_u16, 0].into_iter().flat_map(u16::to_ne_bytes));
    body.resize(64, 0);
    body
}

/// Returns `struct fuse_attr`.
fn attribute(id: u64, size: u64, is_directory: bool) -> Vec<u8> {
    let (mode, links) = if is_directory { (0o040_555, 2) } else { (0o100_444, 1) };
    let mut attribute = Vec::with_capacity(88);
    let times = [1_750_000_000; 3];
    for word in [id, size, size.div_ceil(512)].into_iter().chain(times) {
        attribute.extend(u64::to_ne_bytes(word));
    }
    for word in [0, 0, 0, mode, links, 0, 0, 0, 4096, 0] {
        attribute.extend(u32::to_ne_bytes(word));
    }
    attribute
}

/// Returns the answer to GETATTR.
pub(super) fn attributes(id: u64, size: u64, is_directory: bool) -> Vec<u8> {
    let mut body = FOR_EVER.to_ne_bytes().to_vec();
    body.extend([0; 8]);
    body.extend(attribute(id, size, is_directory));
    body
}

/// Returns the answer to LOOKUP.
pub(super) fn entry(id: u64, size: u64, is_directory: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    for word in [id, 0, FOR_EVER, FOR_EVER, 0] {
        body.extend(u64::to_ne_bytes(word));
    }
    body.extend(attribute(id, size, is_directory));
    body
}

/// Returns the names of a directory from the request's offset on, as many as there is room for.
pub(super) fn listing(nodes: &Nodes, of: &Node, request: &Request<'_>, plus: bool) -> Vec<u8> {
    let Range { offset, size } = request.range();
    let mut body = Vec::with_capacity(size);
    let mut next = offset;
    let names = of.names.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    for (name, id) in names {
        next += 1;
        let head = if plus { 128 + 24 } else { 24 };
        let length = (head + name.len()).next_multiple_of(8);
        let Some(child) = nodes.get(*id).filter(|_| body.len() + length <= size) else { break };
        let end = body.len() + length;
        if plus {
            body.extend(entry(*id, child.size(), child.is_directory));
        }
        body.extend([*id, next].into_iter().flat_map(u64::to_ne_bytes));
        let kind: u32 = if child.is_directory { 4 } else { 8 };
        let name_length = u32::try_from(name.len()).unwrap_or_default();
        body.extend([name_length, kind].into_iter().flat_map(u32::to_ne_bytes));
        body.extend(name);
        body.resize(end, 0);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_sizes_of_the_kernels_header() {
        assert_eq!(init(&[0xff; 64]).len(), 64);
        assert_eq!(entry(2, 1024, false).len(), 128);
        assert_eq!(attributes(2, 1024, false).len(), 104);
    }

    #[test]
    fn a_range_ends_where_the_file_does() {
        let of = |offset, size| Range { offset, size }.of(b"0123456789").len();
        assert_eq!((of(0, 4), of(8, 4), of(10, 4), of(99, 4)), (4, 2, 0, 0));
    }
}
