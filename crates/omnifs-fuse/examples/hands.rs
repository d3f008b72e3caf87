//! Does to a tree of files what it is told, line by line: `hands DIRECTORY`.
//!
//! The reference model drives a mount with it. A process that waits for a mount which it serves
//! itself cannot be killed, so the model's own process must not touch the mount.
//!
//! | line | answer |
//! |---|---|
//! | `stat PATH`, `fstat FILE` | `ok INODE KIND SIZE SECONDS NANOSECONDS` |
//! | `read PATH OFFSET LENGTH`, `pread FILE OFFSET LENGTH` | `ok HEXADECIMAL` |
//! | `list PATH` | `ok NAME:KIND:INODE ...` |
//! | `open PATH` | `ok FILE` |
//! | `close FILE` | `ok` |
//!
//! A kind is `f`, `d` or `u` (unknown), and `err ERRNO` the answer of what failed. Paths have
//! neither a slash in front nor spaces.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, StatxFlags, statx};
use rustix::io::Errno;

struct Hands {
    directory: PathBuf,
    open: HashMap<u64, File>,
    opened: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: hands DIRECTORY")?.into();
    let mut hands = Hands { directory, open: HashMap::new(), opened: 0 };
    for line in std::io::stdin().lines() {
        let line = line?;
        let answer = match hands.act(&line.split(' ').collect::<Vec<_>>()) {
            Ok(answer) => format!("ok {answer}\n"),
            Err(error) => match error.downcast_ref::<std::io::Error>() {
                Some(error) => format!("err {}\n", error.raw_os_error().unwrap_or(0)),
                None => return Err(error),
            },
        };
        let mut output = std::io::stdout().lock();
        output.write_all(answer.as_bytes())?;
        output.flush()?;
    }
    Ok(())
}

impl Hands {
    fn act(&mut self, line: &[&str]) -> Result<String, Box<dyn Error>> {
        match *line {
            ["stat", path] => shown(&std::fs::symlink_metadata(self.directory.join(path))?),
            ["fstat", file] => shown(&self.file(file)?.metadata()?),
            ["read", path, offset, length] => {
                read(&File::open(self.directory.join(path))?, offset.parse()?, length.parse()?)
            }
            ["pread", file, offset, length] => {
                read(self.file(file)?, offset.parse()?, length.parse()?)
            }
            ["list", path] => list(&File::open(self.directory.join(path))?),
            ["open", path] => self.hold(path),
            ["close", file] => {
                self.open.remove(&file.parse()?);
                Ok(String::new())
            }
            _ => Err(format!("not understood: {line:?}").into()),
        }
    }

    fn file(&self, number: &str) -> Result<&File, Box<dyn Error>> {
        Ok(self.open.get(&number.parse()?).ok_or("no such file is open")?)
    }

    fn hold(&mut self, path: &str) -> Result<String, Box<dyn Error>> {
        let file = File::open(self.directory.join(path))?;
        // Without asking the file system: only its answers to opening are of interest here.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let what = statx(&file, "", flags, StatxFlags::TYPE).map_err(std::io::Error::from)?;
        if FileType::from_raw_mode(what.stx_mode.into()) == FileType::Directory {
            return Err(std::io::Error::from(Errno::ISDIR).into());
        }
        self.opened += 1;
        self.open.insert(self.opened, file);
        Ok(self.opened.to_string())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an act like the others")]
fn shown(metadata: &std::fs::Metadata) -> Result<String, Box<dyn Error>> {
    let kind = if metadata.is_dir() { 'd' } else { 'f' };
    let (inode, size) = (metadata.ino(), metadata.size());
    Ok(format!("{inode} {kind} {size} {} {}", metadata.mtime(), metadata.mtime_nsec()))
}

/// Reads until there are so many bytes, or no more.
fn read(file: &File, offset: u64, length: usize) -> Result<String, Box<dyn Error>> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while bytes.len() < length {
        let room = buffer.len().min(length - bytes.len());
        let piece = buffer.get_mut(..room).unwrap_or_default();
        let count = file.read_at(piece, offset + bytes.len() as u64)?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

fn list(directory: &File) -> Result<String, Box<dyn Error>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory).map_err(std::io::Error::from)? {
        let entry = entry.map_err(std::io::Error::from)?;
        let kind = match entry.file_type() {
            FileType::RegularFile => 'f',
            FileType::Directory => 'd',
            _ => 'u',
        };
        entries.push(format!("{}:{kind}:{}", entry.file_name().to_str()?, entry.ino()));
    }
    Ok(entries.join(" "))
}
