//! The same without root.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command;

use testkit::{Output, Sandbox, guests, run};

use crate::{OMNIFS, config_of};

/// The user `nobody` of every machine: fusermount3 wants one with a name.
const USER: u32 = 65_534;

/// A sandbox that belongs to the user, with a copy of everything that only root may read.
pub(crate) struct Unprivileged {
    pub(crate) sandbox: Sandbox,
    component: PathBuf,
}

impl Unprivileged {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new(OMNIFS);
        let root = sandbox.root();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        let component = root.join("component.wasm");
        fs::write(&component, guests::HELLO).unwrap();
        fs::remove_file(root.join("bin/omnifs")).unwrap();
        fs::copy(OMNIFS, root.join("bin/omnifs")).unwrap();
        for own in ["home", "run"] {
            chown(root.join(own), Some(USER), Some(USER)).unwrap();
        }
        Self { sandbox, component }
    }

    /// Returns a shell of the user in a mount namespace of its own, where `/dev/fuse` is for
    /// everybody.
    fn shell(&self, line: &str) -> Output {
        self.shell_after("true", line)
    }

    /// As `shell`, after root has run `more` in the namespace.
    pub(crate) fn shell_after(&self, more: &str, line: &str) -> Output {
        let root = self.sandbox.root().display();
        let prepare = format!(
            "mknod -m 666 {root}/fuse$$ c 10 229 && mount --bind {root}/fuse$$ /dev/fuse && {more}"
        );
        let user =
            format!("exec setpriv --reuid {USER} --regid {USER} --clear-groups sh -c \"$1\"");
        let mut command: Command = self.sandbox.command("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c"]);
        run(command.args([&format!("{prepare} && {user}"), "sh", line]))
    }

    fn configure(&self, mount: &str) {
        self.configure_with(mount, "");
    }

    /// As `configure`, with text before the provider.
    pub(crate) fn configure_with(&self, mount: &str, host: &str) {
        let path = self.component.to_str().unwrap();
        let text = config_of(&self.sandbox, &[("hello", path)], "");
        let here = self.sandbox.root().join("mnt/hello");
        self.sandbox.configure(&format!("{host}{}", text.replace(here.to_str().unwrap(), mount)));
        let file = self.sandbox.config_file();
        for own in file.ancestors().take_while(|own| *own != self.sandbox.home()) {
            chown(own, Some(USER), Some(USER)).unwrap();
        }
    }
}

#[test]
fn a_user_mounts_reads_and_unmounts() {
    let user = Unprivileged::new();
    user.configure("~/mnt/hello");
    let line = r#"set -e
        omnifs start
        cat mnt/hello/hello.txt
        stat -c '%u %g %a %s' mnt/hello/hello.txt
        grep -c " $PWD/mnt/hello .* fuse.omnifs" /proc/self/mountinfo
        omnifs stop
        grep -c " $PWD/mnt/hello .* fuse.omnifs" /proc/self/mountinfo || true"#;
    let output = user.shell(line).expect_code(0);
    let lines: Vec<&str> = output.stdout.lines().skip(2).collect();
    let owner = format!("{USER} {USER} 444 18");
    assert_eq!(lines, ["hello from omnifs", &owner, "1", "stopped", "0"], "{}", output.stderr);
}

#[test]
fn a_directory_that_the_user_may_not_make_comes_with_the_command_that_does() {
    let user = Unprivileged::new();
    let root = user.sandbox.root().display();
    user.configure(&format!("{root}/omnifs/hello"));
    let output =
        user.shell("omnifs start; code=$?; omnifs stop >stopped; exit $code").expect_code(1);
    let expected = format!(
        "error: hello: cannot make the mount directory {root}/omnifs/hello: Permission denied (os error 13)\n  \
         help: sudo install -d -o nobody {root}/omnifs, then omnifs restart\n"
    );
    assert_eq!(output.stderr, expected);

    // The command does what it promises.
    let install = ["-d", "-o", "nobody", &format!("{root}/omnifs")];
    let _made = run(user.sandbox.command("install").args(install)).expect_code(0);
    let line = format!("omnifs restart && cat {root}/omnifs/hello/hello.txt && omnifs stop");
    let output = user.shell(&line).expect_code(0);
    assert!(output.stdout.ends_with("hello from omnifs\nstopped\n"), "{}", output.stdout);
}

#[test]
fn another_user_gets_no_word_from_the_control_socket() {
    let user = Unprivileged::new();
    user.configure("~/mnt/hello");
    // Root may open the socket whatever its mode is; it is not the daemon's user all the same.
    let socket = user.sandbox.root().join("run/omnifs/control.sock");
    let ask = "import socket,sys\n\
               s = socket.socket(socket.AF_UNIX)\n\
               s.settimeout(10)\n\
               s.connect(sys.argv[1])\n\
               try:\n \
               s.sendall(b'GET /v1/status HTTP/1.1\\r\\nhost: omnifs\\r\\n\\r\\n')\n \
               print(len(s.recv(100)))\n\
               except (BrokenPipeError, ConnectionResetError): print(0)\n";
    let script = user.sandbox.root().join("ask.py");
    fs::write(&script, ask).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    let (script, socket) = (script.display(), socket.display());
    let output = user.shell(&format!("omnifs start >started && python3 {script} {socket}"));
    assert!(output.expect_code(0).stdout.trim() != "0", "its own user gets an answer");
    let output =
        run(user.sandbox.command("python3").args([script.to_string(), socket.to_string()]));
    assert_eq!(output.expect_code(0).stdout, "0\n");
    let stopped = user.shell("omnifs stop").expect_code(0);
    assert_eq!(stopped.stdout, "stopped\n");
}
