//! A program from a package, as a server with files of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::run::wait_until;

/// How long starting and stopping may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A process that ends when this is dropped, with a directory that goes with it.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    /// Starts a program whose files are in a directory of [`directory`]. What it says goes into the
    /// file `output` there.
    #[track_caller]
    pub(crate) fn start(command: &mut Command, directory: TempDir) -> Self {
        let output = fs::File::create(directory.path().join("output")).expect("cannot write");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let process = command.spawn();
        let process = process.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { process, directory }
    }

    /// Waits until it is `ready`; returns whether it is, and runs.
    pub(crate) fn wait(&mut self, mut ready: impl FnMut(&Path) -> bool) -> bool {
        let mut ended = false;
        let over = wait_until(LIMIT, || {
            ended = matches!(self.process.try_wait(), Ok(Some(_)));
            ended || ready(self.directory.path())
        });
        over && !ended
    }

    /// Returns the directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns what it said, with its log.
    pub(crate) fn said(&self, log: &str) -> String {
        format!("{}{}", read(self.directory(), "output"), read(self.directory(), log))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where there are several processes, the first ends the others.
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        let ended = id.is_some_and(|id| kill_process(id, Signal::TERM).is_ok())
            && wait_until(LIMIT, || matches!(self.process.try_wait(), Ok(Some(_))));
        if !ended {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Makes a directory for a server of this name.
#[track_caller]
pub(crate) fn directory(name: &str) -> TempDir {
    let made = tempfile::Builder::new().prefix(&format!("omnifs-{name}-")).tempdir();
    made.expect("cannot make a temporary directory")
}

/// Returns what is in a file of a server, if anything is.
pub(crate) fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_default()
}

/// Returns a program; not every PATH has the directory in which packages put it.
pub(crate) fn program(name: &str) -> PathBuf {
    let usual = Path::new("/usr/sbin").join(name);
    if usual.is_file() { usual } else { name.into() }
}
