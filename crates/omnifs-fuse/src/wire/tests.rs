use std::fmt::Write as _;
use std::process::Command;

use super::*;

/// What Linux 6.18's header says, for the structures that older headers lack or that have a
/// tail here.
const SIZES: &[(&str, usize)] = &[
    ("struct fuse_in_header", size_of::<InHeader>()),
    ("struct fuse_out_header", size_of::<OutHeader>()),
    ("struct fuse_init_in", size_of::<InitIn>()),
    ("struct fuse_init_out", size_of::<InitOut>()),
    ("struct fuse_attr", size_of::<Attr>()),
    ("struct fuse_entry_out", size_of::<EntryOut>()),
    ("struct fuse_attr_out", size_of::<AttrOut>()),
    ("struct fuse_forget_in", size_of::<ForgetIn>()),
    ("struct fuse_batch_forget_in", size_of::<BatchForgetIn>()),
    ("struct fuse_forget_one", size_of::<ForgetOne>()),
    ("struct fuse_open_out", size_of::<OpenOut>()),
    ("struct fuse_read_in", size_of::<ReadIn>()),
    ("struct fuse_release_in", size_of::<ReleaseIn>()),
    ("struct fuse_statfs_out", size_of::<StatfsOut>()),
    ("struct fuse_getxattr_in", size_of::<GetxattrIn>()),
    ("struct fuse_getxattr_out", size_of::<GetxattrOut>()),
    ("struct fuse_interrupt_in", size_of::<InterruptIn>()),
    ("struct fuse_dirent", size_of::<Dirent>()),
    ("struct fuse_direntplus", size_of::<EntryOut>() + size_of::<Dirent>()),
    ("struct fuse_notify_inval_inode_out", size_of::<InvalInodeOut>()),
    ("struct fuse_notify_inval_entry_out", size_of::<InvalEntryOut>()),
];

/// The header's constants that this session sends, with our value.
const CONSTANTS: &[(&str, u64)] = &[
    ("FUSE_ASYNC_READ", init_flag::ASYNC_READ),
    ("FUSE_DO_READDIRPLUS", init_flag::DO_READDIRPLUS),
    ("FUSE_READDIRPLUS_AUTO", init_flag::READDIRPLUS_AUTO),
    ("FUSE_NO_OPEN_SUPPORT", init_flag::NO_OPEN_SUPPORT),
    ("FUSE_PARALLEL_DIROPS", init_flag::PARALLEL_DIROPS),
    ("FUSE_MAX_PAGES", init_flag::MAX_PAGES),
    ("FUSE_CACHE_SYMLINKS", init_flag::CACHE_SYMLINKS),
    ("FUSE_INIT_EXT", init_flag::INIT_EXT),
    ("FUSE_HAS_EXPIRE_ONLY", init_flag::HAS_EXPIRE_ONLY),
    ("FOPEN_KEEP_CACHE", open_flag::KEEP_CACHE as u64),
    ("FOPEN_CACHE_DIR", open_flag::CACHE_DIR as u64),
    ("FUSE_EXPIRE_ONLY", EXPIRE_ONLY as u64),
    ("FUSE_NOTIFY_INVAL_INODE", notify::INVAL_INODE as u64),
    ("FUSE_NOTIFY_INVAL_ENTRY", notify::INVAL_ENTRY as u64),
    ("DT_UNKNOWN", dirent_type::UNKNOWN as u64),
    ("DT_DIR", dirent_type::DIRECTORY as u64),
    ("DT_REG", dirent_type::FILE as u64),
    ("FUSE_ROOT_ID", 1),
    ("FUSE_KERNEL_VERSION", MAJOR as u64),
];

/// The opcodes that came after the oldest header in use (7.38).
const NEW_OPCODES: &[Opcode] = &[Opcode::Statx, Opcode::CopyFileRange64];

#[test]
fn agrees_with_the_kernels_header() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = String::from(
        "#include <stdio.h>\n#include <dirent.h>\n#include <linux/fuse.h>\nint main(void) {\n",
    );
    let mut expected = String::new();
    for (name, size) in SIZES {
        writeln!(program, "printf(\"{name} %zu\\n\", sizeof({name}));").unwrap();
        writeln!(expected, "{name} {size}").unwrap();
    }
    for (name, value) in CONSTANTS {
        writeln!(program, "printf(\"{name} %llu\\n\", (unsigned long long){name});").unwrap();
        writeln!(expected, "{name} {value}").unwrap();
    }
    for opcode in Opcode::ALL.iter().filter(|opcode| !NEW_OPCODES.contains(opcode)) {
        let name = opcode.name();
        writeln!(program, "printf(\"FUSE_{name} %d\\n\", FUSE_{name});").unwrap();
        writeln!(expected, "FUSE_{name} {}", opcode.number()).unwrap();
    }
    // Only where the installed header has it.
    program.push_str("#if FUSE_KERNEL_MINOR_VERSION >= 45\n");
    program.push_str("if (sizeof(struct fuse_notify_prune_out) != 16) return 1;\n");
    program.push_str("if (FUSE_NOTIFY_PRUNE != 9) return 1;\n#endif\nreturn 0; }\n");

    let source = dir.path().join("sizes.c");
    let binary = dir.path().join("sizes");
    std::fs::write(&source, &program).unwrap();
    let compiled = Command::new("cc").arg("-o").arg(&binary).arg(&source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let printed = Command::new(&binary).output().unwrap();
    assert!(printed.status.success());
    assert_eq!(String::from_utf8_lossy(&printed.stdout), expected);
}

#[test]
fn has_the_sizes_of_linux_6_18() {
    // In the order of SIZES; for machines without the header's newest structures.
    let sizes: Vec<usize> = SIZES.iter().map(|(_, size)| *size).collect();
    assert_eq!(
        sizes,
        [40, 16, 64, 64, 88, 128, 104, 8, 8, 16, 16, 40, 24, 80, 8, 8, 8, 24, 152, 24, 16]
    );
    assert_eq!(size_of::<PruneOut>(), 16);
}

#[test]
fn finds_every_opcode_by_its_number() {
    for opcode in Opcode::ALL {
        assert_eq!(Opcode::from_number(opcode.number()), Some(*opcode));
    }
    for unknown in [0, 7, 19, 54, 4096, u32::MAX] {
        assert_eq!(Opcode::from_number(unknown), None);
    }
}
