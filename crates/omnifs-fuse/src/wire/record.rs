//! The structures, one for one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Declares structures that are read from and written to the kernel byte for byte.
macro_rules! record {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub(crate) struct $name { $(pub(crate) $field: $type,)* }
    )*};
}

record! {
    /// `struct fuse_in_header`
    InHeader {
        len: u32, opcode: u32, unique: u64, nodeid: u64, uid: u32, gid: u32, pid: u32,
        total_extlen: u16, padding: u16,
    }
    /// `struct fuse_out_header`
    OutHeader { len: u32, error: i32, unique: u64 }
    /// `struct fuse_init_in`
    InitIn {
        major: u32, minor: u32, max_readahead: u32, flags: u32, flags2: u32, unused: [u32; 11],
    }
    /// `struct fuse_init_out`
    InitOut {
        major: u32, minor: u32, max_readahead: u32, flags: u32, max_background: u16,
        congestion_threshold: u16, max_write: u32, time_gran: u32, max_pages: u16,
        map_alignment: u16, flags2: u32, unused: [u32; 7],
    }
    /// `struct fuse_attr`
    Attr {
        ino: u64, size: u64, blocks: u64, atime: u64, mtime: u64, ctime: u64, atimensec: u32,
        mtimensec: u32, ctimensec: u32, mode: u32, nlink: u32, uid: u32, gid: u32, rdev: u32,
        blksize: u32, flags: u32,
    }
    /// `struct fuse_entry_out`
    EntryOut {
        nodeid: u64, generation: u64, entry_valid: u64, attr_valid: u64, entry_valid_nsec: u32,
        attr_valid_nsec: u32, attr: Attr,
    }
    /// `struct fuse_attr_out`
    AttrOut { attr_valid: u64, attr_valid_nsec: u32, dummy: u32, attr: Attr }
    /// `struct fuse_forget_in`
    ForgetIn { nlookup: u64 }
    /// `struct fuse_batch_forget_in`
    BatchForgetIn { count: u32, dummy: u32 }
    /// `struct fuse_forget_one`
    ForgetOne { nodeid: u64, nlookup: u64 }
    /// `struct fuse_open_out`
    OpenOut { fh: u64, open_flags: u32, padding: u32 }
    /// `struct fuse_read_in`
    ReadIn {
        fh: u64, offset: u64, size: u32, read_flags: u32, lock_owner: u64, flags: u32,
        padding: u32,
    }
    /// `struct fuse_release_in`
    ReleaseIn { fh: u64, flags: u32, release_flags: u32, lock_owner: u64 }
    /// `struct fuse_statfs_out`
    StatfsOut {
        blocks: u64, bfree: u64, bavail: u64, files: u64, ffree: u64, bsize: u32, namelen: u32,
        frsize: u32, padding: u32, spare: [u32; 6],
    }
    /// `struct fuse_getxattr_in`
    GetxattrIn { size: u32, padding: u32 }
    /// `struct fuse_getxattr_out`
    GetxattrOut { size: u32, padding: u32 }
    /// `struct fuse_interrupt_in`
    InterruptIn { unique: u64 }
    /// `struct fuse_dirent` without its name
    Dirent { ino: u64, off: u64, namelen: u32, kind: u32 }
    /// `struct fuse_notify_inval_inode_out`
    InvalInodeOut { ino: u64, off: i64, len: i64 }
    /// `struct fuse_notify_inval_entry_out` without its name
    InvalEntryOut { parent: u64, namelen: u32, flags: u32 }
    /// `struct fuse_notify_prune_out` without its node ids (Linux 6.18)
    PruneOut { count: u32, padding: u32, spare: u64 }
}
