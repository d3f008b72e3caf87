//! INTERRUPT: which signals of the waiting process end its request.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use omnifs_fuse::Opcode;
use rustix::event::Timespec;
use rustix::process::{Pid, Signal, kill_process};
use vfs_testing::Memory;

use crate::kernel::Kernel;

const EINTR: i32 = -4;
/// Twice the interval at which signals are looked for, and some.
const A_WHILE: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// A stopped process that handles signals, so that they stay pending.
struct Stopped(Child);

impl Stopped {
    fn new() -> Self {
        let script = "trap : HUP INT QUIT TERM ALRM USR1; kill -STOP $$; :";
        let child = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().unwrap();
        let stopped = Self(child);
        let status = format!("/proc/{}/status", stopped.id());
        while !std::fs::read_to_string(&status).unwrap().contains("State:\tT") {
            std::thread::sleep(Duration::from_millis(2));
        }
        stopped
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn slow() -> Kernel {
    let memory = Memory::new();
    memory.file("slow", "x").slow_lookup("slow", Duration::from_secs(3600));
    Kernel::begin(memory)
}

fn lookup_of(kernel: &mut Kernel, pid: u32) -> u64 {
    let unique = kernel.request_of(pid, (Opcode::Lookup, 1), b"slow\0");
    kernel.request_of(0, (Opcode::Interrupt, 0), &unique.to_ne_bytes());
    unique
}

#[test]
fn a_signal_that_means_stop_ends_the_request() {
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::HUP] {
        let process = Stopped::new();
        process.signal(signal);
        let mut kernel = slow();
        let unique = lookup_of(&mut kernel, process.id());
        let answer = kernel.receive();
        assert_eq!((answer.unique, answer.error), (unique, EINTR), "{signal:?}");
        assert_eq!(kernel.session().statistics().interrupted, 1);
    }
}

#[test]
fn a_handled_signal_does_not_end_it_but_a_later_one_does() {
    let process = Stopped::new();
    process.signal(Signal::ALARM);
    process.signal(Signal::USR1);
    let mut kernel = slow();
    let unique = lookup_of(&mut kernel, process.id());
    assert!(!kernel.has_message(&A_WHILE), "given up for a signal that programs handle");
    process.signal(Signal::INT);
    let answer = kernel.receive();
    assert_eq!((answer.unique, answer.error), (unique, EINTR));
}

#[test]
fn a_process_that_cannot_be_looked_at_is_taken_to_end() {
    let mut kernel = slow();
    let unique = lookup_of(&mut kernel, 0);
    let answer = kernel.receive();
    assert_eq!((answer.unique, answer.error), (unique, EINTR));
}

#[test]
fn an_interruption_of_what_is_answered_or_unknown_does_nothing() {
    let mut kernel = slow();
    let answered = kernel.ask(Opcode::Statfs, 1, &[]).unique;
    kernel.request_of(0, (Opcode::Interrupt, 0), &answered.to_ne_bytes());
    kernel.request_of(0, (Opcode::Interrupt, 0), &9999_u64.to_ne_bytes());
    assert_eq!(kernel.ask(Opcode::Statfs, 1, &[]).error, 0);
    assert_eq!(kernel.session().statistics().interrupted, 0);
}

#[test]
fn a_request_that_was_sent_again_is_interrupted_by_its_number_too() {
    let mut kernel = slow();
    let resent = (1 << 63) | 2;
    kernel.send(&crate::kernel::message(Opcode::Lookup.number(), (resent, 1, 0), b"slow\0"));
    kernel.request_of(0, (Opcode::Interrupt, 0), &resent.to_ne_bytes());
    let answer = kernel.receive();
    assert_eq!((answer.unique, answer.error), (resent, EINTR));
}
