//! Getting rid of a dead mount.

use std::path::Path;

use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use super::{Mount, abort, at};
use crate::mount::{Helper, MountError, detach};

/// Dead mounts may lie on top of each other; more than this is no accident.
const LAYERS: usize = 16;

/// Removes every mount of ours at `path`, which the caller found dead ([`super::probe()`]): who
/// waits for it gets an error, and the path is free.
///
/// The connection is aborted as well, which is the only end of a mount that hangs; an ordinary
/// user needs fusectl mounted for that.
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
            // While the mount is there: its number may be another's later.
            log_abort(mount);
            detach(path)
        }
        Helper::None => {
            // Force aborts the connection and then fails when the mount is in use; fusectl does
            // it again for a kernel that only did the latter; detaching takes the mount away.
            let force = UnmountFlags::NOFOLLOW | UnmountFlags::FORCE;
            match rustix::mount::unmount(path, force) {
                Ok(()) | Err(Errno::INVAL) => return Ok(()),
                Err(errno) => tracing::debug!(target: "omnifs_fuse", %errno, "forced unmount"),
            }
            log_abort(mount);
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

fn log_abort(mount: &Mount) {
    if let Err(error) = abort(mount.device) {
        tracing::debug!(target: "omnifs_fuse", name = mount.name, %error, "cannot abort");
    }
}
