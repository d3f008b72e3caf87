//! Finding the end of a file of which any part can be read.

use crate::ByteRange;

/// How much is read at the end that is known: more than a log grows by between two looks.
const PIECE: u64 = 64 << 10;

/// The parts to read until the end of a file is found.
///
/// It begins with a piece at the end that is known, with the last byte of that: where even this one
/// is not there, the file has fewer bytes than it had. If there is more than the piece, single bytes
/// ever farther away are asked for until one is not there, and then those between.
#[derive(Debug)]
pub(super) struct Probing {
    /// So many bytes are there.
    there: u64,
    /// And the byte at this place is not.
    absent: Option<u64>,
    begun: bool,
    /// How far from what is there the next byte is that is asked for.
    step: u64,
}

impl Probing {
    /// Returns how to look for the end of a file that had so many bytes.
    pub(super) fn from(known: u64) -> Self {
        Self { there: known.saturating_sub(1), absent: None, begun: false, step: PIECE }
    }

    /// Returns what to read next; nothing when the end is found.
    pub(super) fn next(&self) -> Option<ByteRange> {
        if !self.begun {
            return Some(ByteRange { offset: self.there, length: PIECE });
        }
        let offset = match self.absent {
            Some(absent) if absent <= self.there => return None,
            Some(absent) => self.there + (absent - self.there) / 2,
            None => self.there.checked_add(self.step)?,
        };
        Some(ByteRange { offset, length: 1 })
    }

    /// Takes in how many bytes of a range there were.
    pub(super) fn found(&mut self, range: ByteRange, count: u64) {
        let end = range.offset.saturating_add(count);
        self.begun = true;
        if count > 0 {
            self.there = self.there.max(end);
        }
        if count < range.length {
            // It may have grown since an earlier look.
            self.absent = Some(end.max(self.there));
        } else if self.absent.is_none() {
            self.step = self.step.saturating_mul(2);
        }
    }

    /// Returns how many bytes there are.
    pub(super) fn end(&self) -> u64 {
        self.there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the end that is found in a file of `size` bytes which had `known`, and how many
    /// reads that took.
    fn probe(known: u64, size: u64) -> (u64, u32) {
        let (mut probing, mut reads) = (Probing::from(known), 0);
        while let Some(range) = probing.next() {
            let end = size.min(range.offset.saturating_add(range.length));
            probing.found(range, end.saturating_sub(range.offset));
            reads += 1;
        }
        (probing.end(), reads)
    }

    #[test]
    fn the_end_is_found_wherever_it_is() {
        for known in [0, 1, 2, 4_095, PIECE, PIECE + 1, 1 << 30] {
            for more in [0, 1, PIECE - 2, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE, 1 << 33] {
                let size = known + more;
                let (end, reads) = probe(known, size);
                assert_eq!(end, size, "{more} more than {known}");
                assert!(reads <= 1 || more >= PIECE - 1, "{reads} for {more} more than {known}");
                assert!(reads < 64, "{reads} for {more} more than {known}");
            }
        }
    }

    #[test]
    fn a_file_with_fewer_bytes_shows() {
        assert!(probe(100, 50).0 < 100);
        assert!(probe(100, 0).0 < 100);
        assert_eq!(probe(1, 0).0, 0);
    }
}
