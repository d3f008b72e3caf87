//! Why mounting or unmounting failed, in words and with the remedy.

use std::io;
use std::path::PathBuf;

/// A failure to mount, to unmount or to look at mounts.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The mount point does not exist or cannot be reached.
    #[error("mount point {} cannot be used: {reason}; create it with \"mkdir -p\" as its user", path.display())]
    Mountpoint {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The mount point is no directory.
    #[error("mount point {} is not a directory: choose an empty directory", path.display())]
    NotADirectory {
        /// The mount point.
        path: PathBuf,
    },
    /// Something of ours is mounted there.
    #[error("omnifs mount {name:?} is already at {}: unmount it first", path.display())]
    Occupied {
        /// The mount point.
        path: PathBuf,
        /// The name of what is there.
        name: String,
    },
    /// `/dev/fuse` does not exist.
    #[error(
        "/dev/fuse does not exist: load the kernel module with \"modprobe fuse\"; \
         a container needs \"--device /dev/fuse\""
    )]
    NoDevice,
    /// `/dev/fuse` may not be opened.
    #[error(
        "/dev/fuse may not be opened by this user: an administrator can permit it with \
         \"chmod 666 /dev/fuse\""
    )]
    DeviceDenied,
    /// `/dev/fuse` cannot be opened for another reason.
    #[error("cannot open /dev/fuse")]
    Device(#[source] io::Error),
    /// The program for ordinary users is missing.
    #[error("fusermount3 is not installed: install the package \"fuse3\"")]
    NoFusermount,
    /// Mounting is not permitted.
    #[error(
        "mounting at {} is not permitted: {reason}; fusermount3 must be set-user-id root and \
         \"no new privileges\" must be off, and a container needs \"--cap-add SYS_ADMIN\"",
        path.display()
    )]
    NotPermitted {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The user may not mount over this directory.
    #[error("mount point {} belongs to somebody else: choose a directory that you may write to", path.display())]
    NotWritable {
        /// The mount point.
        path: PathBuf,
    },
    /// An ordinary user asked for `allow_other`.
    #[error(
        "other users may not be let in by an ordinary user: an administrator can permit it with \
         the line \"user_allow_other\" in /etc/fuse.conf; or leave allow_other out"
    )]
    AllowOther,
    /// The kernel refused for another reason.
    #[error("cannot mount at {}: {reason}", path.display())]
    Refused {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The mount was not there after it had been made.
    #[error("the mount at {} was removed while it was being made: try again", path.display())]
    Vanished {
        /// The mount point.
        path: PathBuf,
    },
    /// Unmounting failed.
    #[error("cannot unmount {}: {reason}; try \"umount -l\" as root", path.display())]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A program that is needed could not be run.
    #[error("cannot run {program}: {reason}")]
    Program {
        /// The program.
        program: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The list of mounts cannot be read.
    #[error("cannot read /proc/self/mountinfo: is /proc mounted?")]
    Mountinfo(#[source] io::Error),
}
