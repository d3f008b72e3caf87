//! A provider that never answers: its reader can leave, and nobody else waits.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, mounted_with};

/// Answers within a second show that nobody waited for the provider's ten.
const AT_ONCE: Duration = Duration::from_secs(1);

fn start(sandbox: &Sandbox, program: &str, file: &Path) -> Child {
    let mut command = sandbox.command(program);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Returns the state letter of a process, proc_pid_stat(5).
fn state(child: &Child) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    stat.rsplit(") ").next().unwrap().chars().next().unwrap()
}

/// Returns the processes in uninterruptible sleep that name a file of the sandbox.
fn unkillable(sandbox: &Sandbox) -> Vec<String> {
    let root = sandbox.root().display().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let sleeps = |path: &std::path::PathBuf| {
        let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
        stat.contains(") D ")
    };
    let line = |path: std::path::PathBuf| std::fs::read_to_string(path.join("cmdline")).ok();
    processes.filter(sleeps).filter_map(line).filter(|line| line.contains(&root)).collect()
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}

/// Waits until the child is inside its system call on the mount.
fn inside(child: &Child) {
    let waits = || matches!(state(child), 'D' | 'S');
    std::thread::sleep(Duration::from_millis(200));
    assert!(wait_until(LIMIT, waits));
}

#[test]
fn ctrl_c_returns_at_once_and_the_deadline_by_itself() {
    let sandbox = Sandbox::new(OMNIFS);
    let providers = [("spin", guests::SPIN_PATH), ("hello", guests::HELLO_PATH)];
    let limits = "[provider.limits]\nanswer = \"4s\"\ncpu = \"20s\"\n";
    let mounts = mounted_with(&sandbox, &providers, limits);
    let spin = mounts.join("spin/spin");

    let mut reader = start(&sandbox, "cat", &spin);
    inside(&reader);
    let start_of_signal = Instant::now();
    signal(&reader, rustix::process::Signal::INT);
    assert!(wait_until(LIMIT, || reader.try_wait().unwrap().is_some()));
    assert!(start_of_signal.elapsed() < AT_ONCE, "{:?}", start_of_signal.elapsed());

    let waiting = start(&sandbox, "cat", &spin);
    inside(&waiting);
    let begin = Instant::now();
    for line in
        ["ls spin", "cat spin/ok", "stat spin/spin-not", "ls -l hello", "cat hello/hello.txt"]
    {
        let asked = Instant::now();
        let output = sandbox.shell(&format!("cd {} && {line}", mounts.display()));
        assert_eq!(output.code() == 0, !line.ends_with("not"), "{line}: {}", output.stderr);
        assert!(asked.elapsed() < AT_ONCE, "{line}: {:?}", asked.elapsed());
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "asked before the deadline");
    let output = waiting.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("Connection timed out"), "{output:?}");
    assert_eq!(unkillable(&sandbox), Vec::<String>::new());
}

#[test]
fn a_trap_and_a_memory_eater_cost_one_call_each() {
    let sandbox = Sandbox::new(OMNIFS);
    let providers =
        [("trap", guests::TRAP_PATH), ("alloc", guests::ALLOC_PATH), ("hello", guests::HELLO_PATH)];
    let mounts = mounted_with(&sandbox, &providers, "");
    let daemon = sandbox.daemon();
    for _ in 0..3 {
        for file in ["trap/trap", "trap/abort", "alloc/alloc", "alloc/recurse"] {
            let output = sandbox.shell(&format!("LC_ALL=C cat {}/{file}", mounts.display()));
            assert!(output.stderr.contains("Input/output error"), "{file}: {}", output.stderr);
        }
        let output = sandbox.shell(&format!("cd {} && cat trap/ok alloc/ok", mounts.display()));
        assert_eq!(output.stdout, "ok\nok\n");
        let output = sandbox.shell(&format!("cat {}/hello/hello.txt", mounts.display()));
        assert_eq!(output.stdout, "hello from omnifs\n");
    }
    assert_eq!(sandbox.daemon(), daemon);
    let log = sandbox.omnifs(["logs"]).stdout;
    assert!(log.contains("boom"), "the provider's last words are in the log");
}
