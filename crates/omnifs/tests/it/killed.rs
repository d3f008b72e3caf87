//! The tests themselves: one that is killed leaves nothing behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, config_of};

/// Makes this test the one that is killed; the value is a file, which gets its sandbox's place.
const VARIABLE: &str = "OMNIFS_TEST_TO_BE_KILLED";

/// A test with a daemon, a busy mount and a program that is still running.
fn hold(file: &Path) {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = sandbox.root().join("mnt/100% a mount");
    let text = config_of(&sandbox, &[("hello", guests::HELLO_PATH)], "");
    sandbox.configure(&text.replace("mnt/hello", "mnt/100% a mount"));
    let _ = sandbox.omnifs(["start"]).expect_code(0);
    let mut inside = sandbox.command("sleep");
    inside.arg("600").current_dir(mount).stdout(Stdio::null());
    let mut inside = inside.stderr(Stdio::null()).spawn().unwrap();
    let place = sandbox.root().to_str().unwrap();
    let new = file.with_extension("new");
    fs::write(&new, place).unwrap();
    fs::rename(new, file).unwrap();
    inside.wait().unwrap();
}

#[test]
fn a_test_that_is_killed_leaves_no_mount_process_or_directory() {
    if let Some(file) = std::env::var_os(VARIABLE) {
        return hold(Path::new(&file));
    }
    let sandbox = Sandbox::new(OMNIFS);
    let file = sandbox.root().join("place");
    let name = "killed::a_test_that_is_killed_leaves_no_mount_process_or_directory";
    let test = sandbox
        .command(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(VARIABLE, &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(wait_until(LIMIT, || file.exists()));
    let place = PathBuf::from(fs::read_to_string(&file).unwrap());
    let root = place.to_str().unwrap().to_owned();
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap().matches(&root).count();
    let started = format!("grep -lszxF XDG_RUNTIME_DIR={root}/run /proc/[0-9]*/environ | wc -l");
    let processes = || sandbox.shell(&started).stdout.trim().parse::<usize>().unwrap();
    assert_eq!((mounts(), processes()), (1, 2), "the daemon and the sleeper in its mount");

    kill_process(Pid::from_child(&test), Signal::KILL).unwrap();
    let killed = Instant::now();
    // The end of its output: whoever cleans up after it does not hold that open.
    let output = test.wait_with_output().unwrap();
    assert!(killed.elapsed() < Duration::from_secs(5), "{output:?}");
    assert!(wait_until(Duration::from_secs(15), || !place.exists()));
    assert_eq!((mounts(), processes()), (0, 0));
}
