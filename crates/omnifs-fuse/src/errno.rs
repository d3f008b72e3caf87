//! Which errno a failure shows: one exhaustive match, no wildcard.

use omnifs_vfs::VfsError;
use rustix::io::Errno;

/// Returns the errno that a program sees for `error`, by the table of `docs/semantics.md`.
pub(crate) fn errno(error: &VfsError) -> Errno {
    match error {
        VfsError::NotFound => Errno::NOENT,
        VfsError::NameTooLong => Errno::NAMETOOLONG,
        VfsError::NotADirectory => Errno::NOTDIR,
        VfsError::IsADirectory => Errno::ISDIR,
        VfsError::TimedOut(_) => Errno::TIMEDOUT,
        // Not EAGAIN: on a blocking descriptor readers take that for "no data" and truncate.
        VfsError::Busy(_) => Errno::BUSY,
        VfsError::Denied(_) => Errno::ACCESS,
        VfsError::Unreachable(_) => Errno::HOSTUNREACH,
        VfsError::Refused(_) => Errno::CONNREFUSED,
        VfsError::Reset(_) => Errno::CONNRESET,
        VfsError::Protocol(_) => Errno::PROTO,
        VfsError::Upstream(_)
        | VfsError::Trap(_)
        | VfsError::Contract(_)
        | VfsError::Internal(_) => Errno::IO,
        VfsError::TooLarge(_) | VfsError::FileTooLarge { .. } => Errno::FBIG,
        VfsError::ListingTooLarge { .. } => Errno::OVERFLOW,
        VfsError::TooDeep => Errno::LOOP,
        VfsError::Stale(_) => Errno::STALE,
    }
}

/// Returns the name of the errno that a program gets for an error, as errno(3) has it.
pub fn errno_name(error: &VfsError) -> &'static str {
    name(errno(error))
}

/// Returns the name of an errno that requests are answered with.
pub(crate) fn name(errno: Errno) -> &'static str {
    match errno {
        Errno::NOENT => "ENOENT",
        Errno::NAMETOOLONG => "ENAMETOOLONG",
        Errno::NOTDIR => "ENOTDIR",
        Errno::ISDIR => "EISDIR",
        Errno::TIMEDOUT => "ETIMEDOUT",
        Errno::BUSY => "EBUSY",
        Errno::ACCESS => "EACCES",
        Errno::HOSTUNREACH => "EHOSTUNREACH",
        Errno::CONNREFUSED => "ECONNREFUSED",
        Errno::CONNRESET => "ECONNRESET",
        Errno::PROTO => "EPROTO",
        Errno::FBIG => "EFBIG",
        Errno::OVERFLOW => "EOVERFLOW",
        Errno::LOOP => "ELOOP",
        Errno::STALE => "ESTALE",
        Errno::ROFS => "EROFS",
        Errno::INTR => "EINTR",
        Errno::NOTCONN => "ENOTCONN",
        Errno::INVAL => "EINVAL",
        Errno::NOSYS => "ENOSYS",
        Errno::NOTTY => "ENOTTY",
        Errno::NODATA => "ENODATA",
        Errno::OPNOTSUPP => "EOPNOTSUPP",
        Errno::RANGE => "ERANGE",
        Errno::TOOBIG => "E2BIG",
        _ => "EIO",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! rows {
        ($($test:ident: $error:expr => $errno:ident;)*) => {$(
            #[test]
            fn $test() {
                assert_eq!(errno(&$error), Errno::$errno);
            }
        )*};
    }

    rows! {
        a_missing_name_is_enoent: VfsError::NotFound => NOENT;
        a_long_name_is_enametoolong: VfsError::NameTooLong => NAMETOOLONG;
        a_file_used_as_directory_is_enotdir: VfsError::NotADirectory => NOTDIR;
        a_directory_used_as_file_is_eisdir: VfsError::IsADirectory => ISDIR;
        a_deadline_is_etimedout: VfsError::TimedOut("x".into()) => TIMEDOUT;
        a_full_queue_is_ebusy: VfsError::Busy("x".into()) => BUSY;
        what_is_not_granted_is_eacces: VfsError::Denied("x".into()) => ACCESS;
        no_way_to_the_upstream_is_ehostunreach: VfsError::Unreachable("x".into()) => HOSTUNREACH;
        nobody_listening_is_econnrefused: VfsError::Refused("x".into()) => CONNREFUSED;
        a_broken_connection_is_econnreset: VfsError::Reset("x".into()) => CONNRESET;
        bad_tls_or_http_is_eproto: VfsError::Protocol("x".into()) => PROTO;
        a_failing_upstream_is_eio: VfsError::Upstream("x".into()) => IO;
        an_answer_over_its_limit_is_efbig: VfsError::TooLarge("x".into()) => FBIG;
        a_trap_is_eio: VfsError::Trap("x".into()) => IO;
        a_contract_violation_is_eio: VfsError::Contract("x".into()) => IO;
        a_failure_of_the_host_is_eio: VfsError::Internal("x".into()) => IO;
        a_file_over_its_limit_is_efbig: VfsError::FileTooLarge { size: 2, limit: 1 } => FBIG;
        a_listing_over_its_limit_is_eoverflow:
            VfsError::ListingTooLarge { names: 2, limit: 1 } => OVERFLOW;
        a_cycle_is_eloop: VfsError::TooDeep => LOOP;
        a_node_that_is_gone_is_estale: VfsError::Stale("x".into()) => STALE;
    }
}
