//! Requests that are not answered at once.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use omnifs_fuse::Opcode;
use rustix::event::Timespec;
use vfs_testing::Memory;

use crate::kernel::{Kernel, Setup, range};

const A_MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

#[test]
fn a_slow_request_does_not_hold_up_the_others() {
    let memory = Memory::new();
    memory.file("slow", "s").slow_read("slow", Duration::from_millis(300)).file("fast", "f");
    let mut kernel = Kernel::begin(memory);
    let slow = kernel.node("slow");
    let first = kernel.request(Opcode::Getattr, slow, &[0; 16]);
    let fast = kernel.node("fast");
    assert_eq!(kernel.ask(Opcode::Read, fast, &range(0, 0, 10)).body, b"f");
    assert_eq!(kernel.session().statistics().waiting, 1);
    let answer = kernel.receive();
    assert_eq!((answer.unique, answer.error, answer.u64_at(24)), (first, 0, 1));
    assert_eq!(kernel.session().statistics().waiting, 0);
}

#[test]
fn a_request_is_answered_by_its_deadline_and_only_once() {
    let memory = Memory::new();
    memory.file("slow", "s").slow_read("slow", Duration::from_millis(700));
    let (mut kernel, _) =
        Setup { answer: Duration::from_millis(200), ..Setup::default() }.begin(memory);
    let slow = kernel.node("slow");
    let asked = Instant::now();
    assert_eq!(kernel.ask(Opcode::Getattr, slow, &[0; 16]).error, -110, "ETIMEDOUT");
    assert!(asked.elapsed() >= Duration::from_millis(200));
    assert_eq!(kernel.session().statistics().timed_out, 1);
    // The call went on, and its result serves the next one.
    std::thread::sleep(Duration::from_millis(800));
    assert!(!kernel.has_message(&A_MOMENT), "a second answer");
    assert_eq!(kernel.ask(Opcode::Getattr, slow, &[0; 16]).u64_at(24), 1);
}

#[test]
fn a_panic_is_answered_counted_and_survived() {
    let memory = Memory::new();
    memory.file("file", "x");
    let mut kernel = Kernel::begin(memory);
    let handle = kernel.ask(Opcode::Opendir, 1, &[0; 8]).u64_at(0);
    kernel.clock.broken.store(true, Ordering::SeqCst);
    assert_eq!(kernel.ask(Opcode::Lookup, 1, b"file\0").error, -5, "EIO");
    let listing = kernel.ask(Opcode::Readdirplus, 1, &range(handle, 0, 4096));
    assert_eq!(listing.error, -5, "on the reader's own thread, too");
    kernel.clock.broken.store(false, Ordering::SeqCst);
    assert!(kernel.node("file") >= 2);
    assert_eq!(kernel.session().statistics().panics, 2);
}
