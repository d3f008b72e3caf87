//! A sandbox with mounts of its own, for root or for an ordinary user.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::run::{Output, run, try_run, wait_until};
use crate::sandbox::Sandbox;

/// How long the namespace may take to be made, and the daemon to stop.
const STEP: Duration = Duration::from_secs(30);

/// Who runs the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// The user of the test, which is root.
    Root,
    /// The user `nobody` of every machine: fusermount3 wants one with a name.
    Nobody,
}

impl User {
    /// Returns its number, which is its group's, too.
    #[must_use]
    pub fn id(self) -> u32 {
        match self {
            Self::Root => 0,
            Self::Nobody => 65_534,
        }
    }
}

/// A [`Sandbox`] whose commands run in one mount namespace, which nobody else sees, and as one
/// user. A process holds the namespace; what is mounted in it is gone when this is dropped.
///
/// An ordinary user has a copy of what only root may read, and a `/dev/fuse` for everybody.
#[derive(Debug)]
pub struct Private {
    sandbox: Sandbox,
    user: User,
    holder: Child,
}

impl Private {
    /// Makes one for the binary `omnifs`; `prepare` is a line of shell that root runs in the
    /// namespace first, in the sandbox's root.
    ///
    /// # Panics
    ///
    /// Without root, or when `prepare` fails.
    #[track_caller]
    pub fn new(omnifs: impl AsRef<Path>, user: User, prepare: &str) -> Self {
        let sandbox = Sandbox::new(&omnifs);
        let root = sandbox.root().to_owned();
        let mut fuse = "true";
        if user != User::Root {
            fuse = "mknod -m 666 fuse c 10 229 && mount --bind fuse /dev/fuse";
            readable(&root, 0o755);
            fs::remove_file(root.join("bin/omnifs")).expect("the sandbox has made it");
            let _ = fs::copy(omnifs, root.join("bin/omnifs")).expect("cannot copy the binary");
            for own in ["home", "run"] {
                let id = Some(user.id());
                chown(root.join(own), id, id).expect("only root can give a directory away");
            }
        }
        let hold = format!("{fuse} && {prepare} && touch held && exec sleep 600");
        let holder = sandbox
            .command("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &hold])
            .current_dir(&root)
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare cannot be started");
        let mut private = Self { sandbox, user, holder };
        let held = root.join("held");
        let ended = |holder: &mut Child| holder.try_wait().is_ok_and(|status| status.is_some());
        let _ = wait_until(STEP, || held.exists() || ended(&mut private.holder));
        assert!(held.exists(), "no mount namespace: {hold}");
        private
    }

    /// Returns the sandbox; its own commands run outside the namespace, as root.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Returns where a path of the namespace is to be found from outside.
    #[must_use]
    pub fn from_outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Writes a file that everybody may read into the sandbox's root, and returns its path.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[track_caller]
    pub fn bring(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.sandbox.root().join(name);
        fs::write(&path, bytes).expect("cannot write a file");
        readable(&path, 0o644);
        path
    }

    /// Writes the configuration, which belongs to the user.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[track_caller]
    pub fn configure(&self, text: &str) {
        self.sandbox.configure(text);
        let (file, home) = (self.sandbox.config_file(), self.sandbox.home());
        for own in file.ancestors().take_while(|own| *own != home) {
            let id = Some(self.user.id());
            chown(own, id, id).expect("only root can give a file away");
        }
    }

    /// Returns a command of the user in the namespace; it starts in its root directory.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.inside();
        command.args(self.become_user()).args(arguments);
        command
    }

    fn inside(&self) -> Command {
        let mut command = self.sandbox.rust_command("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()));
        command
    }

    /// Returns the words before a command that let the user run it, and not root.
    fn become_user(&self) -> Vec<String> {
        if self.user == User::Root {
            return Vec::new();
        }
        let id = self.user.id().to_string();
        ["setpriv", "--clear-groups", "--reuid", &id, "--regid", &id].map(str::to_owned).into()
    }

    /// Returns a line of shell, as a command of the user in its home directory.
    pub fn line(&self, line: &str) -> Command {
        let line = format!("cd {} && {line}", self.sandbox.home().display());
        self.command(["sh", "-c", &line])
    }

    /// Runs such a line to its end.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    #[track_caller]
    pub fn shell(&self, line: &str) -> Output {
        run(&mut self.line(line))
    }

    /// As `shell`, with mounts of its own that end with it, where root has run `prepare` first.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    #[track_caller]
    pub fn shell_after(&self, prepare: &str, line: &str) -> Output {
        let mut command = self.inside();
        command.args(["unshare", "--mount", "--propagation", "private", "sh", "-c"]);
        command.args([&format!("{prepare} && exec \"$@\""), "sh"]).args(self.become_user());
        run(command.args(["sh", "-c", line]))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = try_run(&mut self.line("omnifs stop"), STEP);
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[track_caller]
fn readable(path: &Path, mode: u32) {
    let mode = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, mode).expect("cannot set the mode");
}
