//! A file that takes three seconds: only who asks for it waits.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, mounted};

/// Half of what the slow file takes: who answers sooner did not wait for it.
const NOT_WAITED: Duration = Duration::from_millis(1500);

fn stat(sandbox: &Sandbox, file: &str) -> Child {
    let mut command = sandbox.command("stat");
    command.args(["-c", "%s", file]).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    child
}

#[test]
fn siblings_answer_while_one_stat_waits_also_beside_a_create() {
    let sandbox = Sandbox::new(OMNIFS);
    let dir = mounted(&sandbox, &[("slow", guests::SLOW_PATH)]).join("slow/dir");
    let at = dir.display();
    let slow = stat(&sandbox, &format!("{at}/slow"));
    let begin = Instant::now();
    assert_ne!(sandbox.shell(&format!("touch {at}/new")).code(), 0);
    assert_eq!(sandbox.shell(&format!("cat {at}/a && stat -c %s {at}/b")).stdout, "sibling\n8\n");
    assert_eq!(sandbox.shell(&format!("ls {at}")).stdout, "a\nb\nc\nslow\n");
    assert!(begin.elapsed() < NOT_WAITED, "{:?}", begin.elapsed());
    let output = slow.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"5\n");
}

#[test]
fn a_second_waiter_dies_at_once() {
    let sandbox = Sandbox::new(OMNIFS);
    let file = mounted(&sandbox, &[("slow", guests::SLOW_PATH)]).join("slow/slow");
    let file = file.display().to_string();
    let first = stat(&sandbox, &file);
    let mut second = stat(&sandbox, &file);
    let begin = Instant::now();
    kill_process(Pid::from_raw(i32::try_from(second.id()).unwrap()).unwrap(), Signal::KILL)
        .unwrap();
    assert!(wait_until(LIMIT, || second.try_wait().unwrap().is_some()));
    assert!(begin.elapsed() < NOT_WAITED, "{:?}", begin.elapsed());
    assert_eq!(first.wait_with_output().unwrap().stdout, b"5\n", "the first one is not disturbed");
}

#[test]
fn a_signal_that_a_program_handles_is_no_error_for_it() {
    let sandbox = Sandbox::new(OMNIFS);
    let file = mounted(&sandbox, &[("slow", guests::SLOW_PATH)]).join("slow/slow");
    let program = "import os, signal, sys\n\
        rung = []\n\
        signal.signal(signal.SIGALRM, lambda *_: rung.append(1))\n\
        signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)\n\
        print(os.stat(sys.argv[1]).st_size, len(rung) > 0)\n";
    let output = testkit::run(sandbox.command("python3").args(["-c", program]).arg(file));
    assert_eq!(output.stdout, "5 True\n", "{}", output.stderr);
}
