//! The numbers of live files that were truncated.

use std::collections::BTreeMap;

use crate::Inode;
use crate::digest::Digest;

/// How many truncated files are remembered; nobody follows more at a time.
const REMEMBERED: usize = 10_000;

/// Some programs keep an `st_ino` in a double, which has 53 bits.
const MASK: u64 = (1 << 53) - 1;

/// Which objects have another `st_ino` than their own: those that were truncated. A program that
/// follows a name takes a file with the same number for the same file.
#[derive(Debug, Default)]
pub(crate) struct Renumbered(BTreeMap<u64, u64>);

impl Renumbered {
    /// Returns whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the `st_ino` that an object has now.
    pub(crate) fn st_ino(&self, inode: Inode) -> u64 {
        self.0.get(&inode.number()).copied().unwrap_or_else(|| inode.st_ino())
    }

    /// Gives an object another `st_ino`, one that is not `taken`.
    pub(crate) fn renumber(&mut self, inode: Inode, taken: impl Fn(u64) -> bool) {
        let mut number = self.st_ino(inode);
        loop {
            number = next(number);
            if number != inode.st_ino() && !taken(number) {
                break;
            }
        }
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&inode.number()) {
            self.0.pop_first();
        }
        self.0.insert(inode.number(), number);
    }
}

fn next(number: u64) -> u64 {
    let digest = Digest::of(&number.to_le_bytes()).to_bytes();
    let number = digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    // 1 is the root's.
    (number & MASK).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_none_that_another_one_has() {
        let inode = Inode::of_child(7).unwrap();
        let mut numbers = Renumbered::default();
        assert_eq!(numbers.st_ino(inode), 8);
        numbers.renumber(inode, |_| false);
        let first = numbers.st_ino(inode);
        assert!(first != 8 && first <= MASK);
        let mut others = Renumbered::default();
        others.renumber(inode, |number| number == first);
        assert!(![8, first].contains(&others.st_ino(inode)));
        numbers.renumber(inode, |_| false);
        assert_eq!(numbers.st_ino(inode), others.st_ino(inode), "it follows from those before");
        assert_eq!(numbers.st_ino(Inode::of_child(9).unwrap()), 10);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut numbers = Renumbered::default();
        for number in 1..=REMEMBERED as u64 + 10 {
            numbers.renumber(Inode::of_child(number).unwrap(), |_| false);
        }
        assert_eq!(numbers.0.len(), REMEMBERED);
    }
}
