//! Records: what one entry of the disk cache looks like, and what makes it believable.

use bytes::Bytes;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Identity;
use crate::digest::{Digest, PathKey, short};

/// What every record begins with, and what its version is.
pub(super) const BEGIN: [u8; 4] = *b"ofr1";

const MAGIC: u32 = u32::from_le_bytes(BEGIN);

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// What a name stands for.
    Name = 1,
    /// Which version a file has.
    File = 2,
    /// The names of a directory.
    Listing = 3,
    /// The bytes of a version, by their digest.
    Content = 4,
    /// That what was recorded before, of a path and what is below it, is not believed any more.
    Expired = 5,
    /// A part of a file that is read in parts, by a digest of which one it is.
    Part = 6,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Name, Self::File, Self::Listing, Self::Content, Self::Expired, Self::Part]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Names a record: its kind, and a path or a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) id: [u8; 16],
}

impl Key {
    /// Returns the key of what is recorded under a path.
    pub(crate) fn at(kind: Kind, path: PathKey) -> Self {
        Self { kind, id: path.to_bytes() }
    }

    /// Returns the key of the bytes that have this digest.
    pub(crate) fn content(digest: Digest) -> Self {
        Self { kind: Kind::Content, id: digest.to_bytes() }
    }

    /// Returns the key of the part of a file that this digest stands for.
    pub(crate) fn part(digest: Digest) -> Self {
        Self { kind: Kind::Part, id: digest.to_bytes() }
    }
}

/// The bytes before each payload.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Raw {
    magic: U32,
    kind: u8,
    /// 1 when it says that there is no record of this key any more.
    gone: u8,
    spare: [u8; 2],
    length: U32,
    spare_too: U32,
    sequence: U64,
    id: [u8; 16],
    /// The digest of the payload.
    digest: [u8; 16],
    /// The first half of a digest of all before it and of whose cache it is.
    check: [u8; 8],
}

/// How long a header is, in bytes.
pub(super) const HEADER: u32 = 64;
const _: () = assert!(size_of::<Raw>() == HEADER as usize, "the size is part of the format");

/// A record without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: Key,
    pub(super) gone: bool,
    /// How long the payload is.
    pub(super) length: u32,
    /// Which record it is, of all that were ever put into this cache.
    pub(super) sequence: u64,
    pub(super) digest: Digest,
}

impl Header {
    /// Returns whether it says that something is not believed.
    pub(super) fn is_expiry(&self) -> bool {
        self.key.kind == Kind::Expired
    }

    /// Returns how much room the record takes.
    pub(super) fn size(&self) -> u64 {
        u64::from(HEADER) + u64::from(self.length)
    }

    pub(super) fn encode(&self, identity: &Identity) -> [u8; HEADER as usize] {
        let mut raw = Raw {
            magic: MAGIC.into(),
            kind: self.key.kind as u8,
            gone: u8::from(self.gone),
            spare: [0; 2],
            length: self.length.into(),
            spare_too: 0.into(),
            sequence: self.sequence.into(),
            id: self.key.id,
            digest: self.digest.to_bytes(),
            check: [0; 8],
        };
        raw.check = check(&raw, identity);
        zerocopy::transmute!(raw)
    }

    /// Returns the header, if it was written whole and for this cache.
    pub(super) fn decode(bytes: &[u8], identity: &Identity) -> Option<Self> {
        let (raw, _) = Raw::ref_from_prefix(bytes).ok()?;
        if raw.magic.get() != MAGIC || raw.check != check(raw, identity) {
            return None;
        }
        Some(Self {
            key: Key { kind: Kind::from_byte(raw.kind)?, id: raw.id },
            gone: raw.gone == 1,
            length: raw.length.get(),
            sequence: raw.sequence.get(),
            digest: Digest::from_bytes(raw.digest),
        })
    }
}

fn check(raw: &Raw, identity: &Identity) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(identity.as_bytes());
    hasher.update(Raw { check: [0; 8], ..*raw }.as_bytes());
    short(&hasher)
}

/// Returns the payload of a record that was read as a whole, with its sequence, if it is the one
/// that was asked for and every bit of it is as it was written.
pub(super) fn open(mut record: Bytes, key: Key, identity: &Identity) -> Option<(u64, Bytes)> {
    let header = Header::decode(&record, identity)?;
    let payload = record.split_off((HEADER as usize).min(record.len()));
    let sound = header.key == key
        && !header.gone
        && payload.len() == header.length as usize
        && Digest::of(&payload) == header.digest;
    sound.then_some((header.sequence, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(payload: &[u8]) -> (Key, Vec<u8>) {
        let key = Key { kind: Kind::File, id: [7; 16] };
        let length = u32::try_from(payload.len()).unwrap();
        let header = Header { key, gone: false, length, sequence: 9, digest: Digest::of(payload) };
        let mut record = header.encode(&Identity::of(&[b"a"])).to_vec();
        record.extend_from_slice(payload);
        (key, record)
    }

    #[test]
    fn comes_back_as_it_was_and_to_its_owner_only() {
        let (key, record) = written(b"hello");
        let (own, other) = (Identity::of(&[b"a"]), Identity::of(&[b"b"]));
        let back = open(record.clone().into(), key, &own);
        assert_eq!(back, Some((9, Bytes::from_static(b"hello"))));
        assert_eq!(open(record.clone().into(), key, &other), None);
        let wrong = Key { kind: Kind::Name, ..key };
        assert_eq!(open(record.into(), wrong, &own), None);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_makes_it_nothing() {
        let (key, record) = written(b"some bytes of a file");
        let identity = Identity::of(&[b"a"]);
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(damaged.into(), key, &identity), None, "bit {bit}");
        }
        for length in 0..record.len() {
            let cut = Bytes::copy_from_slice(&record[..length]);
            assert_eq!(open(cut, key, &identity), None, "{length} bytes");
        }
    }
}
