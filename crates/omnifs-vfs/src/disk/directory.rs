//! The directory of one provider's cache, which one process at a time may use.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};

use super::DiskError;

/// The file whose lock makes a process the user of the directory.
const LOCK: &str = "lock";

/// An open directory that is ours alone.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Held for one operation.
    opened: Mutex<Opened>,
}

#[derive(Debug)]
struct Opened {
    /// Everything goes through it, so that a path that is moved or replaced meanwhile leads
    /// nowhere else.
    handle: File,
    /// Held for as long as the directory is used.
    lock: File,
}

impl Opened {
    /// Opens the directory at `path`, making it when it is missing.
    fn new(path: &Path) -> Result<Self, DiskError> {
        let failed = |error: io::Error| DiskError::Io { path: path.to_path_buf(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = rustix::fs::openat(rustix::fs::CWD, path, flags, Mode::empty());
        let handle = File::from(opened.map_err(|error| failed(error.into()))?);
        let found = handle.metadata().map_err(failed)?;
        let own = rustix::process::geteuid().as_raw();
        if found.uid() != own {
            return Err(DiskError::Foreign { path: path.to_path_buf(), owner: found.uid() });
        }
        if found.mode() & 0o077 != 0 {
            handle.set_permissions(Permissions::from_mode(0o700)).map_err(failed)?;
        }
        let lock = open(&handle, LOCK, OFlags::CREATE | OFlags::RDWR).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { handle, lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(DiskError::InUse { path: path.to_path_buf() })
            }
            Err(error) => Err(failed(error.into())),
        }
    }
}

impl Directory {
    /// Opens the directory at `path`, making it when it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, DiskError> {
        let opened = Mutex::new(Opened::new(path)?);
        Ok(Self { path: path.to_path_buf(), opened })
    }

    /// Returns whether somebody removed it, or all that is in it.
    pub(super) fn is_gone(&self) -> bool {
        is_unlinked(&self.opened.lock().lock)
    }

    /// Opens the directory that is at its path now, making one when there is none.
    pub(super) fn open_again(&self) -> Result<(), DiskError> {
        *self.opened.lock() = Opened::new(&self.path)?;
        Ok(())
    }

    /// Returns its path, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a file that was not there.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        open(&self.opened.lock().handle, name, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR)
    }

    /// Opens a file that is there and ours.
    pub(super) fn file(&self, name: &str) -> io::Result<File> {
        let file = open(&self.opened.lock().handle, name, OFlags::RDWR)?;
        let found = file.metadata()?;
        if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "somebody else's file"));
        }
        Ok(file)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.opened.lock().handle, name, AtFlags::empty())?)
    }

    /// Returns the names of all files in it.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.opened.lock().handle)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

/// Returns whether no name leads to a file any more.
pub(super) fn is_unlinked(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.nlink() == 0)
}

fn open(directory: &File, name: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR)?))
}
