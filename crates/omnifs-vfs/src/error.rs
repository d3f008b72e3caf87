//! What can go wrong below a mount: one closed enum, from the provider's call to the errno.

/// A failure of a tree operation.
///
/// Each variant is one row of the errno table of `docs/semantics.md`; `omnifs-fuse` maps it to
/// the number in one exhaustive match. Texts hold the reason for the log, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VfsError {
    /// The name does not exist, as the provider said or by the rules for names.
    #[error("not found")]
    NotFound,
    /// A name over 255 bytes.
    #[error("name is longer than 255 bytes")]
    NameTooLong,
    /// A directory operation on a file.
    #[error("not a directory")]
    NotADirectory,
    /// A file operation on a directory.
    #[error("is a directory")]
    IsADirectory,
    /// The provider did not answer in the time it has, or used up its CPU budget.
    #[error("timed out: {0}")]
    TimedOut(String),
    /// The provider's queue of waiting calls is full.
    #[error("busy: {0}")]
    Busy(String),
    /// Not granted, or not permitted by the upstream; the text names what would allow it.
    #[error("denied: {0}")]
    Denied(String),
    /// The upstream has no address, or there is no way to it.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// Nobody listens at the upstream's address.
    #[error("refused: {0}")]
    Refused(String),
    /// The upstream broke the connection.
    #[error("reset: {0}")]
    Reset(String),
    /// The upstream does not speak as it should: TLS or HTTP.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The upstream failed, or gave less than it said.
    #[error("upstream failed: {0}")]
    Upstream(String),
    /// What the upstream sent is over a limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The provider trapped, or ran out of the memory it may have.
    #[error("provider trapped: {0}")]
    Trap(String),
    /// The provider's answer breaks the contract; the text names the value.
    #[error("contract violation: {0}")]
    Contract(String),
    /// A file is longer than `limits.file`.
    #[error("file of {size} bytes is over the limit of {limit}")]
    FileTooLarge {
        /// The file's size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A directory has more names than `limits.names`.
    #[error("listing of {names} names is over the limit of {limit}")]
    ListingTooLarge {
        /// How many names the provider gave.
        names: u64,
        /// The limit.
        limit: u64,
    },
    /// The path is deeper than a tree may be; every cycle gets there.
    #[error("path is deeper than 128 directories")]
    TooDeep,
    /// The bytes or the directory behind a node id are gone for good.
    #[error("stale: {0}")]
    Stale(String),
    /// The host itself failed (a panic, a task that vanished); never the provider's doing.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl VfsError {
    /// Returns whether there is no answer; the others are one.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::TimedOut(_)
            | Self::Busy(_)
            | Self::Denied(_)
            | Self::Unreachable(_)
            | Self::Refused(_)
            | Self::Reset(_)
            | Self::Protocol(_)
            | Self::Upstream(_)
            | Self::TooLarge(_)
            | Self::Trap(_)
            | Self::Contract(_)
            | Self::Internal(_) => true,
            Self::NotFound
            | Self::NameTooLong
            | Self::NotADirectory
            | Self::IsADirectory
            | Self::FileTooLarge { .. }
            | Self::ListingTooLarge { .. }
            | Self::TooDeep
            | Self::Stale(_) => false,
        }
    }
}
