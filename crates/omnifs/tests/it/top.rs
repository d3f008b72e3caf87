//! `omnifs top`: in a terminal, and without one.

use std::path::Path;

use serde_json::Value;
use testkit::{Sandbox, guests, run};

use crate::{OMNIFS, mounted};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Returns a sandbox with a mount of which something is known, and the mount's directory.
fn serving() -> (Sandbox, String) {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]).join("hello");
    let mount = mount.display().to_string();
    let _read = sandbox.shell(&format!("cat {mount}/hello.txt")).expect_code(0);
    (sandbox, mount)
}

/// Runs it in a terminal, and does these things one after the other; see `top.py`.
fn in_a_terminal(sandbox: &Sandbox, keys: &[&str], variables: &[(&str, &str)]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/top.py");
    let mut python = sandbox.command("python3");
    python.arg(script).args(keys).env("TERM", "xterm").envs(variables.iter().copied());
    serde_json::from_str(&run(&mut python).expect_code(0).stdout).unwrap()
}

/// Checks that a terminal was taken over and given back, and returns what was shown in between.
#[track_caller]
fn shown(found: &Value) -> String {
    let seen = found["seen"].as_str().unwrap();
    assert_eq!(found["as_before"], true, "{seen:?}");
    assert!(seen.starts_with(ENTER), "{seen:?}");
    let (inside, _) = seen.rsplit_once(LEAVE).unwrap();
    inside.to_owned()
}

#[test]
fn keys_and_signals_end_it_and_the_terminal_is_as_it_was() {
    let (sandbox, _) = serving();
    for end in ["q", "ctrl-c", "term"] {
        let found = in_a_terminal(&sandbox, &[end], &[]);
        assert_eq!(found["code"], 0, "{end}: {found}");
        assert!(found["seen"].as_str().unwrap().ends_with(LEAVE), "{end}: {found}");
        let shown = shown(&found);
        assert!(shown.contains("\x1b[1mNAME ") && shown.contains("hello "), "{shown:?}");
        assert!(shown.contains("hello:/hello.txt"), "{shown:?}");
    }
}

#[test]
fn it_is_ordered_resized_and_suspended() {
    let (sandbox, _) = serving();
    let keys = ["right", "right", "left", "rows=5", "ctrl-z", "q"];
    let found = in_a_terminal(&sandbox, &keys, &[("NO_COLOR", "1")]);
    assert_eq!((&found["code"], &found["suspended"]), (&0.into(), &true.into()), "{found}");
    let shown = shown(&found);
    assert_eq!(shown.matches(ENTER).count(), 2, "once more after it stood still: {shown:?}");
    assert!(!shown.contains("\x1b[1m"), "{shown:?}");
    let frames: Vec<&str> = shown.split("\x1b[H").skip(1).collect();
    let mut orders: Vec<&str> = frames
        .iter()
        .map(|frame| frame.split("\x1b[K").next().unwrap().rsplit(' ').next().unwrap())
        .collect();
    orders.dedup();
    assert_eq!(orders, ["NAME", "OPS/S", "UPSTREAM/S", "OPS/S"]);
    let lines = |frame: &str| frame.matches("\r\n").count() + 1;
    assert!(lines(frames[0]) > 5 && lines(frames.last().unwrap()) == 5, "{frames:?}");
}

#[test]
fn it_ends_with_the_daemon_and_says_so() {
    let (sandbox, _) = serving();
    let found = in_a_terminal(&sandbox, &["stop"], &[]);
    let _shown = shown(&found);
    let said = found["seen"].as_str().unwrap().rsplit_once(LEAVE).unwrap().1;
    assert_eq!(found["code"], 3, "{found}");
    let expected = "error: omnifs is not running\r\n  help: `omnifs start` starts it\r\n";
    assert_eq!(said, expected);
}

#[test]
fn without_a_terminal_it_is_one_sample() {
    let (sandbox, mount) = serving();
    // A name that would have the rest of the line written from right to left.
    let _absent = sandbox.shell(&format!("[ -e '{mount}/a\u{202e}b' ]")).expect_code(1);
    let table = sandbox.omnifs(["top"]).expect_code(0).stdout;
    assert!(table.starts_with("omnifs 1.0.0, up "), "{table}");
    assert!(table.contains("\nNAME   "), "{table}");
    assert!(table.contains("hello:/a\\u{202e}b\n"), "{table}");
    assert!(!table.contains(['\x1b', '\u{202e}']), "{table}");
    let dumb = in_a_terminal(&sandbox, &[], &[("TERM", "dumb")]);
    assert!(!dumb["seen"].as_str().unwrap().contains('\x1b'), "{dumb}");

    let json = sandbox.omnifs(["top", "--once", "--json"]).expect_code(0).stdout;
    assert_eq!(json.lines().count(), 1, "{json}");
    let sample: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&sample["schema"], &sample["providers"][0]["name"]), (&1.into(), &"hello".into()));
    assert!(sample["seconds"].as_f64().unwrap() >= 1.0, "{json}");
    let slow = &sample["slowest"][0];
    assert!(slow["seconds"].as_f64().unwrap() > 0.0 && slow["op"].is_string(), "{json}");
}

#[test]
fn json_is_a_line_each_second_until_nobody_reads_on() {
    let (sandbox, mount) = serving();
    // Asked for names that are not there, for as long as it is looked.
    let line = format!(
        "n=0; while :; do n=$((n + 1)); [ -e {mount}/missing-$n ]; done & \
         asking=$!; omnifs top --json | head -n 3; kill $asking"
    );
    let output = sandbox.shell(&line).expect_code(0).stdout;
    let samples: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(samples.len(), 3, "{output}");
    let mut uptime = 0.0;
    for sample in samples {
        let hello = &sample["providers"][0];
        assert!(hello["requests_per_second"].as_f64().unwrap() > 0.0, "{sample}");
        assert!(hello["calls_per_second"].as_f64().unwrap() > 0.0, "{sample}");
        assert_eq!(hello["errors_per_second"], 0.0, "ENOENT is none: {sample}");
        assert!(hello["memory_bytes"].as_u64().unwrap() > 0, "{sample}");
        let before = std::mem::replace(&mut uptime, sample["uptime"].as_f64().unwrap());
        assert!(uptime >= before + 0.9, "{sample}");
    }
}

#[test]
fn without_a_daemon_there_is_nothing_to_show() {
    let sandbox = Sandbox::new(OMNIFS);
    for arguments in [&["top"][..], &["top", "--json"], &["top", "--once"], &["metrics"]] {
        let output = sandbox.omnifs(arguments).expect_code(3);
        assert!(output.stderr.starts_with("error: omnifs is not running\n"), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
}
