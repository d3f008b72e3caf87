//! What is mounted where, whether it lives, and how to get rid of it when it does not.

mod clear;
mod fusectl;
mod probe;
mod table;

use std::path::{Path, PathBuf};

pub use clear::clear_dead;
pub(crate) use fusectl::abort;
pub use probe::{Liveness, probe};

use crate::mount::MountError;

/// A mount of ours, as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub mountpoint: PathBuf,
    /// The name it was mounted under.
    pub name: String,
    /// The minor number of its device, which is also its name in fusectl.
    pub device: u32,
}

/// Returns all mounts of ours in this process's mount namespace, the lowest first.
///
/// # Errors
/// [`MountError::Mountinfo`].
pub fn all() -> Result<Vec<Mount>, MountError> {
    let table = std::fs::read("/proc/self/mountinfo").map_err(MountError::Mountinfo)?;
    Ok(table::parse(&table))
}

/// Returns what of ours is mounted at exactly `path`, the uppermost if there are several.
/// Compares the texts and touches no mount.
///
/// # Errors
/// [`MountError::Mountinfo`].
pub fn at(path: &Path) -> Result<Option<Mount>, MountError> {
    Ok(all()?.into_iter().rfind(|mount| mount.mountpoint == path))
}
