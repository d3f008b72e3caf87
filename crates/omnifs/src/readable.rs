//! Waiting for what the kernel tells of, on a thread that does nothing else.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Waits until `events` may have something to read, for as long as `limit` if there is one;
/// returns whether it was in time. A signal ends the waiting early, as if there were something.
///
/// # Errors
/// Those of poll(2).
pub(crate) fn readable(events: &OwnedFd, limit: Option<Duration>) -> io::Result<bool> {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match poll(&mut [PollFd::new(events, PollFlags::IN)], limit.as_ref()) {
        Ok(0) => Ok(false),
        Ok(_) | Err(Errno::INTR) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}
