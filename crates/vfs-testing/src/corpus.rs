//! Replays the inputs under `fuzz/corpus`, and some thousand that are made from them.
//!
//! A fuzz target is a function over bytes that panics when a rule is broken. Its corpus is
//! replayed by an ordinary test, so what a fuzzer once found stays found, and every build tries
//! the same mutations: no chance is in it.

use std::io::Write;
use std::path::{Path, PathBuf};

/// How many inputs are made from the corpus.
const MUTATIONS: u64 = 5000;
/// The longest input that is made, so that pasting does not make them grow without end.
const LONGEST: usize = 1 << 14;
/// Numbers at the ends of their ranges, and those that mean something in texts and messages.
const NUMBERS: [u64; 12] =
    [0, 1, 7, 8, 39, 40, 255, 256, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];

/// Returns the folder of a target's corpus.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

/// Calls `check` with every input of the corpus of `target`, and with mutations of them.
///
/// # Panics
/// As `check` does, after the input is shown; when there is no corpus.
pub fn replay(target: &str, check: fn(&[u8])) {
    let folder = folder(target);
    let entries = std::fs::read_dir(&folder).expect("the corpus is a folder");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    files.sort();
    let inputs: Vec<Vec<u8>> =
        files.iter().map(|file| std::fs::read(file).expect("an input")).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for (file, input) in files.iter().zip(&inputs) {
        tell(&file.display().to_string(), input, check);
    }
    let mut chance = Chance(1);
    for number in 0..MUTATIONS {
        let input = mutated(&inputs, &mut chance);
        tell(&format!("mutation {number}"), &input, check);
    }
}

/// Shows the input when `check` panics.
fn tell(name: &str, input: &[u8], check: fn(&[u8])) {
    struct Told<'a>(&'a str, &'a [u8]);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let Self(name, input) = self;
                let text = format!("{name}, {} bytes: {}\n", input.len(), input.escape_ascii());
                // The panic itself says that something is wrong.
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
        }
    }
    let _told = Told(name, input);
    check(input);
}

fn mutated(inputs: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = chance.of(inputs).cloned().unwrap_or_default();
    for _ in 0..=chance.below(5) {
        let (at, length) = (chance.below(bytes.len() + 1), chance.below(17));
        let end = (at + length).min(bytes.len());
        match chance.below(7) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.truncate(at),
            2 => {
                let piece = bytes.get(at..end).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let other = chance.of(inputs).map(Vec::as_slice).unwrap_or_default();
                let from = chance.below(other.len() + 1);
                bytes.splice(at..end, other.iter().skip(from).take(64).copied());
            }
            4 => {
                let number = chance.of(&NUMBERS).copied().unwrap_or_default().to_le_bytes();
                let width = 1 << chance.below(4);
                bytes.iter_mut().skip(at).zip(number).take(width).for_each(|(to, from)| *to = from);
            }
            5 => bytes.insert(at, chance.byte()),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// A row of numbers without order, the same one every time: splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let number = self.next() % end.max(1) as u64;
        usize::try_from(number).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes().first().copied().unwrap_or_default()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}
