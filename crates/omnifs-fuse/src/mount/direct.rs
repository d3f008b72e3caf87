//! Mounting by `mount(2)`, as root.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use super::{FILE_SYSTEM, MountError, MountOptions, Unmounted};

/// Mounts at `path`, which is absolute and exists.
pub(super) fn mount(path: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    let fd = open_device()?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let data = data(&fd, options);
    rustix::mount::mount(options.name.as_str(), path, FILE_SYSTEM, flags, data.as_deref())
        .map_err(|errno| refusal(path, errno))?;
    Ok(fd)
}

fn open_device() -> Result<OwnedFd, MountError> {
    // A descriptor serves one mount only, dead or alive: always a fresh one.
    open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => MountError::NoDevice,
        Errno::ACCESS | Errno::PERM => MountError::DeviceDenied,
        other => MountError::Device(other.into()),
    })
}

fn data(fd: &OwnedFd, options: &MountOptions) -> Option<CString> {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let other = if options.allow_other { ",allow_other" } else { "" };
    // The root's mode is octal: a directory.
    let text = format!("fd={},rootmode=40000,user_id={uid},group_id={gid}{other}", fd.as_raw_fd());
    // Digits and words hold no NUL.
    CString::new(text).ok()
}

fn refusal(path: &Path, errno: Errno) -> MountError {
    let path = path.to_owned();
    let reason = errno.to_string();
    match errno {
        Errno::PERM | Errno::ACCESS => MountError::NotPermitted { path, reason },
        Errno::NODEV => MountError::NoDevice,
        _ => MountError::Refused { path, reason },
    }
}

/// Unmounts, lazily when the mount is in use.
pub(super) fn unmount(path: &Path) -> Result<Unmounted, MountError> {
    let plain = UnmountFlags::NOFOLLOW;
    match rustix::mount::unmount(path, plain) {
        Ok(()) => return Ok(Unmounted::Cleanly),
        Err(Errno::BUSY) => {}
        Err(errno) => return failed(path, errno),
    }
    match rustix::mount::unmount(path, plain | UnmountFlags::DETACH) {
        Ok(()) => Ok(Unmounted::Lazily),
        Err(errno) => failed(path, errno),
    }
}

fn failed(path: &Path, errno: Errno) -> Result<Unmounted, MountError> {
    match errno {
        // Not a mount point (any more).
        Errno::INVAL | Errno::NOENT => Ok(Unmounted::AlreadyGone),
        other => Err(MountError::Unmount { path: path.to_owned(), reason: other.to_string() }),
    }
}
