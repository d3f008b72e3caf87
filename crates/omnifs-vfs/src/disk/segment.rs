//! Segments: files that records are appended to, and that are never changed afterwards.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Identity;
use super::directory::Directory;
use super::record::{BEGIN, HEADER, Header, Key, Kind};
use crate::digest::Digest;

/// The version of all that lies in these files.
const MAGIC: [u8; 8] = *b"omnifs\x01\n";

/// How long the part of a segment is that comes before its records.
const PREAMBLE: usize = 64;

/// Where the first record of a segment begins.
pub(super) const START: u64 = PREAMBLE as u64;

/// How much of a segment is read at a time to find its records.
const SCAN: usize = 256 << 10;

/// A file of records.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) file: File,
}

/// A record and where it begins in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) key: Key,
    pub(super) gone: bool,
    pub(super) sequence: u64,
    pub(super) offset: u32,
    /// How long its payload is.
    pub(super) length: u32,
}

impl Placed {
    pub(super) fn new(header: &Header, offset: u32) -> Self {
        let Header { key, gone, length, sequence, .. } = *header;
        Self { key, gone, sequence, offset, length }
    }
}

/// What was found in a segment that was not written by this process.
pub(super) struct Found {
    pub(super) segment: Segment,
    pub(super) records: Vec<Placed>,
    /// Where the last whole record ends.
    pub(super) end: u64,
    /// Whether nothing is appended to it any more.
    pub(super) sealed: bool,
}

fn name(number: u32) -> String {
    format!("{number:08x}.seg")
}

fn index_name(number: u32) -> String {
    format!("{number:08x}.idx")
}

/// Returns the number of the segment that has this file name.
pub(super) fn number(name: &str) -> Option<u32> {
    let number = u32::from_str_radix(name.strip_suffix(".seg")?, 16).ok()?;
    (self::name(number) == name).then_some(number)
}

/// Returns whether a file of this name is a segment or the index of one.
pub(super) fn is_part(name: &str) -> bool {
    let index = name.strip_suffix(".idx").map(|stem| format!("{stem}.seg"));
    number(index.as_deref().unwrap_or(name)).is_some()
}

/// Removes all segments; returns how many bytes they were.
pub(super) fn remove_all(directory: &Directory) -> io::Result<u64> {
    let mut size = 0;
    for name in directory.names()?.iter().filter(|name| is_part(name)) {
        if let Ok(file) = directory.file(name) {
            size += file.metadata()?.len();
        }
        directory.remove(name)?;
    }
    Ok(size)
}

/// Removes a segment and its index.
pub(super) fn remove(directory: &Directory, number: u32) {
    for name in [name(number), index_name(number)] {
        match directory.remove(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, name, "cannot remove an old part of the cache");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// What a segment begins with: the version, and whose cache it is.
fn preamble(identity: &Identity) -> [u8; PREAMBLE] {
    let mut bytes = [0; PREAMBLE];
    let (magic, rest) = bytes.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    for (to, from) in rest.iter_mut().zip(identity.as_bytes()) {
        *to = *from;
    }
    bytes
}

impl Segment {
    /// Makes an empty segment.
    pub(super) fn create(
        directory: &Directory,
        number: u32,
        identity: &Identity,
    ) -> io::Result<Self> {
        let file = match directory.create(&name(number)) {
            // What a process left that ended between two steps of this.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove(directory, number);
                directory.create(&name(number))?
            }
            created => created?,
        };
        file.write_all_at(&preamble(identity), 0)?;
        Ok(Self { number, file })
    }

    /// Opens a segment and finds its records; `None` when it is another cache's or version's.
    pub(super) fn open(
        directory: &Directory,
        number: u32,
        identity: &Identity,
    ) -> io::Result<Option<Found>> {
        let file = directory.file(&name(number))?;
        let mut start = [0; PREAMBLE];
        match file.read_exact_at(&mut start, 0) {
            Ok(()) if start == preamble(identity) => {}
            Ok(()) | Err(_) => return Ok(None),
        }
        let segment = Self { number, file };
        if let Some(records) = segment.indexed(directory)? {
            let end = segment.file.metadata()?.len();
            return Ok(Some(Found { segment, records, end, sealed: true }));
        }
        let (records, end) = segment.scan(identity)?;
        Ok(Some(Found { segment, records, end, sealed: false }))
    }

    /// Finds all whole records, and where the last one ends. Behind one whose header is damaged the
    /// next one is searched for.
    pub(super) fn scan(&self, identity: &Identity) -> io::Result<(Vec<Placed>, u64)> {
        let length = self.file.metadata()?.len();
        let mut reader = BufReader::with_capacity(SCAN, &self.file);
        let mut at = reader.seek(SeekFrom::Start(START))?;
        let (mut records, mut last) = (Vec::new(), at);
        let mut bytes = [0; HEADER as usize];
        while at + u64::from(HEADER) <= length {
            reader.read_exact(&mut bytes)?;
            let header = Header::decode(&bytes, identity);
            match (header.filter(|header| at + header.size() <= length), u32::try_from(at)) {
                (Some(header), Ok(offset)) => {
                    records.push(Placed::new(&header, offset));
                    reader.seek_relative(i64::from(header.length))?;
                    at += header.size();
                    last = at;
                }
                (_, _) => match self.next_start(at + 1)? {
                    Some(next) => at = reader.seek(SeekFrom::Start(next))?,
                    None => break,
                },
            }
        }
        Ok((records, last))
    }

    /// Returns the next place from `from` on where a record may begin.
    fn next_start(&self, from: u64) -> io::Result<Option<u64>> {
        let mut chunk = vec![0; SCAN];
        let mut at = from;
        loop {
            let read = self.file.read_at(&mut chunk, at)?;
            let found = chunk.get(..read).unwrap_or_default();
            if let Some(place) = found.windows(BEGIN.len()).position(|bytes| bytes == BEGIN) {
                return Ok(Some(at + place as u64));
            }
            match (read + 1).checked_sub(BEGIN.len()) {
                // What the end of this chunk begins may go on in the next one.
                Some(passed) if passed > 0 => at += passed as u64,
                Some(_) | None => return Ok(None),
            }
        }
    }

    /// Writes down where its records are, so that the next process need not look for them.
    pub(super) fn seal(&self, directory: &Directory, identity: &Identity) -> io::Result<()> {
        let (records, _) = self.scan(identity)?;
        let mut bytes = Vec::with_capacity(INDEX_START + records.len() * size_of::<Line>());
        bytes.resize(INDEX_START, 0);
        for record in &records {
            bytes.extend_from_slice(Line::of(record).as_bytes());
        }
        let check = index_check(bytes.get(INDEX_START..).unwrap_or_default(), self.number);
        for (to, from) in bytes.iter_mut().zip(MAGIC.iter().chain(&check)) {
            *to = *from;
        }
        let name = index_name(self.number);
        let file = match directory.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                directory.remove(&name)?;
                directory.create(&name)?
            }
            created => created?,
        };
        file.write_all_at(&bytes, 0)
    }

    /// Returns what was written down of its records; `None` when nothing was, or not all of it.
    fn indexed(&self, directory: &Directory) -> io::Result<Option<Vec<Placed>>> {
        let mut bytes = Vec::new();
        match directory.file(&index_name(self.number)) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (Some(start), Some(lines)) = (bytes.get(..INDEX_START), bytes.get(INDEX_START..))
        else {
            return Ok(None);
        };
        let sound = start.strip_prefix(&MAGIC) == Some(&index_check(lines, self.number)[..]);
        if !sound || lines.len() % size_of::<Line>() != 0 {
            return Ok(None);
        }
        let lines = lines.chunks_exact(size_of::<Line>());
        Ok(lines.map(|line| Line::ref_from_bytes(line).ok()?.placed()).collect())
    }
}

/// How long the part of an index is that comes before its lines: version and check.
const INDEX_START: usize = MAGIC.len() + 16;

/// Returns what an index's lines are checked with; an index is of one segment only.
fn index_check(lines: &[u8], number: u32) -> [u8; 16] {
    let mut id = Digest::of(lines).to_bytes();
    for (byte, with) in id.iter_mut().zip(number.to_le_bytes()) {
        *byte ^= with;
    }
    id
}

/// A record in an index.
#[derive(Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Line {
    sequence: U64,
    offset: U32,
    length: U32,
    id: [u8; 16],
    kind: u8,
    gone: u8,
    spare: [u8; 6],
}

impl Line {
    fn of(record: &Placed) -> Self {
        Self {
            sequence: record.sequence.into(),
            offset: record.offset.into(),
            length: record.length.into(),
            id: record.key.id,
            kind: record.key.kind as u8,
            gone: u8::from(record.gone),
            spare: [0; 6],
        }
    }

    fn placed(&self) -> Option<Placed> {
        Some(Placed {
            key: Key { kind: Kind::from_byte(self.kind)?, id: self.id },
            gone: self.gone == 1,
            sequence: self.sequence.get(),
            offset: self.offset.get(),
            length: self.length.get(),
        })
    }
}
