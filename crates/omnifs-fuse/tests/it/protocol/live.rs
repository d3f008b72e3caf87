//! Files that grow while they are open.

use std::sync::Arc;
use std::time::Duration;

use omnifs_fuse::Opcode;
use omnifs_vfs::Details;
use rustix::event::Timespec;
use vfs_testing::Memory;

use crate::kernel::{Kernel, Setup, range};

const KEEP_CACHE: u32 = 0b10;
const DIRECT_IO: u32 = 0b01;
const INVAL_INODE: i32 = 2;
const ESTALE: i32 = -116;
const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What the source says of `log`.
fn details() -> Details {
    Details { live: true, ranges: true, size: Some(0), ..Details::default() }
}

/// A kernel that knows `log`, a live file of 5,000 bytes, and has asked for its size.
fn following() -> (Kernel, Arc<Memory>, u64) {
    let memory = Memory::new();
    memory.file("log", "").tell("log", details()).append("log", &[b'a'; 5_000]);
    let (mut kernel, _) = Setup { live: true, ..Setup::default() }.begin(Arc::clone(&memory));
    let log = kernel.node("log");
    assert_eq!(size(&mut kernel, log), 5_000);
    (kernel, memory, log)
}

/// Asks for a size, when the last answer is no longer good.
fn size(kernel: &mut Kernel, node: u64) -> u64 {
    kernel.clock.time.advance(Duration::from_millis(60));
    let attributes = kernel.ask(Opcode::Getattr, node, &[0; 16]);
    assert_eq!((attributes.error, attributes.u64_at(0)), (0, 0), "it is valid for no time");
    attributes.u64_at(24)
}

/// Returns the arguments of a READ past the page cache.
fn past(offset: u64, size: u32) -> Vec<u8> {
    let mut body = range(0, offset, size);
    body[20] = 0b10;
    body
}

#[test]
fn live_files_are_opened_for_reading_past_the_cache_and_no_others() {
    let (mut kernel, memory, log) = following();
    memory.file("plain", "x");
    let plain = kernel.node("plain");
    let mut flags = |node| {
        let opened = kernel.ask(Opcode::Open, node, &[0; 8]);
        (opened.error, opened.body.len(), opened.u32_at(8))
    };
    assert_eq!(flags(log), (0, 16, DIRECT_IO));
    assert_eq!(flags(plain), (0, 16, KEEP_CACHE));
    assert_eq!(kernel.ask(Opcode::Release, plain, &[0; 24]).error, 0);
    // Where nothing more is to be had the kernel looks the name up again.
    memory.file("log", "").tell("log", details());
    assert_eq!(size(&mut kernel, log), 5_000);
    assert_eq!(kernel.ask(Opcode::Open, log, &[0; 8]).error, ESTALE);
}

#[test]
fn what_is_read_past_the_cache_holds_no_size_back() {
    let (mut kernel, memory, log) = following();
    assert_eq!(kernel.ask(Opcode::Read, log, &past(4_096, 8_192)).body.len(), 904);
    memory.append("log", &[b'b'; 100]);
    assert_eq!(size(&mut kernel, log), 5_100);
    assert_eq!(kernel.ask(Opcode::Read, log, &past(5_000, 8_192)).body, [b'b'; 100]);
    assert_eq!(kernel.ask(Opcode::Read, log, &past(5_100, 8_192)).body, b"");
    assert!(!kernel.session().statistics().notices.contains_key("INVAL_INODE"));
}

/// > A map of a live file, and a copy by way of the page cache, shows no NUL byte behind the end that
/// > it had: its last page is read again before a larger size is told.
#[test]
fn a_larger_size_is_told_when_the_last_page_is_gone() {
    let (mut kernel, memory, log) = following();
    assert_eq!(kernel.ask(Opcode::Read, log, &range(0, 0, 8_192)).body.len(), 5_000);
    memory.append("log", &[b'b'; 100]);
    assert_eq!(size(&mut kernel, log), 5_000, "the kernel's page has zeros behind its bytes");
    let more = kernel.ask(Opcode::Read, log, &past(4_990, 8_192));
    assert_eq!(more.body.len(), 10, "a read has no more than the size that is told");
    let notice = kernel.receive();
    assert_eq!((notice.unique, notice.error), (0, INVAL_INODE));
    assert_eq!((notice.u64_at(0), notice.u64_at(8), notice.u64_at(16)), (log, 4_096, 0));
    let told = || size(&mut kernel, log) == 5_100;
    assert!(crate::mounted::soon(told));
    // A READ that had all it asked for leaves no zeros.
    assert_eq!(kernel.ask(Opcode::Read, log, &range(0, 0, 4_096)).body.len(), 4_096);
    memory.append("log", &[b'c'; 100]);
    assert!(crate::mounted::soon(|| size(&mut kernel, log) == 5_200));
    assert!(!kernel.has_message(&NO_TIME), "and needs no notice");
}
