//! The kernel's control files for FUSE connections.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Where distributions mount the control files.
const MOUNTED: &str = "/sys/fs/fuse/connections";

/// Ends the connection of the mount with this device number: whoever waits for it, or uses it
/// later, gets ECONNABORTED or ENOTCONN.
///
/// # Errors
/// When this process is not root, and the control files are not mounted or the mount is
/// another user's.
pub(crate) fn abort(device: u32) -> io::Result<()> {
    let file = format!("{device}/abort");
    let mounted = std::fs::OpenOptions::new().write(true).open(format!("{MOUNTED}/{file}"));
    let abort = match mounted {
        Ok(abort) => abort.into(),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => openat(unmounted()?, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?,
    };
    rustix::io::write(abort, b"1")?;
    Ok(())
}

/// Returns the control files mounted nowhere, which needs no place in anybody's tree.
fn unmounted() -> io::Result<OwnedFd> {
    let context = fsopen("fusectl", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}
