//! The wires, on a real mount.
//!
//! Only other processes touch the mount: one that waits for a mount which it serves itself
//! cannot be killed.

mod busy;
mod change;
mod dead;
mod listing;
mod live;
mod model;
mod ordinary_user;
mod signal;
mod slow;
mod tools;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use omnifs_fuse::{MountOptions, Notices, Session, SessionOptions, mount};
use omnifs_vfs::{Settings, SystemClock, Tree};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vfs_testing::Memory;

/// How long something may take before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A mount that this process serves.
pub(crate) struct Mounted {
    session: Option<Session>,
    pub(crate) tree: Arc<Tree>,
    pub(crate) runtime: Runtime,
    directory: TempDir,
}

/// How to mount.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) notices: Notices,
    pub(crate) live: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self::fresh_for(Duration::from_secs(600))
    }
}

impl Setup {
    pub(crate) fn fresh_for(ttl: Duration) -> Self {
        let settings = Settings { ttl, answer: Duration::from_secs(60), ..Settings::default() };
        Self { settings, notices: Notices::Auto, live: false }
    }

    pub(crate) fn mount(self, source: &Arc<Memory>) -> Mounted {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let answer = self.settings.answer;
        let source = Arc::clone(source);
        let tree = Tree::new(source, Arc::new(SystemClock::new()), self.settings);
        let directory = tempfile::tempdir().unwrap();
        let mountpoint = directory.path().join("m");
        std::fs::create_dir(&mountpoint).unwrap();
        let options = MountOptions { mountpoint, name: "test".to_owned(), allow_other: false };
        let connection = mount(&options).unwrap();
        let (notices, live) = (self.notices, self.live);
        let options = SessionOptions { answer, notices, live, observer: None };
        let handle = runtime.handle().clone();
        let session = Session::serve(connection, Arc::clone(&tree), handle, options).unwrap();
        Mounted { session: Some(session), tree, runtime, directory }
    }
}

impl Mounted {
    pub(crate) fn new(source: &Arc<Memory>) -> Self {
        Setup::default().mount(source)
    }

    pub(crate) fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }

    /// Ends the session.
    pub(crate) fn end(&mut self) {
        self.session = None;
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("m")
    }

    /// Runs a shell script, which finds the mount in `$M` and may write in its directory.
    pub(crate) fn sh(&self, script: &str) -> Output {
        let mut command = Command::new("timeout");
        command.args(["-k", "1", "60", "sh", "-c", script]);
        self.prepare(&mut command).stdin(Stdio::null()).output().unwrap()
    }

    /// Returns what a script prints; it must succeed.
    pub(crate) fn prints(&self, script: &str) -> String {
        let output = self.sh(script);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script}\n{stdout}\n{stderr}");
        stdout
    }

    /// Returns what a script complains about; it must fail.
    pub(crate) fn complains(&self, script: &str) -> String {
        let output = self.sh(script);
        assert!(!output.status.success(), "{script}\n{}", text(&output.stdout));
        text(&output.stderr)
    }

    /// Starts a program to talk to.
    pub(crate) fn talk(&self, program: &str, arguments: &[&str]) -> Talk {
        let mut command = Command::new(program);
        Talk::start(self.prepare(&mut command).args(arguments))
    }

    fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("M", self.path()).env("LC_ALL", "C").current_dir(self.directory.path())
    }

    /// Returns how many requests of a kind there were.
    pub(crate) fn requests(&self, name: &str) -> u64 {
        self.session().statistics().requests.get(name).copied().unwrap_or(0)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Before the directory is removed, and while the runtime still runs.
        self.end();
    }
}

/// A process that is talked to line by line, and killed at the end.
pub(crate) struct Talk {
    pub(crate) child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Talk {
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Waits for a line, or for the end: then it is empty.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end, and returns whether it came in time.
    pub(crate) fn ends(&mut self) -> bool {
        soon(|| !self.is_running())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.input = None;
        // Fails when it has ended.
        let _ = self.child.kill();
        // Not for ever: after a failure it may wait for a server that is cleaned up later.
        let deadline = Instant::now() + Duration::from_secs(2);
        while self.is_running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Returns whether something becomes true before it counts as hung.
pub(crate) fn soon(mut check: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if check() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the program that serves a tree in a process of its own.
pub(crate) fn server() -> PathBuf {
    example("serve_memory")
}

pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is missing: build the examples", program.display());
    program
}

/// Returns whether a process waits for the answer to a FUSE request.
pub(crate) fn waits(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/wchan"))
        .is_ok_and(|function| function == "request_wait_answer")
}
