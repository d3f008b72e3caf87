//! The steps: changes of the source, the passing of time, and questions.

use proptest::prelude::*;

/// One step. Paths start at the root and have no slash in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Gives a file other bytes, or makes it in place of whatever is there.
    Write {
        /// The file.
        path: String,
        /// How many bytes.
        length: usize,
    },
    /// Makes a directory, also in place of a file.
    MakeDirectory {
        /// The directory.
        path: String,
        /// Whether it has the number of the file that it replaces.
        same_number: bool,
    },
    /// Takes a name away, and all below it.
    Remove(String),
    /// Moves an object, with its number and all below it.
    Rename {
        /// Its name so far.
        from: String,
        /// Its new name; what was there is gone.
        to: String,
    },
    /// Lets time pass, in parts of [`Height::pace`](super::Height::pace).
    Wait {
        /// Hundredths of it.
        percent: u32,
    },
    /// Puts another source with the same tree in the place of this one.
    Reload,
    /// Asks for attributes.
    Stat(String),
    /// Reads a piece of a file.
    Read {
        /// The file.
        path: String,
        /// Where to start.
        offset: u64,
        /// How many bytes.
        length: u32,
    },
    /// Lists a directory; the root is the empty path.
    List(String),
    /// Opens a file and keeps it open.
    Open(String),
    /// Asks for the attributes of one of the open files.
    StatOpen(usize),
    /// Reads a piece of one of the open files.
    ReadOpen {
        /// Which one.
        which: usize,
        /// Where to start.
        offset: u64,
        /// How many bytes.
        length: u32,
    },
    /// Closes one of the open files.
    Close(usize),
    /// Forgets nodes; see [`Height::forget`](super::Height::forget).
    Forget(usize),
}

/// Few names, so that steps meet.
const NAMES: [&str; 2] = ["a", "b"];
const DEPTH: usize = 3;

/// Returns every path that a step can name, the root not among them.
pub fn paths() -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    let mut above = vec![String::new()];
    for _ in 0..DEPTH {
        let below = |parent: &String| {
            let parent = if parent.is_empty() { String::new() } else { format!("{parent}/") };
            NAMES.map(|name| format!("{parent}{name}"))
        };
        above = above.iter().flat_map(below).collect();
        paths.extend(above.iter().cloned());
    }
    paths
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&NAMES[..]), 1..=DEPTH)
        .prop_map(|names| names.join("/"))
}

/// Lengths on both sides of a page's end, and none at all.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0_usize), 1..64_usize, 4090..4100_usize, 5000..20_000_usize]
}

/// Places in files of such lengths, and behind them.
fn range() -> impl Strategy<Value = (u64, u32)> {
    let offset = prop_oneof![Just(0_u64), 0..100_u64, 4000..4200_u64, 0..25_000_u64];
    (offset, prop_oneof![0..100_u32, 4000..5000_u32, Just(1 << 20)])
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    prop_oneof![
        6 => (path(), length()).prop_map(|(path, length)| Step::Write { path, length }),
        1 => (path(), any::<bool>())
            .prop_map(|(path, same_number)| Step::MakeDirectory { path, same_number }),
        2 => path().prop_map(Step::Remove),
        2 => (path(), path()).prop_map(|(from, to)| Step::Rename { from, to }),
        4 => prop_oneof![1..40_u32, 90..120_u32].prop_map(|percent| Step::Wait { percent }),
        1 => Just(Step::Reload),
        6 => path().prop_map(Step::Stat),
        6 => (path(), range())
            .prop_map(|(path, (offset, length))| Step::Read { path, offset, length }),
        4 => prop_oneof![Just(String::new()), path()].prop_map(Step::List),
        4 => path().prop_map(Step::Open),
        3 => which.clone().prop_map(Step::StatOpen),
        6 => (which.clone(), range())
            .prop_map(|(which, (offset, length))| Step::ReadOpen { which, offset, length }),
        1 => which.clone().prop_map(Step::Close),
        1 => which.prop_map(Step::Forget),
    ]
}

/// Returns the strategy for so many steps.
pub fn steps(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), count)
}
