//! Changes take effect by themselves, under mounts that stay.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, config_of, mounted};

/// Puts a component where the configuration names it, as a careful program does.
fn install(sandbox: &Sandbox, component: &[u8]) -> PathBuf {
    let (new, at) = (sandbox.root().join("new.wasm"), sandbox.root().join("component.wasm"));
    fs::write(&new, component).unwrap();
    fs::rename(new, &at).unwrap();
    at
}

/// Returns the lines of mountinfo for a mount: its number is in there.
fn mount_line(mount: &Path) -> String {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let at = format!(" {} ", mount.display());
    table.lines().filter(|line| line.contains(&at)).collect()
}

/// Starts a shell in a directory that repeats a command until it fails or is told to end by
/// the removal of the file `go`; it then prints its working directory.
fn repeat(sandbox: &Sandbox, directory: &Path, command: &str) -> Child {
    let go = sandbox.root().join("go");
    fs::write(&go, "").unwrap();
    let line = format!("while [ -e {} ]; do {command} || exit 1; done; pwd -P", go.display());
    let mut shell = sandbox.command("sh");
    shell.args(["-c", &line]).current_dir(directory).stdin(Stdio::null());
    shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn state(sandbox: &Sandbox, name: &str) -> (String, String) {
    let status = sandbox.omnifs(["status", "--json"]).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let providers = status["providers"].as_array().unwrap();
    let found = providers.iter().find(|provider| provider["name"] == name).unwrap();
    let reason = found["error"]["reason"].as_str().unwrap_or_default();
    (found["state"].as_str().unwrap().to_owned(), reason.to_owned())
}

#[test]
fn a_saved_configuration_mounts_and_unmounts_and_leaves_the_others_alone() {
    let sandbox = Sandbox::new(OMNIFS);
    let hello = ("hello", guests::HELLO_PATH);
    let mounts = mounted(&sandbox, &[hello]);
    let before = mount_line(&mounts.join("hello"));
    let mut open = fs::File::open(mounts.join("hello/hello.txt")).unwrap();

    sandbox.configure(&config_of(&sandbox, &[("tree", guests::TREE_PATH), hello], ""));
    assert!(wait_until(LIMIT, || mounts.join("tree/README.txt").exists()));
    sandbox.configure(&config_of(&sandbox, &[hello], ""));
    assert!(wait_until(LIMIT, || mount_line(&mounts.join("tree")).is_empty()));

    assert_eq!(mount_line(&mounts.join("hello")), before);
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello from omnifs\n");
}

/// > A new configuration is checked as a whole; a mistake changes nothing and is shown in its line.
#[test]
fn a_file_with_a_mistake_changes_nothing_and_says_where_it_is() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let good = fs::read_to_string(sandbox.config_file()).unwrap();
    sandbox.configure(&format!("{good}\nnonsense = 1\n"));
    let refused = sandbox.omnifs(["reload"]).expect_code(4);
    assert!(refused.stderr.contains("nonsense"), "{}", refused.stderr);
    assert!(refused.stderr.contains("providers.toml:7:1"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(mounts.join("hello/hello.txt")).unwrap(), "hello from omnifs\n");
    assert!(sandbox.omnifs(["logs"]).stdout.contains("nonsense"));
    sandbox.configure(&good);
    let _ = sandbox.omnifs(["reload"]).expect_code(0);
}

#[test]
fn reload_needs_a_daemon() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("");
    let refused = sandbox.omnifs(["reload"]).expect_code(3);
    assert!(refused.stderr.contains("omnifs start"), "{}", refused.stderr);
}

/// > A component that is saved is exchanged under its mount; one that does not fit leaves the old
/// > one.
#[test]
fn a_saved_component_is_exchanged_and_one_that_does_not_fit_is_not() {
    let sandbox = Sandbox::new(OMNIFS);
    let component = install(&sandbox, guests::HELLO);
    let mounts = mounted(&sandbox, &[("swapped", component.to_str().unwrap())]);
    let mount = mounts.join("swapped");
    let before = mount_line(&mount);
    let mut open = fs::File::open(mount.join("hello.txt")).unwrap();
    // An open file is one version from its first byte or size on; before, it is none yet.
    assert_eq!(open.metadata().unwrap().len(), 18);
    assert_eq!(fs::read_dir(&mount).unwrap().count(), 1);

    install(&sandbox, guests::TREE);
    assert!(wait_until(LIMIT, || mount.join("README.txt").exists()));
    assert!(wait_until(LIMIT, || !mount.join("hello.txt").exists()));
    assert!(fs::read_dir(&mount).unwrap().count() > 1);
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello from omnifs\n", "who has a file open keeps its bytes");

    install(&sandbox, b"not a component");
    assert!(wait_until(LIMIT, || state(&sandbox, "swapped").0 == "degraded"));
    assert_ne!(state(&sandbox, "swapped").1, "");
    assert!(mount.join("README.txt").exists(), "the old one stays");
    let shown = sandbox.omnifs(["reload"]).expect_code(5);
    assert!(shown.stdout.contains("degraded"), "{}", shown.stdout);

    install(&sandbox, guests::HELLO);
    let _ = sandbox.omnifs(["reload"]).expect_code(0);
    assert_eq!(fs::read_to_string(mount.join("hello.txt")).unwrap(), "hello from omnifs\n");
    assert_eq!(mount_line(&mount), before);
}

#[test]
fn a_working_directory_and_a_checksum_survive_a_hundred_exchanges() {
    let sandbox = Sandbox::new(OMNIFS);
    // The same provider in two files that differ: with its label and without.
    let labelled = omnifs_runtime::artifact::label(guests::TREE).unwrap();
    assert_ne!(labelled, guests::TREE);
    let component = install(&sandbox, guests::TREE);
    let mount = mounted(&sandbox, &[("tree", component.to_str().unwrap())]).join("tree");
    let sums = "sha256sum < sizes/1048577.bin";
    let expected = sandbox.shell(&format!("cd {} && {sums}", mount.display())).stdout;
    let checks =
        repeat(&sandbox, &mount, &format!("test \"$({sums})\" = \"{}\"", expected.trim_end()));
    let inside = repeat(&sandbox, &mount.join("sizes"), "ls > /dev/null && test -e 0.bin");
    for turn in 0..100 {
        install(&sandbox, if turn % 2 == 0 { &labelled } else { guests::TREE });
        let _ = sandbox.omnifs(["reload"]).expect_code(0);
    }
    fs::remove_file(sandbox.root().join("go")).unwrap();
    for (shell, directory) in [(checks, mount.clone()), (inside, mount.join("sizes"))] {
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap().trim_end(),
            directory.to_str().unwrap()
        );
    }
}

#[test]
fn an_unmounted_provider_is_mounted_again() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let mount = mounts.join("hello");
    let _ = sandbox.shell(&format!("umount {}", mount.display())).expect_code(0);
    assert!(wait_until(LIMIT, || state(&sandbox, "hello").0 == "unmounted"));
    let _ = sandbox.omnifs(["reload"]).expect_code(0);
    assert!(mount.join("hello.txt").exists());
}
