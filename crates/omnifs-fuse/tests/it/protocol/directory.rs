//! Listings, piece by piece.

use omnifs_fuse::Opcode;
use vfs_testing::Memory;

use crate::kernel::{Answer, Kernel, range};

struct Dirent {
    node: u64,
    offset: u64,
    kind: u32,
    name: String,
}

fn unpack(answer: &Answer, plus: bool) -> Vec<Dirent> {
    assert_eq!(answer.error, 0);
    let mut found = Vec::new();
    let mut at = 0;
    while at < answer.body.len() {
        let head = at + if plus { 128 } else { 0 };
        let length = answer.u32_at(head + 16) as usize;
        let name = &answer.body[head + 24..head + 24 + length];
        found.push(Dirent {
            node: if plus { answer.u64_at(at) } else { 0 },
            offset: answer.u64_at(head + 8),
            kind: answer.u32_at(head + 20),
            name: String::from_utf8(name.to_vec()).unwrap(),
        });
        at = head + (24 + length).next_multiple_of(8);
    }
    found
}

fn open(kernel: &mut Kernel) -> u64 {
    kernel.ask(Opcode::Opendir, 1, &[0; 8]).u64_at(0)
}

#[test]
fn a_listing_comes_whole_however_small_the_pieces() {
    let memory = Memory::new();
    let names: Vec<String> = (0..50).map(|n| format!("name-{n}")).collect();
    for name in &names {
        memory.file(name, "");
    }
    let mut kernel = Kernel::begin(memory);
    let handle = open(&mut kernel);
    for size in [40, 100, 4096] {
        let mut seen = Vec::new();
        let mut offset = 0;
        loop {
            let piece = kernel.ask(Opcode::Readdir, 1, &range(handle, offset, size));
            let entries = unpack(&piece, false);
            let Some(last) = entries.last() else { break };
            offset = last.offset;
            seen.extend(entries.into_iter().map(|entry| entry.name));
        }
        assert_eq!(seen[..2], [".", ".."]);
        assert_eq!(seen[2..], names);
    }
    let tiny = kernel.ask(Opcode::Readdir, 1, &range(handle, 0, 16));
    assert_eq!(tiny.error, -22, "an error, because an empty answer would be the end");
}

#[test]
fn full_entries_carry_what_is_known_and_count_as_lookups() {
    let memory = Memory::new();
    memory.file("read", "abc").file("unread", "defg").directory("dir");
    let mut kernel = Kernel::begin(memory);
    let node = kernel.node("read");
    kernel.ask(Opcode::Getattr, node, &[0; 16]);
    let handle = open(&mut kernel);
    let answer = kernel.ask(Opcode::Readdirplus, 1, &range(handle, 0, 4096));
    let entries = unpack(&answer, true);
    let shown: Vec<(&str, u32, bool)> =
        entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.node != 0)).collect();
    assert_eq!(
        shown,
        [
            (".", 4, false),
            ("..", 4, false),
            ("read", 8, true),
            ("unread", 8, false),
            ("dir", 4, true)
        ]
    );
    assert_eq!(entries[2].node, node);
    assert_eq!(kernel.tree.statistics().nodes, 3);
    // Two lookups of `read` were counted, one of `dir`.
    let dir = entries[4].node;
    kernel.request(Opcode::Forget, node, &1_u64.to_ne_bytes());
    kernel.request(Opcode::Forget, dir, &1_u64.to_ne_bytes());
    kernel.ask(Opcode::Statfs, 1, &[]);
    assert_eq!(kernel.tree.statistics().nodes, 2);
    kernel.request(Opcode::Forget, node, &1_u64.to_ne_bytes());
    kernel.ask(Opcode::Statfs, 1, &[]);
    assert_eq!(kernel.tree.statistics().nodes, 1);
}

#[test]
fn a_handle_that_is_closed_is_stale() {
    let mut kernel = Kernel::begin(Memory::new());
    let handle = open(&mut kernel);
    let mut release = range(handle, 0, 0);
    release.truncate(24);
    kernel.ask(Opcode::Releasedir, 1, &release);
    assert_eq!(kernel.ask(Opcode::Readdir, 1, &range(handle, 0, 4096)).error, -116);
    let file = Memory::new();
    file.file("f", "");
    let mut kernel = Kernel::begin(file);
    let node = kernel.node("f");
    assert_eq!(kernel.ask(Opcode::Opendir, node, &[0; 8]).error, -20, "ENOTDIR");
}

#[test]
fn an_entry_that_is_not_delivered_is_forgotten() {
    let memory = Memory::new();
    memory.file("read", "abc").directory("dir");
    let mut kernel = Kernel::begin(memory);
    let handle = open(&mut kernel);
    kernel.stop_reading();
    kernel.request(Opcode::Lookup, 1, b"read\0");
    kernel.request(Opcode::Readdirplus, 1, &range(handle, 0, 4096));
    kernel.hang_up();
    kernel.runtime.block_on(kernel.session().ended());
    assert_eq!(kernel.session().statistics().requests["READDIRPLUS"], 1);
    // The lookup may have been answered by a task.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while kernel.tree.statistics().nodes > 1 {
        assert!(std::time::Instant::now() < deadline, "nodes stay");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
