//! Who is the daemon: the process that holds the lock beside the control socket.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::VERSION;
use crate::exit::Failure;
use crate::places::{Places, open_private};

/// The lock, held for as long as this value lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// The process that holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its id.
    pub(crate) pid: i32,
    /// Its version.
    pub(crate) version: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "omnifs {} (pid {})", self.version, self.pid)
    }
}

/// How often a lock that is taken is tried again: a command that asks for the holder has it
/// for an instant, or for as long as a busy machine runs others instead.
const TRIES: u32 = 20;

impl Lock {
    /// Takes the lock and writes down who has it.
    ///
    /// # Errors
    /// When another daemon has it, naming that one.
    pub(super) fn take(places: &Places) -> Result<Self, Failure> {
        let path = places.lock();
        let failed = || format!("cannot use {}", path.display());
        let mut file = open_private(&path).with_context(failed)?;
        for _ in 0..TRIES {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    file.set_len(0).with_context(failed)?;
                    let pid = rustix::process::getpid().as_raw_pid();
                    writeln!(file, "{pid} {VERSION}").with_context(failed)?;
                    return Ok(Self { _file: file });
                }
                Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(50)),
                Err(error) => return Err(anyhow::Error::new(error).context(failed()).into()),
            }
        }
        Err(already_running(read(&path).ok().flatten().as_ref()))
    }
}

/// Returns the refusal of a second daemon.
pub(crate) fn already_running(holder: Option<&Holder>) -> Failure {
    let who = holder.map_or_else(|| "another omnifs".to_owned(), Holder::to_string);
    Failure::new(format!("{who} is running already"))
        .remedy("`omnifs restart` replaces it, `omnifs stop` ends it")
}

/// Returns the process that is the daemon of this user, or `None` when there is none.
///
/// # Errors
/// As reading the lock's file fails.
pub(crate) fn holder(places: &Places) -> anyhow::Result<Option<Holder>> {
    let path = places.lock();
    let failed = || format!("cannot read {}", path.display());
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => return Ok(None),
            _ => return Err(error).with_context(failed),
        },
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => read(&path).with_context(failed),
        Err(error) => Err(error).with_context(failed),
    }
}

fn read(path: &std::path::Path) -> io::Result<Option<Holder>> {
    let mut text = String::new();
    File::open(path)?.take(256).read_to_string(&mut text)?;
    let Some((pid, version)) = text.trim_end().split_once(' ') else { return Ok(None) };
    Ok(pid.parse().ok().map(|pid| Holder { pid, version: version.to_owned() }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn places(runtime: &Path) -> Places {
        let elsewhere = runtime.join("elsewhere");
        Places {
            home: elsewhere.clone(),
            config: elsewhere.clone(),
            compiled: elsewhere.clone(),
            state: elsewhere,
            runtime: runtime.to_path_buf(),
        }
    }

    #[test]
    fn the_second_is_refused_by_name_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let places = places(directory.path());
        assert_eq!(holder(&places).unwrap(), None);
        let lock = Lock::take(&places).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let first = Holder { pid, version: VERSION.to_owned() };
        assert_eq!(holder(&places).unwrap(), Some(first.clone()));
        let refused = Lock::take(&places).unwrap_err();
        assert!(refused.text().contains(&format!("{first} is running already")), "{refused:?}");
        drop(lock);
        assert_eq!(holder(&places).unwrap(), None);
        assert!(Lock::take(&places).is_ok());
    }
}
