//! A sandbox gives nothing but an empty home, and leaves nothing behind.

use std::fs;
use std::time::Duration;

use testkit::{Sandbox, guests, wait_until};

#[test]
fn a_sandbox_gives_an_empty_home_and_nothing_else() {
    // Any program will do as the binary: it is not started here.
    let sandbox = Sandbox::new(guests::HELLO_PATH);
    let output =
        sandbox.shell("env | sed 's/=.*//' | grep -v '^_$' | sort; ls -A; command -v omnifs");
    let bin = sandbox.root().join("bin/omnifs");
    // The shell sets PWD (and bash SHLVL); a file that cannot be executed is not found.
    let names: Vec<&str> = output.stdout.lines().filter(|line| *line != "SHLVL").collect();
    assert_eq!(names, ["HOME", "PATH", "PWD", "XDG_RUNTIME_DIR"]);
    assert!(bin.exists());
    assert!(sandbox.mounts().is_empty());
    assert_eq!(sandbox.daemon(), None);
}

#[test]
fn a_dropped_sandbox_leaves_no_process_and_no_directory() {
    let sandbox = Sandbox::new(guests::HELLO_PATH);
    let script = "sleep 600 & echo $!";
    let output = sandbox.shell(script).expect_code(0);
    let status = format!("/proc/{}/stat", output.stdout.trim());
    assert!(fs::exists(&status).expect("proc is mounted"));
    let root = sandbox.root().to_path_buf();
    drop(sandbox);
    let gone = || fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z "));
    assert!(wait_until(Duration::from_secs(5), gone));
    assert!(!root.exists());
}
