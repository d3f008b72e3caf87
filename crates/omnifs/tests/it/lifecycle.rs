//! Starting, stopping, and everything that can go wrong between.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests, run, wait_until};

use crate::{LIMIT, OMNIFS, config_of, mounted};

const HELLO: &str = "hello from omnifs\n";

fn content(mounts: &Path) -> String {
    std::fs::read_to_string(mounts.join("hello/hello.txt")).unwrap()
}

fn signal(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal).unwrap();
}

fn alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A zombie is gone as far as anybody is concerned who waits for its locks and mounts.
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn start_shows_what_is_mounted_and_stop_unmounts_it() {
    let sandbox = Sandbox::new(OMNIFS);
    let providers = [("hello", guests::HELLO_PATH), ("a-tree", guests::TREE_PATH)];
    sandbox.configure(&config_of(&sandbox, &providers, ""));
    let mounts = sandbox.root().join("mnt");
    let shown = mounts.display().to_string();
    let wide = shown.len() + "/a-tree".len() + 2;
    let started = sandbox.omnifs(["start"]).expect_code(0);
    let expected = format!(
        "NAME    {:wide$}STATE\nhello   {:wide$}ready\na-tree  {:wide$}ready\n",
        "MOUNT",
        format!("{shown}/hello"),
        format!("{shown}/a-tree"),
    );
    assert_eq!((started.stdout, started.stderr), (expected, String::new()));
    assert_eq!(content(&mounts), HELLO);
    assert_eq!(sandbox.mounts().len(), 2);

    let daemon = sandbox.daemon().unwrap();
    let stopped = sandbox.omnifs(["stop"]).expect_code(0);
    assert_eq!((stopped.stdout.as_str(), stopped.stderr.as_str()), ("stopped\n", ""));
    assert!(!alive(daemon));
    assert!(sandbox.mounts().is_empty());
    assert!(!sandbox.root().join("run/omnifs/control.sock").exists());
    assert_eq!(sandbox.omnifs(["stop"]).expect_code(0).stdout, "not running\n");
}

#[test]
fn restart_starts_a_daemon_where_none_runs_and_replaces_one_that_does() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let mounts = sandbox.root().join("mnt");
    let first = sandbox.omnifs(["restart"]).expect_code(0);
    assert!(
        first.stdout.starts_with("omnifs was not running and is started\nNAME"),
        "{}",
        first.stdout
    );
    assert_eq!(content(&mounts), HELLO);
    let daemon = sandbox.daemon();
    let second = sandbox.omnifs(["restart"]).expect_code(0);
    assert!(second.stdout.starts_with("NAME"), "{}", second.stdout);
    assert_ne!(sandbox.daemon(), daemon);
    assert_eq!(content(&mounts), HELLO);
    assert_eq!(sandbox.mounts().len(), 1);
}

#[test]
fn the_status_is_a_table_for_people_and_json_for_programs() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    assert_eq!(content(&mounts), HELLO);
    let table = sandbox.omnifs(["status"]).expect_code(0).stdout;
    let words: Vec<&str> = table.split_whitespace().collect();
    let mount = mounts.join("hello").display().to_string();
    assert_eq!(words, ["NAME", "MOUNT", "STATE", "INSTANCES", "hello", &mount, "ready", "1"]);

    let text = sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    let pid = sandbox.daemon().unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let memory = json["providers"][0]["cache"]["memory"].as_u64().unwrap();
    let disk = json["providers"][0]["cache"]["disk"].as_u64().unwrap();
    assert!(memory >= 18, "{text}");
    let part = |name: &str| json["providers"][0]["memory"][name].as_u64().unwrap();
    let (guest, nodes) = (part("instances"), part("nodes"));
    assert!(guest >= 1 << 16 && nodes > 0, "{text}");
    let wide = sandbox.omnifs(["status", "--wide"]).expect_code(0).stdout;
    assert!(
        wide.starts_with("NAME") && wide.contains("MEMORY") && wide.contains("WATCH"),
        "{wide}"
    );
    let expected = format!(
        r#"{{"schema":1,"pid":{pid},"version":"1.0.0","providers":[{{"name":"hello","path":"{}","#,
        guests::HELLO_PATH
    ) + &format!(
        r#""mount":"{mount}","state":"ready","error":null,"face":1,"instances":1,"traps":0,"http":[],"#
    ) + &format!(
        r#""cache":{{"memory":{memory},"disk":{disk}}},"memory":{{"instances":{guest},"#
    ) + &format!(r#""cache":{memory},"nodes":{nodes},"http":0}},"#)
        + r#""watch":{"state":"none","restarts":0,"outdated":0,"dropped":0}}]}"#;
    assert_eq!(text, format!("{expected}\n"));
}

#[test]
fn without_a_daemon_the_status_says_how_to_start_one() {
    let sandbox = Sandbox::new(OMNIFS);
    for arguments in [vec!["status"], vec!["status", "--json"]] {
        let output = sandbox.omnifs(&arguments).expect_code(3);
        assert_eq!(
            output.stderr,
            "error: omnifs is not running\n  help: `omnifs start` starts it\n"
        );
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_second_daemon_is_refused_by_the_name_of_the_first() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let pid = sandbox.daemon().unwrap();
    for arguments in [vec!["start"], vec!["start", "--foreground"]] {
        let output = sandbox.omnifs(&arguments).expect_code(1);
        let refused = format!("error: omnifs 1.0.0 (pid {pid}) is running already\n");
        assert!(output.stderr.starts_with(&refused), "{}", output.stderr);
        assert!(output.stderr.contains("omnifs restart"), "{}", output.stderr);
    }
    assert_eq!(sandbox.daemon(), Some(pid));
    assert_eq!(content(&mounts), HELLO);
}

#[test]
fn of_daemons_that_start_together_one_wins() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let start = || {
        sandbox.command("omnifs").arg("start").stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let mut starts: Vec<_> = (0..4).map(|_| start().unwrap()).collect();
    let codes: Vec<_> = starts.iter_mut().map(|start| start.wait().unwrap().code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
    assert_eq!(sandbox.mounts().len(), 1);
}

/// > After a crash the next start serves again, with one mount; a mount that hangs is found and
/// > replaced.
#[test]
fn after_a_kill_the_next_start_serves_again() {
    let sandbox = Sandbox::new(OMNIFS);
    let providers = [("hello", guests::HELLO_PATH), ("slow", guests::SLOW_PATH)];
    let mounts = mounted(&sandbox, &providers);
    let mut reader = sandbox
        .command("cat")
        .arg(mounts.join("slow/slow-9"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut inside =
        sandbox.command("sleep").arg("600").current_dir(mounts.join("hello")).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    signal(sandbox.daemon().unwrap(), Signal::KILL);

    let begun = Instant::now();
    let started = sandbox.omnifs(["start"]).expect_code(0);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?} for\n{}",
        begun.elapsed(),
        started.stdout
    );
    assert_eq!(content(&mounts), HELLO);
    assert_eq!(sandbox.mounts().len(), 2, "one for each provider");
    // The reader got its error from the kernel.
    assert!(wait_until(LIMIT, || reader.try_wait().unwrap().is_some()));
    inside.kill().unwrap();
    inside.wait().unwrap();
}

#[test]
fn a_daemon_that_is_told_to_end_unmounts_also_when_busy() {
    let sandbox = Sandbox::new(OMNIFS);
    for end in [Signal::TERM, Signal::INT] {
        let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
        let mut inside =
            sandbox.command("sleep").arg("600").current_dir(mounts.join("hello")).spawn().unwrap();
        let daemon = sandbox.daemon().unwrap();
        let begun = Instant::now();
        signal(daemon, end);
        assert!(wait_until(LIMIT, || !alive(daemon)));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(sandbox.mounts().is_empty());
        inside.kill().unwrap();
        inside.wait().unwrap();
    }
}

#[test]
fn a_daemon_that_does_not_answer_is_replaced() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let daemon = sandbox.daemon().unwrap();
    signal(daemon, Signal::STOP);
    let output = sandbox.omnifs(["restart"]).expect_code(0);
    assert!(
        output.stderr.contains(&format!("(pid {daemon}) did not end within 8 seconds")),
        "{}",
        output.stderr
    );
    assert_eq!(content(&mounts), HELLO);
    assert_eq!(sandbox.mounts().len(), 1);
}

#[test]
fn in_the_foreground_it_logs_to_the_terminal_and_ends_with_ctrl_c() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let log = sandbox.root().join("terminal");
    let mut daemon = sandbox
        .command("omnifs")
        .args(["start", "--foreground"])
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let ready = || sandbox.omnifs(["status"]).code() == 0;
    assert!(wait_until(LIMIT, ready));
    assert_eq!(content(&sandbox.root().join("mnt")), HELLO);
    signal(daemon.id(), Signal::INT);
    assert!(wait_until(LIMIT, || daemon.try_wait().unwrap().is_some()));
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    assert!(sandbox.mounts().is_empty());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("mounted") && log.contains("SIGINT") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_mount_that_the_user_unmounts_stays_so_until_the_restart() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH), ("tree", guests::TREE_PATH)]);
    let _unmounted = run(sandbox.command("umount").arg(mounts.join("hello"))).expect_code(0);
    let states = || {
        let text = sandbox.omnifs(["status", "--json"]).stdout;
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        [0, 1].map(|at| json["providers"][at]["state"].as_str().unwrap().to_owned())
    };
    assert!(wait_until(LIMIT, || states() == ["unmounted", "ready"]), "{:?}", states());
    let _some = sandbox.omnifs(["status"]).expect_code(5);
    let log = sandbox.omnifs(["logs"]).stdout;
    assert_eq!(log.matches("unmounted by somebody else").count(), 1, "{log}");
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    assert_eq!(content(&mounts), HELLO);
}

#[test]
fn a_connection_that_the_kernel_aborts_is_a_failure_until_the_restart() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let here = format!(" {} ", mounts.join("hello").display());
    let line = table.lines().find(|line| line.contains(&here)).unwrap();
    let minor = line.split([' ', ':']).nth(3).unwrap();
    let abort =
        format!("mkdir ctl && mount -t fusectl none ctl && echo 1 >ctl/{minor}/abort; umount ctl");
    let _aborted = sandbox.shell(&abort).expect_code(0);
    let status = || sandbox.omnifs(["status"]).stdout;
    assert!(wait_until(LIMIT, || status().contains("failed")), "{}", status());
    assert!(status().contains("the kernel ended the connection"), "{}", status());
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    assert_eq!(content(&mounts), HELLO);
    assert_eq!(sandbox.mounts().len(), 1);
}

/// Holds the lock of a daemon, as one of another version that hangs.
const OTHER_VERSION: &str = "
import fcntl, os, sys, time
os.makedirs(sys.argv[1], 0o700)
lock = open(sys.argv[1] + '/control.lock', 'w')
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(f'{os.getpid()} 0.9.0')
lock.flush()
time.sleep(600)
";

#[test]
fn a_daemon_of_another_version_is_named_by_every_command() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure("");
    let runtime = sandbox.root().join("run/omnifs");
    let mut python = sandbox.command("python3");
    let mut daemon = python.args(["-c", OTHER_VERSION]).arg(&runtime).spawn().unwrap();
    let name = format!("omnifs 0.9.0 (pid {})", daemon.id());
    let written = || std::fs::read_to_string(runtime.join("control.lock")).unwrap_or_default();
    assert!(wait_until(LIMIT, || written().ends_with("0.9.0")));
    let note = format!("note: the daemon is {name}, this is omnifs 1.0.0");
    let status = sandbox.omnifs(["status"]).expect_code(1).stderr;
    assert!(status.starts_with(&note), "{status}");
    assert!(status.contains(&format!("error: {name} runs, but does not answer")), "{status}");
    let start = sandbox.omnifs(["start"]).expect_code(1).stderr;
    assert!(start.starts_with(&note), "{start}");
    assert!(start.contains(&format!("error: {name} is running already")), "{start}");
    let stop = sandbox.omnifs(["stop"]).expect_code(0);
    assert!(stop.stderr.starts_with(&note), "{}", stop.stderr);
    assert_eq!(stop.stdout, "stopped\n");
    assert!(wait_until(LIMIT, || daemon.try_wait().unwrap().is_some()));
}

#[test]
fn nothing_of_it_is_for_others() {
    let sandbox = Sandbox::new(OMNIFS);
    let _mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let mode = |path: &str| {
        sandbox.root().join(path).symlink_metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("run/omnifs"), 0o700);
    assert_eq!(mode("run/omnifs/control.sock"), 0o600);
    assert_eq!(mode("run/omnifs/control.lock"), 0o600);
    assert_eq!(mode("home/.local/state/omnifs"), 0o700);
    assert_eq!(mode("home/.local/state/omnifs/omnifs.log"), 0o600);
    assert_eq!(mode("home/.cache/omnifs/compiled"), 0o700);
    assert_eq!(mode("mnt"), 0o755);
    let daemon = sandbox.daemon().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"]);
    assert_eq!(std::fs::read_link(format!("/proc/{daemon}/cwd")).unwrap(), Path::new("/"));
}

#[test]
fn a_socket_with_a_long_path_works_too() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let long = sandbox.root().join("x".repeat(120));
    let omnifs = |command: &str| {
        run(sandbox.command("omnifs").arg(command).env("OMNIFS_RUNTIME_DIR", &long))
    };
    let _started = omnifs("start").expect_code(0);
    assert!(long.join("control.sock").exists());
    let _status = omnifs("status").expect_code(0);
    assert_eq!(omnifs("stop").expect_code(0).stdout, "stopped\n");
    assert!(sandbox.mounts().is_empty());
}

#[test]
fn a_daemon_keeps_nothing_open_of_who_started_it() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    // The pipe ends only when nobody has it open any more.
    let output = sandbox.shell("omnifs start 2>&1 | cat && exec 9>held && omnifs restart | cat");
    assert!(output.expect_code(0).stdout.contains("ready"));
    let daemon = sandbox.daemon().unwrap();
    let open = std::fs::read_dir(format!("/proc/{daemon}/fd")).unwrap().flatten();
    let held = sandbox.home().join("held");
    assert!(
        open.map(|fd| std::fs::read_link(fd.path()).unwrap_or_default())
            .all(|target| target != held)
    );
}
