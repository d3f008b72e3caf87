//! The process whose namespaces a network is.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::run::wait_until;

const SCRIPT: &str = include_str!("holder.sh");

/// Enters the namespaces of process `$0` and takes the directory along by its name: as a
/// descriptor it would be the directory outside, under which the mounts inside do not appear.
const ENTER: &str = r#"exec nsenter "--net=/proc/$0/ns/net" "--mount=/proc/$0/ns/mnt" \
    env -C "$PWD" "$@""#;

/// How long it may take to end what was started inside.
const STOP: Duration = Duration::from_secs(15);

/// A shell in namespaces of its own, which ends when nobody holds its standard input, and
/// with it everything that runs in its network.
#[derive(Debug)]
pub(super) struct Holder {
    process: Child,
    input: Option<ChildStdin>,
    network: OwnedFd,
}

impl Holder {
    /// Starts it; `directory` has the files that stand for those in `/etc`.
    #[track_caller]
    pub(super) fn start(directory: &Path) -> Self {
        let mut errors = tempfile::tempfile().expect("no temporary file");
        let mut process = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().expect("no temporary file"))
            // Who kills the group of the test must not kill the one that cleans up.
            .process_group(0)
            .spawn()
            .expect("cannot start unshare(1)");
        let input = process.stdin.take();
        let mut line = String::new();
        let output = process.stdout.take().map(BufReader::new);
        let _ = output.map(|mut output| output.read_line(&mut line));
        if line != "ready\n" {
            let _ = process.kill();
            let _ = process.wait();
            let mut said = String::new();
            let _ = errors.rewind().and_then(|()| errors.read_to_string(&mut said));
            panic!(
                "no private network here: it needs root, and namespaces for networks and \
                 mounts (a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN): {said}"
            );
        }
        let network = File::open(format!("/proc/{}/ns/net", process.id()));
        Self { network: network.expect("the holder runs").into(), input, process }
    }

    pub(super) fn network(&self) -> BorrowedFd<'_> {
        self.network.as_fd()
    }

    /// The root directory as the process sees it.
    pub(super) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.process.id()))
    }

    pub(super) fn mounts(&self) -> String {
        fs::read_to_string(format!("/proc/{}/mountinfo", self.process.id())).unwrap_or_default()
    }

    pub(super) fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", ENTER]).arg(self.process.id().to_string()).arg(program);
        command
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.input.take());
        if !wait_until(STOP, || matches!(self.process.try_wait(), Ok(Some(_)))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
