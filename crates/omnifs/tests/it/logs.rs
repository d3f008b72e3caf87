//! The daemon's log.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, mounted};

#[test]
fn what_a_provider_prints_is_there_under_its_name() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = mounted(&sandbox, &[("chatty", guests::LOGGER_PATH)]);
    for file in ["lines", "escapes"] {
        assert_eq!(std::fs::read_to_string(mounts.join("chatty").join(file)).unwrap(), "logged\n");
    }
    let log = sandbox.omnifs(["logs"]).expect_code(0).stdout;
    let line = |text: &str| log.lines().find(|line| line.contains(text)).map(str::to_owned);
    for text in ["to standard output", "to standard error"] {
        let line = line(text).unwrap_or_else(|| panic!("no {text:?} in\n{log}"));
        assert!(line.contains("chatty"), "{line}");
    }
    assert!(!log.contains(['\u{1b}', '\u{7}', '\r']), "{log:?}");
    assert!(line("red ").unwrap().contains(r"\u{1b}[31m"), "{log}");
}

#[test]
fn the_log_is_read_without_a_daemon_and_by_its_last_lines() {
    let sandbox = Sandbox::new(OMNIFS);
    let none = sandbox.omnifs(["logs"]).expect_code(1);
    assert!(none.stderr.starts_with("error: there is no log yet at "), "{}", none.stderr);
    let _mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let all = sandbox.omnifs(["logs"]).expect_code(0).stdout;
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines.len() > 3 && lines.last().unwrap().contains("ended"), "{all}");
    let last = sandbox.omnifs(["logs", "-n", "2"]).expect_code(0).stdout;
    assert_eq!(last.lines().collect::<Vec<_>>(), lines[lines.len() - 2..]);
    assert_eq!(sandbox.omnifs(["logs", "-n", "0"]).expect_code(0).stdout, "");
    // A reader that has seen enough is no failure.
    let cut = sandbox.shell("{ omnifs logs; echo $? >code; } | head -c 0; cat code");
    assert_eq!((cut.stdout.as_str(), cut.stderr.as_str()), ("0\n", ""));
}

#[test]
fn the_log_is_followed_over_the_end_of_a_file() {
    let sandbox = Sandbox::new(OMNIFS);
    let state = sandbox.home().join(".local/state/omnifs");
    std::fs::create_dir_all(&state).unwrap();
    let log = state.join("omnifs.log");
    std::fs::write(&log, "one\ntwo\nthree\n").unwrap();
    let mut follower = sandbox
        .command("omnifs")
        .args(["logs", "-f", "-n", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (send, lines) = std::sync::mpsc::channel();
    let output = BufReader::new(follower.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        output.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
    });
    let next = || lines.recv_timeout(LIMIT).unwrap();
    assert_eq!([next(), next()], ["two", "three"]);
    let append = |text: &str| {
        use std::io::Write as _;
        std::fs::OpenOptions::new()
            .append(true)
            .open(&log)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    };
    append("four\n");
    assert_eq!(next(), "four");
    append("five\n");
    std::fs::rename(&log, state.join("omnifs.log.1")).unwrap();
    std::fs::write(&log, "six\n").unwrap();
    assert_eq!([next(), next()], ["five", "six"]);
    follower.kill().unwrap();
    assert!(wait_until(LIMIT, || follower.try_wait().unwrap().is_some()));
    let _sent = reader.join().unwrap();
}
