//! Waiting for what the kernel or another process tells of.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Waits until `events` may have something to read, for as long as `limit` if there is one;
/// returns whether it was in time. Signals do not end the waiting.
///
/// # Errors
/// Those of poll(2).
pub(crate) fn readable(events: &impl AsFd, limit: Option<Duration>) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(events, PollFlags::IN)], left.as_ref()) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
