//! What is served: 10,000 files of 1 KiB in 100 directories, and one file of 1 GiB.
//!
//! Every byte follows from the names, so whoever reads can tell a wrong one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::figure::Wrong;

/// How many directories there are.
pub(crate) const DIRECTORIES: usize = 100;

/// How many files each has.
pub(crate) const FILES: usize = 100;

/// The size of a small file.
pub(crate) const SMALL: usize = 1024;

/// The size of the large file.
pub(crate) const LARGE: u64 = 1 << 30;

/// The large file's name.
pub(crate) const LARGE_NAME: &str = "1g.bin";

/// One file of each directory has this word.
pub(crate) const NEEDLE: &str = "needle";

/// The number of that file.
const WITH_NEEDLE: usize = 37;

/// When all files were changed last, in seconds since 1970: long ago, as that of most files is.
const CHANGED: Duration = Duration::from_secs(1_750_000_000);

/// A directory that is served by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    /// That of the small files.
    Small,
    /// That of the large file.
    Large,
    /// That of a great many empty files.
    Many,
}

impl Folder {
    /// Returns its name, which has no character that a URL would escape.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::Many => "many",
        }
    }
}

/// Returns the path of a small file below its folder.
pub(crate) fn path(directory: usize, file: usize) -> String {
    format!("d{directory:03}/f{file:03}.txt")
}

/// Returns the paths of all small files of the first so many directories.
pub(crate) fn paths(directories: usize) -> Vec<String> {
    (0..directories)
        .flat_map(|directory| (0..FILES).map(move |file| path(directory, file)))
        .collect()
}

/// Returns the bytes of a small file.
pub(crate) fn content(directory: usize, file: usize) -> Vec<u8> {
    let word = if file == WITH_NEEDLE { NEEDLE } else { "straw" };
    let line = format!("{word} of directory {directory} and file {file}\n");
    let mut bytes = line.repeat(SMALL / line.len() + 1).into_bytes();
    bytes.truncate(SMALL);
    bytes
}

/// Says that a small file has other bytes than it should, if so.
pub(crate) fn check(path: &str, bytes: &[u8]) -> Result<()> {
    let number = |from: usize| path.get(from..from + 3).and_then(|text| text.parse().ok());
    let (Some(directory), Some(file)) = (number(1), number(6)) else {
        return Err(Wrong(format!("{path}: no such file was made")).into());
    };
    if bytes == content(directory, file) {
        return Ok(());
    }
    Err(Wrong(format!("{path}: wrong bytes ({} of them)", bytes.len())).into())
}

/// Writes the small files and the large one below `root`.
pub(crate) fn plant(root: &Path) -> Result<()> {
    for directory in 0..DIRECTORIES {
        let folder = root.join(Folder::Small.name()).join(format!("d{directory:03}"));
        fs::create_dir_all(&folder)?;
        for file in 0..FILES {
            let at = folder.join(format!("f{file:03}.txt"));
            let mut out = File::create(&at).with_context(|| at.display().to_string())?;
            out.write_all(&content(directory, file))?;
            out.set_modified(UNIX_EPOCH + CHANGED)?;
        }
    }
    let folder = root.join(Folder::Large.name());
    fs::create_dir_all(&folder)?;
    let mut out = File::create(folder.join(LARGE_NAME))?;
    let mut random = Random::new(1);
    let mut block = Vec::with_capacity(1 << 20);
    for _ in 0..LARGE >> 20 {
        block.clear();
        block.extend((0..1 << 17).flat_map(|_| random.next().to_le_bytes()));
        out.write_all(&block)?;
    }
    out.set_modified(UNIX_EPOCH + CHANGED)?;
    Ok(())
}

/// Makes `count` names of empty files, 10,000 a directory; they are one file with many names,
/// since only names and attributes are asked for.
pub(crate) fn plant_many(root: &Path, count: usize) -> Result<()> {
    let folder = root.join(Folder::Many.name());
    fs::create_dir_all(&folder)?;
    let first = root.join("empty");
    File::create(&first)?.set_modified(UNIX_EPOCH + CHANGED)?;
    for directory in 0..count / 10_000 {
        let folder = folder.join(format!("d{directory:03}"));
        fs::create_dir(&folder)?;
        for file in 0..10_000 {
            fs::hard_link(&first, folder.join(format!("entry-{file:05}.txt")))?;
        }
    }
    Ok(())
}

/// Numbers that look random and are the same in every run (xorshift64*).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Begins with a seed, which is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next one.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_byte_is_told_from_a_right_one() {
        let mut bytes = content(12, 37);
        assert_eq!((bytes.len(), bytes.starts_with(b"needle")), (SMALL, true));
        assert!(check("d012/f037.txt", &bytes).is_ok());
        bytes[1000] ^= 1;
        assert!(check("d012/f037.txt", &bytes).is_err());
        assert!(check("d012/f036.txt", &content(12, 37)).is_err());
        assert!(check("d012/f037.txt", &[]).is_err());
    }
}
