//! The log: one file, turned over at 10 MiB, of which three are kept.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::Mode;
use crate::env;
use crate::exit::{Exit, Failure};
use crate::places::open_private;

/// How long a file gets, in bytes.
const FILE_MAX: u64 = 10 << 20;

/// How many files there are, the current one among them.
const FILES: u32 = 3;

/// Sends everything that is logged to the file, and in the foreground to standard error too.
///
/// # Errors
/// When the file cannot be written, or OMNIFS_LOG is not understood.
pub(super) fn start(path: &Path, mode: Mode) -> Result<(), Failure> {
    let wanted = env::text(env::LOG).unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        Failure::new(format!("{} is {wanted:?}: {error}", env::LOG)).with(Exit::Usage).remedy(
            "set it to error, warn, info, debug or trace, or to TARGET=LEVEL with commas between",
        )
    })?;
    let journal = Journal::open(path, FILE_MAX)
        .with_context(|| format!("cannot write the log {}", path.display()))?;
    let file = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(journal);
    let terminal = (mode == Mode::Foreground).then(|| {
        let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(io::stderr)
    });
    let subscriber = tracing_subscriber::registry().with(filter).with(file).with(terminal);
    subscriber.try_init().context("cannot start the log")?;
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        tracing::error!(thread = thread.name().unwrap_or("?"), "{panic}");
    }));
    Ok(())
}

/// Returns the path of the `number`th older file of a log; 0 is the log itself.
pub(crate) fn rotated(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_path_buf();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// The files of a log.
#[derive(Debug)]
struct Journal {
    path: PathBuf,
    limit: u64,
    /// Guards the current file and its length; nothing else is locked under it.
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    file: File,
    length: u64,
}

impl Journal {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        Ok(Self { path: path.to_path_buf(), limit, current: Mutex::new(Current::open(path)?) })
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut current = self.current.lock();
        let length = line.len() as u64;
        if current.length > 0 && current.length.saturating_add(length) > self.limit {
            for number in (1..FILES).rev() {
                let moved =
                    std::fs::rename(rotated(&self.path, number - 1), rotated(&self.path, number));
                match moved {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            *current = Current::open(&self.path)?;
        }
        current.length = current.length.saturating_add(length);
        current.file.write_all(line)
    }
}

impl Current {
    fn open(path: &Path) -> io::Result<Self> {
        let file = open_private(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// Writes one event; the subscriber hands it over in one piece.
struct Line<'a>(&'a Journal);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A log that cannot be written, on a full disk say, must not stop the mounts.
        let _lost = self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn three_files_are_kept_and_no_line_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("omnifs.log");
        let journal = Journal::open(&path, 20).unwrap();
        for number in 0..9 {
            journal.append(format!("line {number}\n").as_bytes()).unwrap();
        }
        let read = |number| std::fs::read_to_string(rotated(&path, number)).unwrap();
        assert_eq!(read(0), "line 8\n");
        assert_eq!(read(1), "line 6\nline 7\n");
        assert_eq!(read(2), "line 4\nline 5\n");
        assert!(!rotated(&path, 3).exists());
        for number in 0..3 {
            let mode = rotated(&path, number).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_line_over_the_limit_has_a_file_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("omnifs.log");
        let journal = Journal::open(&path, 4).unwrap();
        journal.append(b"longer than that\n").unwrap();
        journal.append(b"x\n").unwrap();
        assert_eq!(std::fs::read(rotated(&path, 1)).unwrap(), b"longer than that\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"x\n");
    }

    #[test]
    fn a_restart_appends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("omnifs.log");
        Journal::open(&path, 20).unwrap().append(b"one\n").unwrap();
        Journal::open(&path, 20).unwrap().append(b"two\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    }
}
