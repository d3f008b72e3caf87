//! Running a program never hangs the test, and never leaves a process behind.

use std::cell::Cell;
use std::fs;
use std::process::Command;
use std::time::Duration;

use testkit::{run, run_for, wait_until};

const HANG: Duration = Duration::from_millis(200);

#[test]
fn run_returns_what_a_program_said() {
    let output = run(Command::new("sh").args(["-c", "printf '\\377a'; printf b >&2; exit 3"]));
    let output = output.expect_code(3);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("\u{fffd}a", "b"));
    assert_eq!(output.bytes, b"\xffa");
}

#[test]
fn run_kills_the_whole_group_of_a_program_that_hangs() {
    let directory = tempfile::tempdir().expect("a directory");
    let mark = directory.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; echo waiting; wait", mark.display());
    let hang = || run_for(Command::new("sh").args(["-c", &script]), HANG);
    let message = std::panic::catch_unwind(hang).expect_err("it hangs");
    let message = message.downcast_ref::<String>().expect("a message");
    assert!(message.contains("did not end") && message.contains("waiting"), "{message}");
    let sleeper = fs::read_to_string(mark).expect("the script ran");
    let status = format!("/proc/{}/stat", sleeper.trim());
    // Gone, or dead and not yet reaped by init.
    let gone = || fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z "));
    assert!(wait_until(Duration::from_secs(5), gone));
}

#[test]
fn run_does_not_wait_for_a_daemon_that_holds_its_output() {
    let output = run(Command::new("sh").args(["-c", "sleep 3 & echo done"]));
    assert_eq!(output.stdout, "done\n");
}

#[test]
fn wait_until_says_whether_it_came_true() {
    let asked = Cell::new(0);
    assert!(wait_until(Duration::from_secs(5), || {
        asked.set(asked.get() + 1);
        asked.get() == 3
    }));
    assert_eq!(asked.get(), 3);
    assert!(!wait_until(Duration::from_millis(1), || false));
}
