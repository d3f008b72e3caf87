//! INIT, damaged messages, and the end.

use std::time::Duration;

use omnifs_fuse::{Opcode, SessionError};
use vfs_testing::Memory;

use crate::kernel::{Kernel, Setup, init, message};

#[test]
fn agrees_on_features_that_both_have() {
    let (_kernel, hello) = Setup::default().begin(Memory::new());
    assert_eq!((hello.error, hello.unique, hello.body.len()), (0, 2, 64));
    assert_eq!((hello.u32_at(0), hello.u32_at(4)), (7, 45));
    let flags = hello.u32_at(12);
    let named = [0, 13, 14, 17, 18, 22, 23, 30];
    assert_eq!(flags, named.iter().map(|bit| 1 << bit).sum::<u32>());
    assert_eq!((hello.u32_at(16) & 0xffff, hello.u32_at(16) >> 16), (256, 192));
    assert_eq!(hello.u32_at(28) & 0xffff, 256, "max_pages");
}

#[test]
fn serves_an_older_kernel_with_less() {
    let (mut kernel, hello) =
        Setup { minor: 34, flags: 1 | (1 << 18), ..Setup::default() }.begin(Memory::new());
    assert_eq!((hello.u32_at(12), hello.u32_at(32)), (1 | (1 << 18), 0));
    assert_eq!(kernel.ask(Opcode::Statfs, 1, &[]).body.len(), 80);
}

#[test]
fn refuses_a_kernel_that_is_too_old() {
    let (kernel, session) =
        Setup { minor: 30, ..Setup::default() }.try_begin(Memory::new(), |_| ());
    let error = session.err().unwrap();
    assert!(matches!(error, SessionError::KernelTooOld { major: 7, minor: 30 }), "{error}");
    assert_eq!(kernel.receive().error, -71, "EPROTO");
}

#[test]
fn lets_a_newer_kernel_come_down_to_its_version() {
    let setup = Setup { major: 8, minor: 0, ..Setup::default() };
    let (mut kernel, session) = setup.try_begin(Memory::new(), |kernel| {
        kernel.request(Opcode::Init, 0, &init(7, 46, u64::MAX));
    });
    kernel.session = Some(session.unwrap());
    assert_eq!(kernel.receive().u32_at(0), 7);
    assert_eq!(kernel.receive().u32_at(12) & 1, 1);
}

#[test]
fn takes_a_short_init_without_second_flags() {
    let (mut kernel, session) =
        Setup { major: 9, ..Setup::default() }.try_begin(Memory::new(), |kernel| {
            kernel.request(Opcode::Init, 0, &init(7, 33, u64::MAX)[..16]);
        });
    kernel.session = Some(session.unwrap());
    kernel.receive();
    assert_eq!(kernel.receive().u32_at(32), 0);
}

#[test]
fn a_silent_kernel_is_an_error_and_no_hang() {
    let setup = Setup { major: 8, answer: Duration::from_millis(200), ..Setup::default() };
    let (_kernel, session) = setup.try_begin(Memory::new(), |_| ());
    assert!(matches!(session, Err(SessionError::Silent(_))));
}

#[test]
fn a_kernel_that_hangs_up_is_an_error() {
    let (_kernel, session) =
        Setup { major: 8, ..Setup::default() }.try_begin(Memory::new(), |kernel| kernel.hang_up());
    assert!(matches!(session, Err(SessionError::Ended)));
}

#[test]
fn answers_what_it_does_not_know_and_goes_on() {
    let mut kernel = Kernel::begin(Memory::new());
    for opcode in [0, 7, 54, 4096, u32::MAX] {
        kernel.send(&message(opcode, (100, 1, 0), b"whatever"));
        let answer = kernel.receive();
        assert_eq!((answer.unique, answer.error), (100, -38), "ENOSYS for {opcode}");
    }
    assert_eq!(kernel.ask(Opcode::Statfs, 1, &[]).error, 0);
    assert_eq!(kernel.session().statistics().requests["unknown"], 5);
}

#[test]
fn answers_truncated_messages_and_goes_on() {
    let mut kernel = Kernel::begin(Memory::new());
    let whole = message(Opcode::Lookup.number(), (100, 1, 0), b"name\0");
    for length in 40..whole.len() {
        kernel.send(&whole[..length]);
        let answer = kernel.receive();
        assert_eq!((answer.unique, answer.error), (100, -5), "EIO at {length}");
    }
    for length in 1..40 {
        kernel.send(&whole[..length]);
    }
    // A message that wants no answer gets none, whatever is wrong with it.
    kernel.send(&message(Opcode::Forget.number(), (0, 1, 0), &[1]));
    let answer = kernel.ask(Opcode::Statfs, 1, &[]);
    assert_eq!(answer.error, 0);
    assert_eq!(kernel.session().statistics().bad_messages, 5 + 39 + 1);
}

#[test]
fn ends_when_the_kernel_hangs_up() {
    let memory = Memory::new();
    memory.file("slow", "x").slow_lookup("slow", Duration::from_secs(3600));
    let mut kernel = Kernel::begin(memory);
    kernel.request(Opcode::Lookup, 1, b"slow\0");
    kernel.hang_up();
    let session = kernel.session.take().unwrap();
    kernel.runtime.block_on(session.ended());
    assert!(!session.is_serving());
    assert_eq!(session.statistics().requests["LOOKUP"], 1);
}

#[test]
fn destroy_is_answered_and_ends_the_session() {
    let mut kernel = Kernel::begin(Memory::new());
    let answer = kernel.ask(Opcode::Destroy, 0, &[]);
    assert_eq!((answer.error, answer.body.len()), (0, 0));
    kernel.runtime.block_on(kernel.session().ended());
}

#[test]
fn the_end_of_a_session_answers_who_still_waits() {
    let memory = Memory::new();
    memory.file("slow", "x").slow_lookup("slow", Duration::from_secs(3600));
    let mut kernel = Kernel::begin(memory);
    let unique = kernel.request(Opcode::Lookup, 1, b"slow\0");
    kernel.request(Opcode::Destroy, 0, &[]);
    let answers = [kernel.receive(), kernel.receive()];
    assert!(answers.iter().any(|answer| (answer.unique, answer.error) == (unique, -107)));
}
