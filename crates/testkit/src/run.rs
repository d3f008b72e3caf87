//! Running a program so that it cannot hang the test that waits for it.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Long enough for a first build of a provider on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// How often something is looked at again.
const STEP: Duration = Duration::from_millis(5);

/// What a program that ended left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
    /// Its standard output as it was.
    pub bytes: Vec<u8>,
}

impl Output {
    /// Returns the exit code, or -1 when a signal ended the program.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Returns itself when the exit code is `code`.
    ///
    /// # Panics
    ///
    /// With both outputs, when it is another.
    #[track_caller]
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert!(self.code() == code, "{}, not {code}\n{stdout}\n{stderr}", self.status);
        self
    }
}

/// Runs a program to its end; see [`run_for`]. The limit is two minutes.
///
/// # Panics
///
/// When the program cannot be started, or has not ended in time.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    run_for(command, LIMIT)
}

/// Runs a program to its end, without standard input, in a process group of its own.
///
/// # Panics
///
/// When the program cannot be started, or has not ended within `limit`: the group is killed
/// then, and the message holds what it said.
#[track_caller]
pub fn run_for(command: &mut Command, limit: Duration) -> Output {
    match try_run(command, limit) {
        Ok(output) => output,
        Err(problem) => panic!("{command:?}: {problem}"),
    }
}

/// As [`run_for`], with the reason as an error.
pub(crate) fn try_run(command: &mut Command, limit: Duration) -> Result<Output, String> {
    // Files, not pipes: a daemon that kept a pipe open would keep us reading.
    let file = || tempfile::tempfile().map_err(|error| error.to_string());
    let (stdout, stderr) = (file()?, file()?);
    let copy = |file: &File| file.try_clone().map_err(|error| error.to_string());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(copy(&stdout)?)
        .stderr(copy(&stderr)?)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let status = wait(&mut child, limit);
    let (bytes, stderr) = (contents(stdout)?, contents(stderr)?);
    let stdout = String::from_utf8_lossy(&bytes).into_owned();
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    match status {
        Some(status) => Ok(Output { status, stdout, stderr, bytes }),
        None => Err(format!("did not end within {limit:?}\n{stdout}\n{stderr}")),
    }
}

/// Waits for a child; kills its group when the time is over, and returns none.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let mut status = None;
    let mut ended = |child: &mut Child| {
        status = child.try_wait().ok().flatten();
        status.is_some()
    };
    if wait_until(limit, || ended(child)) {
        return status;
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    // One that waits for a file system without an end cannot be reaped: leave it then.
    let _ = wait_until(Duration::from_secs(5), || matches!(child.try_wait(), Ok(Some(_))));
    None
}

fn contents(mut file: File) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Asks again and again until the answer is yes, and returns whether it was within `limit`.
#[must_use]
pub fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(STEP);
    }
}
