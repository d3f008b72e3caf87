//! Answers that need no tree, and the lengths of those that do.

use omnifs_fuse::Opcode;
use vfs_testing::Memory;

use crate::kernel::{Kernel, range};

const ENOSYS: i32 = -38;
const EROFS: i32 = -30;

fn getxattr(name: &str) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend(name.as_bytes());
    body.push(0);
    body
}

#[test]
fn whatever_would_change_something_is_refused_as_read_only() {
    let mut kernel = Kernel::begin(Memory::new());
    for opcode in [
        Opcode::Setattr,
        Opcode::Symlink,
        Opcode::Mknod,
        Opcode::Mkdir,
        Opcode::Unlink,
        Opcode::Rmdir,
        Opcode::Rename,
        Opcode::Rename2,
        Opcode::Link,
        Opcode::Write,
        Opcode::Setxattr,
        Opcode::Removexattr,
        Opcode::Create,
        Opcode::Tmpfile,
        Opcode::Fallocate,
        Opcode::CopyFileRange,
    ] {
        assert_eq!(kernel.ask(opcode, 1, &[0; 64]).error, EROFS, "{opcode:?}");
    }
}

#[test]
fn what_the_kernel_can_do_alone_is_left_to_it() {
    let mut kernel = Kernel::begin(Memory::new());
    for opcode in [Opcode::Open, Opcode::Access, Opcode::Flush, Opcode::Statx, Opcode::Lseek] {
        assert_eq!(kernel.ask(opcode, 1, &[0; 64]).error, ENOSYS, "{opcode:?}");
    }
    assert_eq!(kernel.ask(Opcode::Ioctl, 1, &[0; 32]).error, -25, "ENOTTY");
    assert_eq!(kernel.ask(Opcode::Init, 0, &[0; 64]).error, -5, "a second INIT");
}

#[test]
fn there_are_no_extended_attributes_and_nobody_copies_any() {
    let mut kernel = Kernel::begin(Memory::new());
    for name in ["security.selinux", "system.posix_acl_access", "trusted.x", "userx"] {
        assert_eq!(kernel.ask(Opcode::Getxattr, 1, &getxattr(name)).error, -95, "{name}");
    }
    assert_eq!(kernel.ask(Opcode::Getxattr, 1, &getxattr("user.omnifs.error")).error, -61);
    let length = kernel.ask(Opcode::Listxattr, 1, &[0; 8]);
    assert_eq!((length.error, length.body.as_slice()), (0, &[0; 8][..]));
    let list = kernel.ask(Opcode::Listxattr, 1, &[16, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((list.error, list.body.len()), (0, 0));
}

#[test]
fn answers_have_the_lengths_that_the_kernel_expects() {
    let memory = Memory::new();
    memory.file("hello", "hello world").directory("dir");
    let mut kernel = Kernel::begin(memory);
    let found = kernel.ask(Opcode::Lookup, 1, b"hello\0");
    assert_eq!((found.error, found.body.len()), (0, 128));
    let node = found.u64_at(0);
    assert!(node >= 2);
    assert_eq!((found.u64_at(8), found.u64_at(24)), (0, 0), "generation, attributes valid");
    let attributes = kernel.ask(Opcode::Getattr, node, &[0; 16]);
    assert_eq!((attributes.error, attributes.body.len()), (0, 104));
    assert_eq!((attributes.u64_at(24), attributes.u32_at(76)), (11, 0o100_444), "size, mode");
    let read = kernel.ask(Opcode::Read, node, &range(0, 6, 4096));
    assert_eq!((read.error, read.body.as_slice()), (0, &b"world"[..]));
    assert_eq!(kernel.ask(Opcode::Read, node, &range(0, 11, 4096)).body.len(), 0);
    let statfs = kernel.ask(Opcode::Statfs, 1, &[]);
    assert_eq!((statfs.body.len(), statfs.u64_at(8), statfs.u32_at(44)), (80, 0, 255));
    let opened = kernel.ask(Opcode::Opendir, 1, &[0; 8]);
    // CACHE_DIR, and the next time KEEP_CACHE as well.
    assert_eq!((opened.error, opened.body.len(), opened.u32_at(8)), (0, 16, 0b1000));
    assert_eq!(kernel.ask(Opcode::Opendir, 1, &[0; 8]).u32_at(8), 0b1010);
    let handle = opened.u64_at(0);
    let mut release = range(handle, 0, 0);
    release.truncate(24);
    assert_eq!(kernel.ask(Opcode::Releasedir, 1, &release).body.len(), 0);
}

#[test]
fn names_are_judged_by_the_rules_of_the_tree() {
    let mut kernel = Kernel::begin(Memory::new());
    let absent = kernel.ask(Opcode::Lookup, 1, b"absent\0");
    assert_eq!((absent.error, absent.body.len()), (0, 128));
    assert_eq!((absent.u64_at(0), absent.u64_at(16)), (0, 2), "node 0 for two seconds");
    let long = [b"x".repeat(256), vec![0]].concat();
    assert_eq!(kernel.ask(Opcode::Lookup, 1, &long).error, -36, "ENAMETOOLONG");
    for name in [&b"a\nb\0"[..], b"\xff\0"] {
        assert_eq!(kernel.ask(Opcode::Lookup, 1, name).error, -2, "ENOENT");
    }
    assert_eq!(kernel.ask(Opcode::Getattr, 99, &[0; 16]).error, -116, "ESTALE");
    assert_eq!(kernel.ask(Opcode::Read, 1, &range(0, 0, 1)).error, -21, "EISDIR");
}

#[test]
fn forgetting_frees_nodes_one_by_one_and_in_batches() {
    let memory = Memory::new();
    for name in ["a", "b", "c"] {
        memory.file(name, name.to_owned());
    }
    let mut kernel = Kernel::begin(memory);
    let nodes: Vec<u64> = ["a", "b", "c"].iter().map(|name| kernel.node(name)).collect();
    assert_eq!(kernel.ask(Opcode::Getattr, nodes[0], &[0; 16]).error, 0);
    assert_eq!(kernel.node("a"), nodes[0], "its size is known now");
    assert_eq!(kernel.tree.statistics().nodes, 4);
    kernel.request(Opcode::Forget, nodes[0], &1_u64.to_ne_bytes());
    let mut batch = vec![2, 0, 0, 0, 0, 0, 0, 0];
    for (node, count) in [(nodes[1], 1_u64), (nodes[0], 1)] {
        batch.extend(node.to_ne_bytes());
        batch.extend(count.to_ne_bytes());
    }
    kernel.request(Opcode::BatchForget, 0, &batch);
    // The next answer shows that both were handled; neither had one itself.
    kernel.ask(Opcode::Statfs, 1, &[]);
    assert_eq!(kernel.tree.statistics().nodes, 2);
}
