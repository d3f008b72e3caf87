//! Decoding: a message of the kernel, read into a type that cannot be wrong.
//!
//! [`decode`] is a plain function over bytes: it allocates nothing, blocks on nothing and
//! never panics, whatever the bytes are.

#[cfg(test)]
mod tests;

use zerocopy::FromBytes;

use crate::wire::{
    BatchForgetIn, ForgetIn, ForgetOne, GetxattrIn, InHeader, InitIn, InterruptIn, Opcode, ReadIn,
    ReleaseIn,
};

/// The most bytes that one READ or READDIR may ask for: the 1 MiB that INIT agrees on.
pub const MAX_READ: u32 = 1 << 20;

/// `FUSE_READ_LOCKOWNER`, in the flags of a READ.
const READ_LOCKOWNER: u32 = 1 << 1;

/// INIT of a kernel before 7.36 ends where `flags2` starts.
const SHORT_INIT: usize = 16;

/// Who asks what about which node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The kernel's number for this kind of request, known or not.
    pub opcode: u32,
    /// The number that the answer has to carry.
    pub unique: u64,
    /// The node it is about.
    pub node: u64,
    /// The thread that waits, in the mount's pid namespace; 0 when it has no number there.
    pub pid: u32,
}

/// A request with what it needs of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Starts the conversation.
    Init(Hello),
    /// Ends it.
    Destroy,
    /// Looks a name up.
    Lookup {
        /// The name's bytes, without NUL; not checked any further.
        name: &'a [u8],
    },
    /// Takes lookups of one node back; no answer.
    Forget {
        /// How many.
        count: u64,
    },
    /// Takes lookups of several nodes back; no answer.
    BatchForget(Forgets<'a>),
    /// Asks for attributes.
    Getattr,
    /// Asks where a symbolic link leads to.
    Readlink,
    /// Opens a file.
    Open,
    /// Reads from a file, into the page cache or past it.
    Read(Range, ReadInto),
    /// Opens a directory.
    Opendir,
    /// Lists names.
    Readdir(Range),
    /// Lists names with attributes.
    Readdirplus(Range),
    /// Closes a directory.
    Releasedir {
        /// What OPENDIR answered.
        handle: u64,
    },
    /// Asks about the file system as a whole.
    Statfs,
    /// Reads an extended attribute.
    Getxattr {
        /// Its name.
        name: &'a [u8],
        /// Bytes there is room for; 0 asks for the length.
        size: u32,
    },
    /// Lists extended attributes.
    Listxattr {
        /// Bytes there is room for; 0 asks for the length.
        size: u32,
    },
    /// A process got a signal while it waits for the request `unique`; no answer.
    Interrupt {
        /// The request.
        unique: u64,
    },
    /// A device command.
    Ioctl,
    /// Answers a notice of ours; no answer.
    NotifyReply,
    /// Closes a file.
    Release,
    /// Would change something.
    Modify(Opcode),
    /// Known, and not served.
    Unserved(Opcode),
}

/// What INIT says of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Protocol major version.
    pub major: u32,
    /// Protocol minor version.
    pub minor: u32,
    /// Bytes of read-ahead that the kernel would do.
    pub max_readahead: u32,
    /// Features it has, `flags2` in the upper half.
    pub flags: u64,
}

/// A piece of an open file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// What the opening answered; 0 when it was not asked.
    pub handle: u64,
    /// Where to start: a byte, or a directory cookie.
    pub offset: u64,
    /// Bytes there is room for, at most [`MAX_READ`].
    pub size: u32,
}

/// Where the bytes of a READ go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadInto {
    /// Into pages that the kernel keeps: of a map, of splice, of every file that is cached.
    Pages,
    /// To the program that asked and nowhere else. The kernel tells whose lock would count
    /// (`FUSE_READ_LOCKOWNER`), which it does for these alone.
    Program,
}

/// The pairs of a BATCH_FORGET, checked to be all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgets<'a>(&'a [u8]);

impl<'a> Forgets<'a> {
    /// Returns node and count of each.
    pub fn iter(self) -> impl Iterator<Item = (u64, u64)> + 'a {
        self.0
            .chunks_exact(size_of::<ForgetOne>())
            .filter_map(|bytes| ForgetOne::read_from_bytes(bytes).ok())
            .map(|one| (one.nodeid, one.nlookup))
    }
}

/// Why a message is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The header is not all there: nobody can be answered.
    #[error("message of {length} bytes is shorter than its header")]
    Header {
        /// The message's length in bytes.
        length: usize,
    },
    /// The operation is not known here: to be answered ENOSYS.
    #[error("unknown operation {}", .0.opcode)]
    Unknown(Header),
    /// The arguments are cut short, longer than said or out of bounds: to be answered EIO.
    #[error("arguments of operation {} are malformed", .0.opcode)]
    Arguments(Header),
}

/// Reads one message of the kernel.
///
/// # Errors
/// [`DecodeError`] says what is wrong, and with its header whom to answer.
pub fn decode(message: &[u8]) -> Result<(Header, Operation<'_>), DecodeError> {
    let Ok((raw, body)) = InHeader::read_from_prefix(message) else {
        return Err(DecodeError::Header { length: message.len() });
    };
    let header = Header { opcode: raw.opcode, unique: raw.unique, node: raw.nodeid, pid: raw.pid };
    if usize::try_from(raw.len) != Ok(message.len()) {
        return Err(DecodeError::Arguments(header));
    }
    let opcode = Opcode::from_number(raw.opcode).ok_or(DecodeError::Unknown(header))?;
    // Extensions follow the arguments, counted in units of eight bytes.
    let arguments = body
        .len()
        .checked_sub(usize::from(raw.total_extlen) * 8)
        .and_then(|end| body.get(..end))
        .ok_or(DecodeError::Arguments(header))?;
    match operation(opcode, arguments) {
        Some(operation) => Ok((header, operation)),
        None => Err(DecodeError::Arguments(header)),
    }
}

/// Reads the arguments of one operation, or `None` when they are malformed.
fn operation(opcode: Opcode, body: &[u8]) -> Option<Operation<'_>> {
    Some(match opcode {
        Opcode::Init => Operation::Init(hello(body)?),
        Opcode::Destroy => Operation::Destroy,
        Opcode::Lookup => Operation::Lookup { name: text(body)? },
        Opcode::Forget => Operation::Forget { count: prefix::<ForgetIn>(body)?.nlookup },
        Opcode::BatchForget => Operation::BatchForget(forgets(body)?),
        Opcode::Getattr => Operation::Getattr,
        Opcode::Readlink => Operation::Readlink,
        Opcode::Open => Operation::Open,
        Opcode::Release => Operation::Release,
        Opcode::Read => Operation::Read(range(body)?, destination(body)?),
        Opcode::Opendir => Operation::Opendir,
        Opcode::Readdir => Operation::Readdir(range(body)?),
        Opcode::Readdirplus => Operation::Readdirplus(range(body)?),
        Opcode::Releasedir => Operation::Releasedir { handle: prefix::<ReleaseIn>(body)?.fh },
        Opcode::Statfs => Operation::Statfs,
        Opcode::Getxattr => {
            let size = prefix::<GetxattrIn>(body)?.size;
            Operation::Getxattr { name: text(body.get(size_of::<GetxattrIn>()..)?)?, size }
        }
        Opcode::Listxattr => Operation::Listxattr { size: prefix::<GetxattrIn>(body)?.size },
        Opcode::Interrupt => Operation::Interrupt { unique: prefix::<InterruptIn>(body)?.unique },
        Opcode::Ioctl => Operation::Ioctl,
        Opcode::NotifyReply => Operation::NotifyReply,
        Opcode::Setattr
        | Opcode::Symlink
        | Opcode::Mknod
        | Opcode::Mkdir
        | Opcode::Unlink
        | Opcode::Rmdir
        | Opcode::Rename
        | Opcode::Rename2
        | Opcode::Link
        | Opcode::Write
        | Opcode::Setxattr
        | Opcode::Removexattr
        | Opcode::Create
        | Opcode::Tmpfile
        | Opcode::Fallocate
        | Opcode::CopyFileRange
        | Opcode::CopyFileRange64 => Operation::Modify(opcode),
        Opcode::Fsync
        | Opcode::Fsyncdir
        | Opcode::Flush
        | Opcode::Getlk
        | Opcode::Setlk
        | Opcode::Setlkw
        | Opcode::Access
        | Opcode::Bmap
        | Opcode::Poll
        | Opcode::Lseek
        | Opcode::Setupmapping
        | Opcode::Removemapping
        | Opcode::Syncfs
        | Opcode::Statx => Operation::Unserved(opcode),
    })
}

/// Reads a structure from the start of the arguments.
fn prefix<T: FromBytes>(body: &[u8]) -> Option<T> {
    T::read_from_prefix(body).ok().map(|(record, _)| record)
}

/// Reads a text that NUL ends, which has to be the last byte.
fn text(body: &[u8]) -> Option<&[u8]> {
    let (last, text) = body.split_last()?;
    (*last == 0 && !text.contains(&0)).then_some(text)
}

fn range(body: &[u8]) -> Option<Range> {
    let read = prefix::<ReadIn>(body)?;
    (read.size <= MAX_READ).then_some(Range {
        handle: read.fh,
        offset: read.offset,
        size: read.size,
    })
}

fn destination(body: &[u8]) -> Option<ReadInto> {
    let owned = prefix::<ReadIn>(body)?.read_flags & READ_LOCKOWNER != 0;
    Some(if owned { ReadInto::Program } else { ReadInto::Pages })
}

fn forgets(body: &[u8]) -> Option<Forgets<'_>> {
    let (head, pairs) = BatchForgetIn::read_from_prefix(body).ok()?;
    let length = usize::try_from(head.count).ok()?.checked_mul(size_of::<ForgetOne>())?;
    pairs.get(..length).map(Forgets)
}

fn hello(body: &[u8]) -> Option<Hello> {
    let init = if let Some(init) = prefix::<InitIn>(body) {
        init
    } else {
        // An older and shorter message: what is missing is zero.
        let known = body.get(..SHORT_INIT)?;
        let mut bytes = [0; size_of::<InitIn>()];
        bytes.get_mut(..SHORT_INIT)?.copy_from_slice(known);
        InitIn::read_from_bytes(&bytes).ok()?
    };
    let flags = u64::from(init.flags) | (u64::from(init.flags2) << 32);
    Some(Hello { major: init.major, minor: init.minor, max_readahead: init.max_readahead, flags })
}
