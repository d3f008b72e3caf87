//! INIT: what this session and the kernel agree on.

use crate::request::{Hello, MAX_READ};
use crate::wire::{InitOut, MAJOR, MINOR, OLDEST_MINOR, init_flag};

/// Multi-page reads are background requests: with the kernel's default of 12, 64 parallel
/// reads of one slow file take five times as long.
const MAX_BACKGROUND: u16 = 256;
/// Three quarters of it, as the kernel's own default has.
const CONGESTION_THRESHOLD: u16 = 192;
/// Nothing is ever written, so the least that the kernel takes.
const MAX_WRITE: u32 = 4096;

/// The features that are used where the kernel has them. Neither `AUTO_INVAL_DATA` nor
/// `EXPLICIT_INVAL_DATA`: the bytes behind a node id do not change.
const WANTED: u64 = init_flag::ASYNC_READ
    | init_flag::DO_READDIRPLUS
    | init_flag::READDIRPLUS_AUTO
    | init_flag::NO_OPEN_SUPPORT
    | init_flag::PARALLEL_DIROPS
    | init_flag::MAX_PAGES
    | init_flag::CACHE_SYMLINKS
    | init_flag::INIT_EXT
    | init_flag::HAS_EXPIRE_ONLY;

/// What the session has to know of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The kernel's minor version.
    pub(crate) minor: u32,
    /// Whether an entry can be expired without being thrown away.
    pub(crate) expire_only: bool,
}

/// What to answer to INIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Negotiation {
    /// The conversation can begin.
    Agreed(InitOut, Agreed),
    /// The kernel speaks a newer major version; told ours, it sends another INIT.
    Again(InitOut),
    /// The kernel is too old.
    TooOld {
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
}

/// Decides the answer to `hello`, on a machine whose pages have `page_size` bytes.
pub(crate) fn negotiate(hello: &Hello, page_size: usize) -> Negotiation {
    let mut out = InitOut { major: MAJOR, minor: MINOR, ..InitOut::default() };
    if hello.major > MAJOR {
        return Negotiation::Again(out);
    }
    if hello.major < MAJOR || hello.minor < OLDEST_MINOR {
        return Negotiation::TooOld { major: hello.major, minor: hello.minor };
    }
    let [low, high] = halves(WANTED & hello.flags);
    out.flags = low;
    out.flags2 = high;
    // Clamped by the kernel to what it offers; the device's read_ahead_kb lifts that.
    out.max_readahead = MAX_READ;
    out.max_background = MAX_BACKGROUND;
    out.congestion_threshold = CONGESTION_THRESHOLD;
    out.max_write = MAX_WRITE;
    out.time_gran = 1;
    let pages = usize::try_from(MAX_READ).unwrap_or(0) / page_size.max(1);
    out.max_pages = u16::try_from(pages).unwrap_or(u16::MAX).max(1);
    let expire_only = hello.flags & init_flag::HAS_EXPIRE_ONLY != 0;
    Negotiation::Agreed(out, Agreed { minor: hello.minor.min(MINOR), expire_only })
}

/// Returns the lower and the upper half of the flags.
fn halves(flags: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = flags.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(major: u32, minor: u32, flags: u64) -> Hello {
        Hello { major, minor, max_readahead: 131_072, flags }
    }

    #[test]
    fn takes_what_is_wanted_of_what_is_offered() {
        let Negotiation::Agreed(out, agreed) = negotiate(&hello(7, 45, u64::MAX), 4096) else {
            panic!("not agreed")
        };
        assert_eq!(u64::from(out.flags) | (u64::from(out.flags2) << 32), WANTED);
        assert_eq!((out.major, out.minor, out.max_pages), (7, 45, 256));
        assert_eq!((out.max_background, out.congestion_threshold), (256, 192));
        assert!(agreed.expire_only);
    }

    #[test]
    fn leaves_out_what_an_older_kernel_lacks() {
        let offered = init_flag::ASYNC_READ | init_flag::MAX_PAGES;
        let Negotiation::Agreed(out, agreed) = negotiate(&hello(7, 34, offered), 65536) else {
            panic!("not agreed")
        };
        assert_eq!((u64::from(out.flags), out.flags2), (offered, 0));
        assert_eq!((out.max_pages, agreed.minor, agreed.expire_only), (16, 34, false));
    }

    #[test]
    fn refuses_the_past_and_waits_for_the_future_to_come_down() {
        assert_eq!(
            negotiate(&hello(7, 30, u64::MAX), 4096),
            Negotiation::TooOld { major: 7, minor: 30 }
        );
        assert!(matches!(negotiate(&hello(6, 99, 0), 4096), Negotiation::TooOld { .. }));
        let Negotiation::Again(out) = negotiate(&hello(8, 0, 0), 4096) else { panic!("agreed") };
        assert_eq!(out.major, 7);
        assert!(matches!(negotiate(&hello(7, 99, 0), 4096), Negotiation::Agreed(_, agreed)
            if agreed.minor == 45));
    }
}
