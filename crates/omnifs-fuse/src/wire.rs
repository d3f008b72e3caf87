//! The kernel's wire format, as `linux/fuse.h` defines it.
//!
//! Every structure has the kernel's field order and padding; `wire/tests.rs` compares the
//! sizes with the header that is installed. Fields that this session never looks at are
//! there for the layout. All numbers are in the machine's byte order.

mod opcode;
mod record;
#[cfg(test)]
mod tests;

pub use opcode::Opcode;
pub(crate) use record::{
    Attr, AttrOut, BatchForgetIn, Dirent, EntryOut, ForgetIn, ForgetOne, GetxattrIn, GetxattrOut,
    InHeader, InitIn, InitOut, InterruptIn, InvalEntryOut, InvalInodeOut, OpenOut, OutHeader,
    PruneOut, ReadIn, ReleaseIn, StatfsOut,
};

/// `FUSE_KERNEL_VERSION`: the only major version there has been since Linux 2.6.16.
pub(crate) const MAJOR: u32 = 7;
/// The newest minor version whose structures are known here (Linux 6.18).
pub(crate) const MINOR: u32 = 45;
/// The oldest minor version served: Linux 5.2. Everything this session sends exists there,
/// but for the notices that have a fallback.
pub(crate) const OLDEST_MINOR: u32 = 31;

/// Bits of the INIT flags. The upper 32 travel in `flags2`.
pub(crate) mod init_flag {
    /// Several READs of one file may be outstanding.
    pub(crate) const ASYNC_READ: u64 = 1 << 0;
    /// READDIRPLUS exists.
    pub(crate) const DO_READDIRPLUS: u64 = 1 << 13;
    /// The kernel chooses between READDIR and READDIRPLUS by how a listing is used.
    pub(crate) const READDIRPLUS_AUTO: u64 = 1 << 14;
    /// OPEN may be answered ENOSYS, after which it is never sent again.
    pub(crate) const NO_OPEN_SUPPORT: u64 = 1 << 17;
    /// LOOKUP and READDIR of one directory may be outstanding at the same time.
    pub(crate) const PARALLEL_DIROPS: u64 = 1 << 18;
    /// `max_pages` of the answer counts.
    pub(crate) const MAX_PAGES: u64 = 1 << 22;
    /// Targets of symbolic links are cached.
    pub(crate) const CACHE_SYMLINKS: u64 = 1 << 23;
    /// `flags2` exists.
    pub(crate) const INIT_EXT: u64 = 1 << 30;
    /// The flag of an entry invalidation that only expires the name is understood. An older
    /// kernel takes such a notice for a full invalidation, so nothing may be inferred from
    /// the lack of an error.
    pub(crate) const HAS_EXPIRE_ONLY: u64 = 1 << 35;
}

/// Bits of `open_flags` in the answer to OPEN and OPENDIR.
pub(crate) mod open_flag {
    /// Every read asks; nothing of the file is cached but what is mapped or spliced.
    pub(crate) const DIRECT_IO: u32 = 1 << 0;
    /// What is cached since an earlier opening stays.
    pub(crate) const KEEP_CACHE: u32 = 1 << 1;
    /// The listing may be cached.
    pub(crate) const CACHE_DIR: u32 = 1 << 3;
}

/// Codes of notices, in the `error` field of a message with `unique` 0.
pub(crate) mod notify {
    /// Forget cached attributes, or data, of a node.
    pub(crate) const INVAL_INODE: i32 = 2;
    /// Forget a name, or let it expire.
    pub(crate) const INVAL_ENTRY: i32 = 3;
    /// Drop the names of unused nodes (Linux 6.18).
    pub(crate) const PRUNE: i32 = 9;
}

/// `FUSE_EXPIRE_ONLY`, in the flags of an entry invalidation.
pub(crate) const EXPIRE_ONLY: u32 = 1;

/// Types of a directory entry, from `dirent.h`.
pub(crate) mod dirent_type {
    /// Not known.
    pub(crate) const UNKNOWN: u32 = 0;
    /// A directory.
    pub(crate) const DIRECTORY: u32 = 4;
    /// A regular file.
    pub(crate) const FILE: u32 = 8;
    /// A symbolic link.
    pub(crate) const LINK: u32 = 10;
}
