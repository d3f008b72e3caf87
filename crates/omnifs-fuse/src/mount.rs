//! Mounting: from a path to a connection, and back.

mod direct;
mod error;
mod fusermount;
mod read_ahead;

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use error::MountError;
pub(crate) use fusermount::detach;

use crate::mounts;

/// The type that `/proc/self/mountinfo` shows for our mounts.
pub(crate) const FILE_SYSTEM: &str = "fuse.omnifs";

/// What to mount, and where.
#[derive(Debug, Clone)]
pub struct MountOptions {
    /// An existing directory.
    pub mountpoint: PathBuf,
    /// The mount's name, which `mount` and `df` show as the device.
    pub name: String,
    /// Whether other users may use the mount.
    pub allow_other: bool,
}

/// A connection to the kernel that nobody serves yet. Dropping it leaves the mount dead:
/// every use fails with ENOTCONN until it is unmounted.
#[derive(Debug)]
pub struct Connection {
    pub(crate) fd: OwnedFd,
    pub(crate) mount: Option<MountPoint>,
}

impl Connection {
    /// Returns a connection over a sequenced-packet socket whose other end plays the kernel.
    pub fn from_socket(socket: OwnedFd) -> Self {
        Self { fd: socket, mount: None }
    }
}

/// A mount of ours.
#[derive(Debug)]
pub(crate) struct MountPoint {
    path: PathBuf,
    /// The minor number of the mount's device, which tells it from a later mount at the path.
    device: u32,
    helper: Helper,
}

/// Who mounts and unmounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helper {
    /// This process, by `mount(2)`.
    None,
    /// The set-user-id program `fusermount3`.
    Fusermount,
}

impl Helper {
    /// Returns what this process needs.
    pub(crate) fn for_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::None } else { Self::Fusermount }
    }
}

/// How an unmount went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmounted {
    /// Nobody used the mount.
    Cleanly,
    /// The path is free; somebody still has a file open or a working directory there.
    Lazily,
    /// Somebody else had unmounted it.
    AlreadyGone,
}

/// Mounts. As root this is `mount(2)`, otherwise `fusermount3` does it. Blocks for as long as
/// that takes.
///
/// # Errors
/// [`MountError`] says what stands in the way, and what to do about it.
pub fn mount(options: &MountOptions) -> Result<Connection, MountError> {
    let path = check_mountpoint(&options.mountpoint)?;
    let helper = Helper::for_this_process();
    let fd = match helper {
        Helper::None => direct::mount(&path, options)?,
        Helper::Fusermount => fusermount::mount(&path, options)?,
    };
    let device = mounts::at(&path)?.map(|mount| mount.device);
    let Some(device) = device else {
        // Only when somebody was quicker to unmount it.
        return Err(MountError::Vanished { path });
    };
    let mount = MountPoint { path, device, helper };
    Ok(Connection { fd, mount: Some(mount) })
}

/// Returns the path as mountinfo will show it.
fn check_mountpoint(mountpoint: &Path) -> Result<PathBuf, MountError> {
    let named = |path: &Path| mounts::at(path);
    // First, because anything else would touch a mount that may hang.
    if let Some(mount) = named(mountpoint)? {
        return Err(MountError::Occupied { path: mount.mountpoint, name: mount.name });
    }
    let path = std::fs::canonicalize(mountpoint).map_err(|error| MountError::Mountpoint {
        path: mountpoint.to_owned(),
        reason: error.to_string(),
    })?;
    if let Some(mount) = named(&path)? {
        return Err(MountError::Occupied { path: mount.mountpoint, name: mount.name });
    }
    if !path.is_dir() {
        return Err(MountError::NotADirectory { path });
    }
    Ok(path)
}

impl MountPoint {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn unmount(&self) -> Result<Unmounted, MountError> {
        if mounts::at(&self.path)?.map(|mount| mount.device) != Some(self.device) {
            return Ok(Unmounted::AlreadyGone);
        }
        match self.helper {
            Helper::None => direct::unmount(&self.path),
            Helper::Fusermount => fusermount::unmount(&self.path),
        }
    }

    /// Ends the connection. Only while it is known to be connected: the number of a device is
    /// given to another mount once it is gone.
    pub(crate) fn abort(&self) -> std::io::Result<()> {
        mounts::abort(self.device)
    }

    /// Lets the kernel read ahead as much as one request carries, where that is permitted.
    pub(crate) fn raise_read_ahead(&self) {
        if let Err(error) = read_ahead::raise(self.device) {
            tracing::debug!(target: "omnifs_fuse", %error, "read-ahead stays as it is");
        }
    }
}

/// Returns a text for an option list, where a comma and a backslash would end the value.
fn escape_option(text: &OsStr) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        if matches!(byte, b',' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_options() {
        assert_eq!(escape_option(OsStr::new("a,suid\\")), b"a\\,suid\\\\");
    }

    #[test]
    fn a_mountpoint_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let error = check_mountpoint(&missing).unwrap_err();
        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(check_mountpoint(&file), Err(MountError::NotADirectory { .. })));
        assert_eq!(check_mountpoint(dir.path()).unwrap(), dir.path().canonicalize().unwrap());
    }
}
