//! Getting rid of a dead mount.

use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use super::{Mount, at};
use crate::mount::{Helper, MountError, detach};

const FUSECTL: &str = "/sys/fs/fuse/connections";
/// Dead mounts may lie on top of each other; more than this is no accident.
const LAYERS: usize = 16;

/// Removes every mount of ours at `path`, which the caller found dead ([`super::probe`]): who
/// waits for it gets an error, and the path is free.
///
/// As root the connection is aborted as well, which is the only end of a mount that hangs; an
/// ordinary user needs fusectl mounted for that.
///
/// # Errors
/// [`MountError::Unmount`] when a mount stays; [`MountError::NoFusermount`];
/// [`MountError::Mountinfo`].
pub fn clear_dead(path: &Path) -> Result<(), MountError> {
    for _ in 0..LAYERS {
        let Some(mount) = at(path)? else { return Ok(()) };
        remove(&mount)?;
    }
    Err(MountError::Unmount {
        path: path.to_owned(),
        reason: format!("more than {LAYERS} mounts lie on top of each other"),
    })
}

fn remove(mount: &Mount) -> Result<(), MountError> {
    let path = &mount.mountpoint;
    match Helper::for_this_process() {
        Helper::Fusermount => {
            // Before the mount is gone, and its connection with it.
            log_abort(mount, abort(mount.device));
            detach(path)
        }
        Helper::None => {
            // Force aborts the connection and then fails, because the mount is in use;
            // detaching takes it away.
            let force = UnmountFlags::NOFOLLOW | UnmountFlags::FORCE;
            match rustix::mount::unmount(path, force) {
                Ok(()) | Err(Errno::INVAL) => return Ok(()),
                Err(errno) => tracing::debug!(target: "omnifs_fuse", %errno, "forced unmount"),
            }
            if !is_aborted(mount.device) {
                log_abort(mount, mount_fusectl().and_then(|()| abort(mount.device)));
            }
            let lazily = UnmountFlags::NOFOLLOW | UnmountFlags::DETACH;
            match rustix::mount::unmount(path, lazily) {
                Ok(()) | Err(Errno::INVAL) => Ok(()),
                Err(errno) => {
                    Err(MountError::Unmount { path: path.clone(), reason: errno.to_string() })
                }
            }
        }
    }
}

fn log_abort(mount: &Mount, result: io::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(target: "omnifs_fuse", name = mount.name, %error, "cannot abort");
    }
}

/// Returns whether fusectl, when it is mounted, no longer lists the connection.
fn is_aborted(device: u32) -> bool {
    Path::new(FUSECTL).read_dir().is_ok_and(|mut list| list.next().is_some())
        && !Path::new(FUSECTL).join(device.to_string()).exists()
}

/// Ends the connection of the mount with this device: whoever waits for it gets ECONNABORTED.
fn abort(device: u32) -> io::Result<()> {
    std::fs::write(format!("{FUSECTL}/{device}/abort"), "1")
}

fn mount_fusectl() -> io::Result<()> {
    let listed = Path::new(FUSECTL).read_dir()?.next().is_some();
    if listed {
        return Ok(());
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match rustix::mount::mount("fusectl", FUSECTL, "fusectl", flags, None) {
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
