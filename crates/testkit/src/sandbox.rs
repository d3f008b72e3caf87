//! An empty home for a test that drives the real binary over real mounts.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::caretaker::Caretaker;
use crate::network::Network;
use crate::run::{Output, run, try_run, wait_until};

/// How long each step of the clean-up may take.
const STOP: Duration = Duration::from_secs(15);

/// A directory with an empty home, a runtime directory, and `bin/omnifs`, the binary under
/// test.
///
/// Dropping it stops the daemon that was started in it, ends what is left of the processes
/// started in it, unmounts what is still mounted below it and removes it; also when the test
/// has failed. When the test is killed, a process beside it does the same.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    network: Option<Network>,
    /// After `root`, because it is told that all is clean when it is dropped.
    _caretaker: Caretaker,
}

impl Sandbox {
    /// Makes one for the binary `omnifs`: `env!("CARGO_BIN_EXE_omnifs")` in a test of that
    /// crate.
    ///
    /// # Panics
    ///
    /// When the binary does not exist or the directory cannot be made.
    #[track_caller]
    pub fn new(omnifs: impl AsRef<Path>) -> Self {
        let omnifs = omnifs.as_ref();
        assert!(omnifs.is_file(), "{}: build the binary first", omnifs.display());
        // The table of mounts holds no symbolic links.
        let temporary = fs::canonicalize(env::temp_dir()).expect("no temporary directory");
        let root = tempfile::Builder::new().prefix("omnifs-test-").tempdir_in(temporary);
        let root = root.expect("cannot make a temporary directory");
        let caretaker = Caretaker::start(root.path()).expect("cannot start setsid");
        for name in ["home", "run", "bin"] {
            fs::create_dir(root.path().join(name)).expect("cannot make a directory");
        }
        std::os::unix::fs::symlink(omnifs, root.path().join("bin/omnifs")).expect("no symlink");
        Self { root, network: None, _caretaker: caretaker }
    }

    /// Makes one for the binary that this workspace built: `omnifs` in the directory above
    /// the test's own executable (`target/gate`).
    ///
    /// # Panics
    ///
    /// As [`Sandbox::new`].
    #[track_caller]
    pub fn of_workspace() -> Self {
        let test = env::current_exe().expect("the test has a place");
        let built = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
        Self::new(built.join("omnifs"))
    }

    /// Moves all its commands, and so the daemon and its mounts, into a network. The test
    /// itself, which stays outside, sees those mounts at [`Sandbox::seen`] alone.
    #[must_use]
    pub fn inside(mut self, network: &Network) -> Self {
        self.network = Some(network.clone());
        self
    }

    /// Returns the directory itself; what lies below it is removed with it.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns the path by which the test itself sees what is at an absolute path for the
    /// commands: the same, unless they are in a network.
    #[must_use]
    pub fn seen(&self, path: impl AsRef<Path>) -> PathBuf {
        match &self.network {
            Some(network) => network.path(path),
            None => path.as_ref().to_owned(),
        }
    }

    /// Returns the home directory.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Returns the place of the configuration, which does not exist until it is written.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.home().join(".config/omnifs/providers.toml")
    }

    /// Writes the configuration.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[track_caller]
    pub fn configure(&self, text: &str) {
        let file = self.config_file();
        fs::create_dir_all(file.parent().expect("not the root")).expect("cannot make a directory");
        fs::write(&file, text).expect("cannot write the configuration");
    }

    /// Returns a command in the home directory whose environment is PATH (with `omnifs`
    /// first), HOME and `XDG_RUNTIME_DIR` alone.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let bin = self.root.path().join("bin");
        let program = program.as_ref();
        // execvp would search our own PATH, not the command's.
        let program = match program.as_bytes() {
            b"omnifs" => bin.join("omnifs").into_os_string(),
            _ => program.to_os_string(),
        };
        let mut path = bin.into_os_string();
        if let Some(inherited) = variable("PATH") {
            path.push(":");
            path.push(inherited);
        }
        let mut command = self.bare_command(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.root.path().join("run"))
            .current_dir(self.home());
        command
    }

    /// Returns a command as [`Sandbox::command`] does, which finds the Rust toolchain that
    /// runs the test, and the crates that it has downloaded.
    pub fn rust_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        let home = variable("HOME").unwrap_or_default();
        for (name, place) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let set = variable(name).unwrap_or_else(|| home.join(place));
            command.env(name, set);
        }
        if let Some(toolchain) = variable("RUSTUP_TOOLCHAIN") {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        command
    }

    /// Runs `omnifs` with these arguments to its end.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    #[track_caller]
    pub fn omnifs<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        run(self.command("omnifs").args(arguments))
    }

    /// Runs a line of shell to its end.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    #[track_caller]
    pub fn shell(&self, line: &str) -> Output {
        run(self.command("sh").args(["-c", line]))
    }

    /// Returns the process id of the daemon, as `omnifs status` gives it.
    #[must_use]
    pub fn daemon(&self) -> Option<u32> {
        let mut status = self.command("omnifs");
        let output = try_run(status.args(["status", "--json"]), STOP).ok()?;
        let status: serde_json::Value = serde_json::from_str(&output.stdout).ok()?;
        u32::try_from(status.get("pid")?.as_u64()?).ok()
    }

    /// Returns the mount points of omnifs below this directory, the newest last.
    #[must_use]
    pub fn mounts(&self) -> Vec<PathBuf> {
        let table = match &self.network {
            Some(network) => network.mounts(),
            None => fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(),
        };
        table.lines().filter_map(omnifs_mount).filter(|at| at.starts_with(self.root())).collect()
    }

    fn bare_command(&self, program: impl AsRef<OsStr>) -> Command {
        match &self.network {
            Some(network) => network.command(program),
            None => Command::new(program),
        }
    }

    /// Takes a mount away, whatever its state.
    fn unmount(&self, mount: &Path) {
        if self.network.is_some() {
            let mut umount = self.bare_command("umount");
            let _ = try_run(umount.arg("-l").arg(mount), STOP);
        } else if unmount(mount, UnmountFlags::DETACH).is_err() {
            let _ = try_run(Command::new("fusermount3").args(["-u", "-z"]).arg(mount), STOP);
        }
    }

    /// Returns the processes that were started in here and still run. One that made itself
    /// undumpable shows up only to root.
    fn processes(&self) -> Vec<Pid> {
        let mut mark = b"XDG_RUNTIME_DIR=".to_vec();
        mark.extend_from_slice(self.root.path().join("run").as_os_str().as_bytes());
        let started_here = |id: &i32| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark)
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        ids.filter(started_here).filter_map(Pid::from_raw).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let daemon = self.daemon().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if daemon.is_some() || !self.mounts().is_empty() {
            let _ = try_run(self.command("omnifs").arg("stop"), STOP);
        }
        // As an ordinary user the daemon is not among the processes whose marks can be read.
        let daemon = daemon.filter(|_| self.daemon().is_some());
        for process in self.processes().into_iter().chain(daemon) {
            let _ = kill_process(process, Signal::KILL);
        }
        for mount in self.mounts().iter().rev() {
            self.unmount(mount);
        }
        let _ = wait_until(STOP, || self.processes().is_empty());
    }
}

#[expect(clippy::disallowed_methods, reason = "what the command of a test inherits")]
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from)
}

/// Returns the mount point of a line of mountinfo (proc_pid_mountinfo(5)) that is of omnifs.
fn omnifs_mount(line: &str) -> Option<PathBuf> {
    let (mount, kind) = line.split_once(" - ")?;
    kind.starts_with("fuse.omnifs ").then_some(())?;
    let mut plain = Vec::new();
    let mut escaped = mount.split(' ').nth(4)?.bytes();
    while let Some(byte) = escaped.next() {
        plain.push(match byte {
            // Space, tab, newline and backslash appear as three octal digits.
            b'\\' => escaped.by_ref().take(3).fold(0_u8, |sum, digit| (sum << 3) | (digit & 7)),
            other => other,
        });
    }
    Some(PathBuf::from(OsStr::from_bytes(&plain)))
}

#[cfg(test)]
mod tests {
    use super::{Path, omnifs_mount};

    #[test]
    fn finds_the_place_of_a_mount() {
        let line = "36 25 0:31 / /tmp/a\\040b\\134c rw,nosuid - fuse.omnifs hello rw,user_id=0";
        assert_eq!(omnifs_mount(line).as_deref(), Some(Path::new("/tmp/a b\\c")));
        assert_eq!(omnifs_mount("36 25 0:31 / /tmp rw - tmpfs tmpfs rw"), None);
    }
}
