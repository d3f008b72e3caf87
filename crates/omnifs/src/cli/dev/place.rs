//! The directory that a provider is mounted on for as long as it is worked on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use omnifs_fuse::mounts::{self, Liveness, Mount};

use crate::daemon::mountpoint;
use crate::exit::Failure;

/// What the names of temporary directories begin with.
const PREFIX: &str = "omnifs-dev-";

/// How long a mount may take to show that somebody serves it.
const ALIVE: Duration = Duration::from_secs(1);

/// A directory to mount on. What was made of it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// The topmost directory that was made for it.
    made: Option<PathBuf>,
}

impl Place {
    /// Makes the directory ready, or a temporary one. A dead mount that is there is cleared away.
    ///
    /// # Errors
    /// Why nothing can be mounted there.
    pub(super) fn prepare(wanted: Option<&Path>) -> Result<Self, Failure> {
        let Some(wanted) = wanted else {
            clear_abandoned();
            let made = tempfile::Builder::new().prefix(PREFIX).tempdir();
            let path = made.context("cannot make a temporary directory")?.keep();
            // The kernel lists mounts by their paths without symbolic links.
            let path = path.canonicalize().context("cannot find the temporary directory")?;
            return Ok(Self { made: Some(path.clone()), path });
        };
        let wanted = std::path::absolute(wanted).context("there is no working directory")?;
        let path = mountpoint::resolve(&wanted)?;
        // A dead mount is there, though nothing can be asked of it.
        let is_mounted = mounts::at(&path).context("cannot read /proc")?.is_some();
        let missing = if is_mounted { None } else { mountpoint::first_missing(&path) };
        let made = missing.map(Path::to_path_buf);
        mountpoint::prepare(&path)?;
        Ok(Self { path, made })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(made) = &self.made else { return };
        for directory in self.path.ancestors().take_while(|above| above.starts_with(made)) {
            // What somebody else has put there stays.
            if std::fs::remove_dir(directory).is_err() {
                return;
            }
        }
    }
}

/// Clears away the temporary directories of those that were killed, as far as this user may.
fn clear_abandoned() {
    let temporary = std::env::temp_dir().canonicalize().unwrap_or_default();
    let is_own = |path: &Path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        path.parent() == Some(&temporary) && name.starts_with(PREFIX.as_bytes())
    };
    for Mount { mountpoint, .. } in mounts::all().unwrap_or_default() {
        if is_own(&mountpoint)
            && matches!(mounts::probe(&mountpoint, ALIVE), Ok(Liveness::Disconnected))
            && mounts::clear_dead(&mountpoint).is_ok()
        {
            // Somebody else may have been quicker.
            let _gone = std::fs::remove_dir(&mountpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_and_what_was_there_stays() {
        let base = tempfile::tempdir().unwrap();
        let wanted = base.path().join("a/b/c");
        let place = Place::prepare(Some(&wanted)).unwrap();
        assert!(wanted.is_dir());
        drop(place);
        assert!(base.path().is_dir() && !base.path().join("a").exists());

        std::fs::create_dir(base.path().join("a")).unwrap();
        drop(Place::prepare(Some(&base.path().join("a"))).unwrap());
        assert!(base.path().join("a").is_dir());

        let place = Place::prepare(Some(&wanted)).unwrap();
        std::fs::write(base.path().join("a/b/mine"), "").unwrap();
        drop(place);
        assert!(base.path().join("a/b/mine").exists() && !wanted.exists());
        let refused = Place::prepare(Some(&base.path().join("a"))).unwrap_err();
        assert!(refused.text().contains("is not empty"), "{}", refused.text());
    }

    #[test]
    fn a_temporary_one_is_its_own_and_goes() {
        let [one, other] = [Place::prepare(None).unwrap(), Place::prepare(None).unwrap()];
        assert_ne!(one.path(), other.path());
        let path = one.path().to_path_buf();
        assert!(path.is_dir());
        drop(one);
        assert!(!path.exists() && other.path().is_dir());
    }
}
