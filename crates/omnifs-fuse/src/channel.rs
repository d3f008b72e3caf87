//! The file descriptor that requests come from and answers go to.

use std::io::IoSlice;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use zerocopy::IntoBytes;

use crate::wire::OutHeader;

/// The kernel's FUSE device, or in a test a socket that keeps messages apart.
#[derive(Debug)]
pub(crate) struct Channel {
    fd: OwnedFd,
}

impl Channel {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Waits for one message and returns its length; `None` at the end of the connection.
    ///
    /// # Errors
    /// Whatever `read` says that is neither the end nor worth another try.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
        loop {
            match rustix::io::read(&self.fd, &mut *buffer) {
                Ok(0) | Err(Errno::NODEV | Errno::CONNABORTED | Errno::CONNRESET) => {
                    return Ok(None);
                }
                Ok(length) => return Ok(Some(length)),
                // ENOENT: the request was interrupted before it could be handed over.
                Err(Errno::INTR | Errno::NOENT) => {}
                // A descriptor that somebody made non-blocking.
                Err(Errno::AGAIN) => self.wait()?,
                Err(errno) => return Err(errno),
            }
        }
    }

    fn wait(&self) -> Result<(), Errno> {
        match poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Answers the request `unique` with `body` in two pieces.
    ///
    /// # Errors
    /// `ENOENT` when the kernel has given the request up; others when the mount is gone.
    pub(crate) fn answer(&self, unique: u64, body: [&[u8]; 2]) -> Result<(), Errno> {
        self.write(OutHeader { len: 0, error: 0, unique }, body)
    }

    /// Answers the request `unique` with an error.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(crate) fn refuse(&self, unique: u64, errno: Errno) -> Result<(), Errno> {
        let error = errno.raw_os_error().saturating_neg();
        self.write(OutHeader { len: 0, error, unique }, [&[], &[]])
    }

    /// Sends a notice; `code` is one of [`crate::wire::notify`].
    ///
    /// # Errors
    /// `ENOENT` when the kernel does not hold what the notice is about, `EINVAL` when it does
    /// not know the code.
    pub(crate) fn notify(&self, code: i32, body: [&[u8]; 2]) -> Result<(), Errno> {
        self.write(OutHeader { len: 0, error: code, unique: 0 }, body)
    }

    /// Returns whether requests can still come.
    pub(crate) fn is_connected(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let gone = PollFlags::ERR | PollFlags::HUP;
        poll(&mut fds, Some(&now)).is_ok() && fds.iter().all(|fd| !fd.revents().intersects(gone))
    }

    /// Ends a connection over a socket, which wakes who waits in [`Self::receive`].
    ///
    /// # Errors
    /// `ENOTSOCK` for the kernel's device.
    pub(crate) fn hang_up(&self) -> Result<(), Errno> {
        rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Both)
    }

    fn write(&self, mut head: OutHeader, [first, second]: [&[u8]; 2]) -> Result<(), Errno> {
        let length = size_of::<OutHeader>() + first.len() + second.len();
        head.len = u32::try_from(length).map_err(|_| Errno::OVERFLOW)?;
        let parts = [IoSlice::new(head.as_bytes()), IoSlice::new(first), IoSlice::new(second)];
        loop {
            match rustix::io::writev(&self.fd, &parts) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
