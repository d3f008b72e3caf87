//! mount(8) and a line of fstab(5), with the binary as the helper `mount.omnifs`.

use std::fs;
use std::path::PathBuf;

use testkit::{Output, Sandbox, guests, run};

use crate::{OMNIFS, config_of};

/// A machine of its own as far as mount(8) can see: `/sbin/mount.omnifs`, and an fstab with a
/// line for each of two providers and one line that is wrong.
struct Machine {
    sandbox: Sandbox,
    fstab: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let sandbox = Sandbox::new(OMNIFS);
        let providers = [("hello", guests::HELLO_PATH), ("tree", guests::TREE_PATH)];
        let config = sandbox.root().join("etc.toml");
        fs::write(&config, config_of(&sandbox, &providers, "")).unwrap();
        let (config, mounts) = (config.display(), sandbox.root().join("mnt"));
        let mounts = mounts.display();
        let options = format!("config={config},nofail,_netdev,x-systemd.automount");
        let lines = format!(
            "hello {mounts}/hello omnifs {options} 0 0\n\
             tree {mounts}/tree omnifs {options} 0 0\n\
             tree {mounts}/hello/elsewhere omnifs {options},noauto 0 0\n\
             nobody {mounts}/nobody omnifs {options},noauto 0 0\n"
        );
        let fstab = sandbox.root().join("fstab");
        fs::write(&fstab, lines).unwrap();
        for name in ["hello", "tree", "nobody"] {
            fs::create_dir_all(sandbox.root().join("mnt").join(name)).unwrap();
        }
        Self { sandbox, fstab }
    }

    /// Runs lines of shell where `mount` means mount(8) with that fstab, in a mount namespace
    /// of its own; the daemon ends with them.
    fn shell(&self, lines: &str) -> Output {
        let root = self.sandbox.root().display();
        let fstab = self.fstab.display();
        let lines = format!(
            "trap 'omnifs stop >/dev/null' EXIT
             mount -t tmpfs none /usr/sbin && ln -s {root}/bin/omnifs /usr/sbin/mount.omnifs
             ours() {{ grep -c ' {root}/.* fuse.omnifs ' /proc/self/mountinfo; }}
             fstab() {{ mount --fstab {fstab} \"$@\"; }}
             cd {root}/mnt
             {lines}"
        );
        let mut command = self.sandbox.command("unshare");
        // mount(8) takes HOME away from its helper, which then is root's real one.
        let state = self.sandbox.root().join("state");
        command.env("OMNIFS_STATE_DIR", &state).env("OMNIFS_CACHE_DIR", &state);
        command.args(["--mount", "--propagation", "private", "bash", "-c", &lines]);
        run(&mut command)
    }
}

#[test]
fn a_line_mounts_and_umount_takes_its_mount_away() {
    let machine = Machine::new();
    // While the daemon goes on mounting, one reading of the table of mounts may show a line twice;
    // `ours` counts them after that.
    let output = machine.shell(
        "fstab $PWD/hello && cat hello/hello.txt && findmnt -rno SOURCE,FSTYPE $PWD/hello | uniq
         fstab $PWD/tree && ours
         fstab --all && ours
         umount $PWD/hello && ours
         fstab $PWD/hello && cat hello/hello.txt && ours",
    );
    let output = output.expect_code(0);
    let hello = "hello from omnifs\n";
    let expected = format!("{hello}hello fuse.omnifs\n2\n2\n1\n{hello}2\n");
    assert_eq!((output.stdout, output.stderr.as_str()), (expected, ""));
}

#[test]
fn all_lines_are_mounted_at_once() {
    let machine = Machine::new();
    let output = machine.shell("fstab --all && ours && cat hello/hello.txt && ls tree | head -n 1");
    let output = output.expect_code(0);
    assert_eq!(output.stdout, "2\nhello from omnifs\nREADME.txt\n", "{}", output.stderr);
}

#[test]
fn a_line_that_the_file_does_not_agree_with_is_refused() {
    let machine = Machine::new();
    let output = machine.shell(
        "fstab $PWD/nobody; echo $?
         fstab $PWD/hello/elsewhere; echo $?
         mount -t omnifs hello $PWD/hello -o allow_other; echo $?
         mount -t omnifs -f hello $PWD/hello; echo $?
         ours",
    );
    assert_eq!(output.stdout, "32\n32\n1\n32\n0\n", "{}", output.stderr);
    let root = machine.sandbox.root().display();
    for part in [
        format!("there is no provider \"nobody\" in {root}/etc.toml"),
        format!("mounts \"tree\" at {root}/mnt/tree, not at {root}/mnt/hello/elsewhere"),
        "set `allow_other = true` in [host] of providers.toml".to_owned(),
        // Without config= it is the usual file of root's home.
        ".config/omnifs/providers.toml".to_owned(),
    ] {
        assert!(output.stderr.contains(&part), "{part}\n{}", output.stderr);
    }
}
