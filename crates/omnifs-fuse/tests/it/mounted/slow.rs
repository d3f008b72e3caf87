//! Slow answers.

use std::sync::Arc;
use std::time::Duration;

use vfs_testing::Memory;

use crate::mounted::{Mounted, Setup, soon};

fn one_slow_file() -> Arc<Memory> {
    let memory = Memory::new();
    memory.file("slow", "slow").slow_read("slow", Duration::from_secs(600));
    memory.file("sibling", "s").file("other", "o");
    memory
}

/// > Who waits for a size holds up no other name of the directory, and can be killed.
#[test]
fn who_waits_for_a_size_holds_up_nobody_and_can_be_killed() {
    let memory = one_slow_file();
    let mounted = Mounted::new(&memory);
    let mut first = mounted.talk("stat", &[mounted.path().join("slow").to_str().unwrap()]);
    assert!(soon(|| memory.begun() == 1));
    // Each of these would wait for the first one if that held the directory's lock.
    assert_eq!(mounted.prints("cat $M/sibling"), "s");
    assert!(mounted.complains("touch $M/new").contains("Read-only"));
    assert_eq!(mounted.prints("stat -c %s $M/other; ls $M"), "1\nother\nsibling\nslow\n");
    let mut second = mounted.talk("stat", &[mounted.path().join("slow").to_str().unwrap()]);
    assert!(soon(|| mounted.session().statistics().waiting == 2));
    second.child.kill().unwrap();
    assert!(second.ends(), "a waiter that does not die");
    assert!(first.is_running(), "the first one still waits");
    first.child.kill().unwrap();
    assert!(first.ends());
    assert_eq!(mounted.session().statistics().interrupted, 2);
}

/// > Every request of the kernel is answered by `limits.answer`; the call goes on, and its result
/// > is there for the next try.
#[test]
fn a_request_ends_at_its_deadline() {
    let mut setup = Setup::default();
    setup.settings.answer = Duration::from_millis(300);
    // Longer than the deadline, and not for ever: without one the answer would come.
    let memory = one_slow_file();
    memory.slow_read("slow", Duration::from_secs(2));
    let mounted = setup.mount(&memory);
    let complaint = mounted.complains("cat $M/slow");
    assert!(complaint.contains("Connection timed out"), "{complaint}");
    assert_eq!(mounted.prints("cat $M/sibling"), "s");
    assert!(mounted.session().statistics().timed_out >= 1);
    assert_eq!(mounted.prints("until cat $M/slow 2> /dev/null; do :; done"), "slow");
    assert_eq!(memory.reads("slow"), 1);
}

#[test]
fn slow_work_is_done_once_for_all_who_wait() {
    let memory = Memory::new();
    memory.file("file", "x".repeat(5000)).slow_read("file", Duration::from_millis(500));
    let mounted = Mounted::new(&memory);
    let sizes = mounted.prints("for n in 1 2 3 4 5 6 7 8; do cat $M/file | wc -c & done; wait");
    assert_eq!(sizes, "5000\n".repeat(8));
    assert_eq!(memory.reads("file"), 1);
}
