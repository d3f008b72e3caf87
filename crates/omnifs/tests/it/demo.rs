//! `omnifs demo`.

use std::fs::{self, File};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, wait_until};

use crate::{LIMIT, OMNIFS};

#[test]
fn a_command_runs_among_the_mounts_and_nothing_is_left() {
    let sandbox = Sandbox::new(OMNIFS);
    let temporary = sandbox.root().join("tmp");
    fs::create_dir(&temporary).unwrap();
    for (line, code, printed) in
        [("cat hello/hello.txt", 0, "hello from omnifs\n"), ("ls; exit 7", 1, "hello\ntree\n")]
    {
        let mut demo = sandbox.command("omnifs");
        demo.args(["demo", "--exec", line]).env("TMPDIR", &temporary);
        let output = testkit::run(&mut demo).expect_code(code);
        let expected = format!("ready\n{printed}stopped\n");
        assert!(output.stdout.ends_with(&expected), "{}", output.stdout);
        assert!(sandbox.mounts().is_empty());
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
        assert!(!sandbox.config_file().exists());
    }
}

#[test]
fn it_shows_the_mounts_until_it_is_interrupted() {
    let sandbox = Sandbox::new(OMNIFS);
    let temporary = sandbox.root().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let shown = sandbox.root().join("shown");
    let mut demo = sandbox
        .command("omnifs")
        .arg("demo")
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(File::create(&shown).unwrap())
        .spawn()
        .unwrap();
    let text = || fs::read_to_string(&shown).unwrap();
    let begun = wait_until(LIMIT, || text().ends_with("; Ctrl-C ends.\n"));
    let mounts = sandbox.mounts().len();
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let ended = demo.wait().unwrap();
    assert!(begun, "{}", text());
    assert_eq!((mounts, ended.code()), (2, Some(0)), "{}", text());
    assert!(text().contains("$ cat hello/hello.txt\nhello from omnifs\n"), "{}", text());
    assert!(text().ends_with("\nstopped\n"), "{}", text());
    assert!(sandbox.mounts().is_empty());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}
