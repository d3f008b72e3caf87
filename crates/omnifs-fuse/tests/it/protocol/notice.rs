//! Notices: what the kernel is told when the tree changes.

use std::sync::Arc;
use std::time::Duration;

use omnifs_fuse::{Notices, Opcode};
use rustix::event::Timespec;
use vfs_testing::Memory;

use crate::kernel::{Answer, Kernel, Setup, range};
use crate::mounted::soon;

const INVAL_INODE: i32 = 2;
const INVAL_ENTRY: i32 = 3;
const PRUNE: i32 = 9;
const A_MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 150_000_000 };

/// A kernel that knows the first version of `file`, which has another one since.
fn changed(setup: Setup) -> (Kernel, Arc<Memory>, u64) {
    let memory = Memory::new();
    memory.file("file", "old").file("slow", "x").slow_lookup("slow", Duration::from_millis(700));
    let (mut kernel, _) = setup.begin(Arc::clone(&memory));
    let node = kernel.node("file");
    kernel.ask(Opcode::Getattr, node, &[0; 16]);
    memory.file("file", "new bytes");
    kernel.clock.time.advance(Duration::from_secs(90));
    (kernel, memory, node)
}

fn expires(notice: &Answer, name: &str) -> bool {
    notice.error == INVAL_ENTRY
        && (notice.u64_at(0), notice.u32_at(8) as usize, notice.u32_at(12)) == (1, name.len(), 1)
        && notice.body[16..] == *format!("{name}\0").as_bytes()
}

#[test]
fn a_new_version_is_pruned_and_its_name_expires() {
    let (mut kernel, _memory, node) = changed(Setup::default());
    assert_eq!(kernel.node("file"), node, "the old one serves while the new one is fetched");
    let prune = kernel.receive();
    assert_eq!((prune.unique, prune.error, prune.body.len()), (0, PRUNE, 24));
    assert_eq!((prune.u32_at(0), prune.u64_at(16)), (1, node));
    let expiry = kernel.receive();
    assert!(expiry.unique == 0 && expires(&expiry, "file"), "{expiry:?}");
    let new = kernel.node("file");
    assert_ne!(new, node);
    assert_eq!(kernel.ask(Opcode::Read, node, &range(0, 0, 99)).body, b"old");
    assert_eq!(kernel.ask(Opcode::Read, new, &range(0, 0, 99)).body, b"new bytes");
    // A notice is counted once it is written, which the kernel may read before.
    let counted = || {
        let notices = kernel.session().statistics().notices;
        ["PRUNE", "EXPIRE_ENTRY"].map(|kind| notices.get(kind).copied()) == [Some(1); 2]
    };
    assert!(soon(counted));
}

#[test]
fn a_name_does_not_expire_while_its_directory_is_busy() {
    let (mut kernel, _memory, _) = changed(Setup::default());
    let slow = kernel.request(Opcode::Lookup, 1, b"slow\0");
    kernel.node("file");
    assert_eq!(kernel.receive().error, PRUNE);
    assert!(!kernel.has_message(&A_MOMENT), "expired with a LOOKUP unanswered");
    let answer = kernel.receive();
    assert_eq!((answer.unique, answer.error), (slow, 0));
    assert!(expires(&kernel.receive(), "file"));
}

#[test]
fn a_kernel_without_the_newer_notices_gets_the_old_ones() {
    let forced = Setup { notices: Notices::FallbacksOnly, ..Setup::default() };
    let (mut kernel, _memory, _) = changed(forced);
    kernel.node("file");
    let notice = kernel.receive();
    assert_eq!((notice.unique, notice.error, notice.body.len()), (0, INVAL_INODE, 24));
    assert_eq!((notice.u64_at(0), notice.u64_at(8), notice.u64_at(16)), (1, 0, 0));
    assert!(!kernel.has_message(&A_MOMENT));

    // Linux 5.15 would take an expiry for a full invalidation: it is not even tried.
    let old = Setup { minor: 34, flags: 0xffff_ffff & !(1 << 30), ..Setup::default() };
    let (mut kernel, _memory, _) = changed(old);
    kernel.node("file");
    let notices = [kernel.receive().error, kernel.receive().error];
    assert_eq!(notices, [PRUNE, INVAL_INODE]);
    assert!(!kernel.has_message(&A_MOMENT));
}

#[test]
fn a_changed_listing_is_invalidated_and_again_after_its_old_readers() {
    let memory = Memory::new();
    memory.file("one", "1");
    let (mut kernel, _) = Setup::default().begin(Arc::clone(&memory));
    let old = kernel.ask(Opcode::Opendir, 1, &[0; 8]).u64_at(0);
    memory.file("two", "2");
    kernel.clock.time.advance(Duration::from_secs(90));
    // Stale: this opening serves the old listing and refreshes it behind.
    let stale = kernel.ask(Opcode::Opendir, 1, &[0; 8]);
    assert_eq!(stale.u32_at(8), 0, "neither kept nor cached");
    let notice = kernel.receive();
    assert_eq!((notice.error, notice.u64_at(0), notice.u64_at(8)), (INVAL_INODE, 1, 0));
    // The old reader comes to its end.
    let all = kernel.ask(Opcode::Readdir, 1, &range(old, 0, 4096));
    let last = all.u64_at(all.body.len() - 32 + 8);
    let end = kernel.request(Opcode::Readdir, 1, &range(old, last, 4096));
    let answers = [kernel.receive(), kernel.receive()];
    assert!(answers.iter().any(|answer| answer.unique == end && answer.body.is_empty()));
    assert!(answers.iter().any(|answer| answer.unique == 0 && answer.error == INVAL_INODE));
}
