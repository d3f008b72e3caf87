//! The directory that a provider is mounted on: found, made, or refused in words.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use omnifs_fuse::MountError;
use omnifs_fuse::mounts::{self, Liveness};
use rustix::fs::{Access, AtFlags, CWD};

use crate::control::Trouble;

/// How long a mount that is there already may take to show that somebody serves it.
const ALIVE: Duration = Duration::from_secs(1);

/// Returns where the path leads, with symbolic links on the way followed as far as there is
/// anything; the last component is kept as it is, for it may be a dead mount.
pub(crate) fn resolve(mount: &Path) -> Result<PathBuf, Trouble> {
    let (Some(parent), Some(name)) = (mount.parent(), mount.file_name()) else {
        return Ok(mount.to_path_buf());
    };
    let mut missing = vec![name];
    let mut existing = parent;
    loop {
        match existing.canonicalize() {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, name| path.join(name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(above), Some(name)) = (existing.parent(), existing.file_name()) else {
                    return Ok(mount.to_path_buf());
                };
                missing.push(name);
                existing = above;
            }
            Err(error) => {
                return Err(Trouble {
                    reason: format!("cannot use the mount directory {}: {error}", mount.display()),
                    remedy: format!("correct {}, or choose another `mount`", existing.display()),
                });
            }
        }
    }
}

/// Makes the directory ready: clears what a dead daemon left on it, creates it, and sees that
/// a mount there hides nothing.
pub(crate) fn prepare(mount: &Path) -> Result<(), Trouble> {
    clear(mount)?;
    match present(mount)? {
        Present::Yes => Ok(()),
        Present::No => {
            let made = DirBuilder::new().recursive(true).mode(0o755).create(mount);
            made.map_err(|error| cannot_make(mount, &error))
        }
    }
}

/// Whether a mount's directory is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Present {
    /// It is, and it is empty.
    Yes,
    /// It is not.
    No,
}

/// Returns whether the directory is there, or could be made. Changes nothing; only for a path
/// where nothing of ours is mounted.
pub(crate) fn examine(mount: &Path) -> Result<Present, Trouble> {
    let present = present(mount)?;
    let above = mount.ancestors().find(|above| above.exists());
    match (present, above) {
        (Present::No, Some(above)) => accessible(above, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| cannot_make(mount, &error))?,
        (Present::Yes, _) | (Present::No, None) => {}
    }
    Ok(present)
}

/// Fails when this user may not mount over an existing directory by fusermount3, which wants
/// it to be the user's to write to.
pub(crate) fn writable(mount: &Path) -> Result<(), Trouble> {
    accessible(mount, Access::WRITE_OK).map_err(|error| Trouble {
        reason: format!(
            "the mount directory {} is not yours to write to: {error}",
            mount.display()
        ),
        remedy: install(mount),
    })
}

fn accessible(path: &Path, access: Access) -> io::Result<()> {
    Ok(rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS)?)
}

fn present(mount: &Path) -> Result<Present, Trouble> {
    match std::fs::symlink_metadata(mount) {
        Ok(found) if found.is_dir() => refuse_contents(mount, found.dev()).map(|()| Present::Yes),
        Ok(_) => Err(Trouble {
            reason: format!("the mount {} is there, but is not a directory", mount.display()),
            remedy: "move it away, or choose another `mount`".to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Present::No),
        Err(error) => Err(Trouble {
            reason: format!("cannot use the mount directory {}: {error}", mount.display()),
            remedy: "correct its permissions, or choose another `mount`".to_owned(),
        }),
    }
}

/// Removes the mount of a daemon that is gone.
fn clear(mount: &Path) -> Result<(), Trouble> {
    let failed = |error: MountError| Trouble {
        reason: format!("what is mounted at {} cannot be removed: {error}", mount.display()),
        remedy: format!("sudo umount -l {}, then omnifs restart", quoted(mount)),
    };
    let Some(old) = mounts::at(mount).map_err(failed)? else { return Ok(()) };
    match mounts::probe(mount, ALIVE).map_err(failed)? {
        Liveness::Alive => Err(Trouble {
            reason: format!(
                "another omnifs serves {:?} at {}, one with another control socket or user",
                old.name,
                mount.display()
            ),
            remedy: "stop that one, or choose another `mount`".to_owned(),
        }),
        dead @ (Liveness::Disconnected | Liveness::Hanging) => {
            tracing::warn!(mount = %mount.display(), name = old.name, ?dead, "removing a dead mount");
            mounts::clear_dead(mount).map_err(failed)
        }
    }
}

fn cannot_make(mount: &Path, error: &io::Error) -> Trouble {
    let reason = format!("cannot make the mount directory {}: {error}", mount.display());
    let remedy = match (error.kind(), first_missing(mount)) {
        (io::ErrorKind::PermissionDenied, Some(missing)) => install(missing),
        _ => "correct what is in its way, or choose another `mount`".to_owned(),
    };
    Trouble { reason, remedy }
}

/// Returns the command that makes a directory this user's.
fn install(directory: &Path) -> String {
    format!("sudo install -d -o {} {}, then omnifs restart", user(), quoted(directory))
}

/// Returns the topmost directory of the path that is not there.
pub(crate) fn first_missing(path: &Path) -> Option<&Path> {
    path.ancestors().take_while(|ancestor| !ancestor.exists()).last()
}

/// Returns this process's user as `install -o` takes it.
fn user() -> String {
    let id = rustix::process::geteuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    named.unwrap_or(id)
}

/// Returns the path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Refuses a directory that holds anything, another file system among it.
fn refuse_contents(mount: &Path, device: u64) -> Result<(), Trouble> {
    let shown = mount.display();
    let outside = mount.parent().and_then(|parent| parent.metadata().ok());
    if outside.is_some_and(|parent| parent.dev() != device) {
        return Err(Trouble {
            reason: format!("another file system is mounted at {shown} already"),
            remedy: "unmount it, or choose another `mount`".to_owned(),
        });
    }
    match std::fs::read_dir(mount).map(|mut names| names.next()) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(Trouble {
            reason: format!(
                "the mount directory {shown} is not empty: a mount would hide what is in it"
            ),
            remedy: "move its contents away, or choose another `mount`".to_owned(),
        }),
        Err(error) => Err(Trouble {
            reason: format!("cannot read the mount directory {shown}: {error}"),
            remedy: "correct its permissions, or choose another `mount`".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_on_the_way_are_followed_and_the_last_name_is_not() {
        let base = tempfile::tempdir().unwrap();
        let real = base.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("d")).unwrap();
        std::os::unix::fs::symlink(real.join("d"), real.join("link")).unwrap();
        assert_eq!(resolve(&real.join("link/a/b")).unwrap(), real.join("d/a/b"));
        assert_eq!(resolve(&real.join("link")).unwrap(), real.join("link"));
        assert_eq!(
            resolve(Path::new("/nowhere-at-all/x")).unwrap(),
            Path::new("/nowhere-at-all/x")
        );
    }

    #[test]
    fn makes_what_is_missing_and_refuses_what_it_would_hide() {
        let base = tempfile::tempdir().unwrap();
        let mount = base.path().join("a/b");
        prepare(&mount).unwrap();
        assert!(mount.is_dir());
        prepare(&mount).unwrap();
        std::fs::write(mount.join("precious"), "").unwrap();
        let refused = prepare(&mount).unwrap_err();
        assert!(refused.reason.contains("is not empty"), "{}", refused.reason);
        let refused = prepare(&mount.join("precious")).unwrap_err();
        assert!(refused.reason.contains("is not a directory"), "{}", refused.reason);
        let refused = prepare(&mount.join("precious/below")).unwrap_err();
        assert!(refused.reason.contains("Not a directory"), "{}", refused.reason);
    }

    #[test]
    fn looking_makes_nothing() {
        let base = tempfile::tempdir().unwrap();
        let mount = base.path().join("a/b");
        assert_eq!(examine(&mount).unwrap(), Present::No);
        assert!(!base.path().join("a").exists());
        prepare(&mount).unwrap();
        assert_eq!(examine(&mount).unwrap(), Present::Yes);
        std::fs::write(mount.join("precious"), "").unwrap();
        assert!(examine(&mount).unwrap_err().reason.contains("is not empty"));
        let below = examine(&mount.join("precious/below")).unwrap_err();
        assert!(below.reason.contains("Not a directory"), "{}", below.reason);
    }

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/omnifs/a-b")), "/omnifs/a-b");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }

    #[test]
    fn the_remedy_begins_at_the_first_missing_directory() {
        assert_eq!(first_missing(Path::new("/no-such/a/b")), Some(Path::new("/no-such")));
        assert_eq!(first_missing(Path::new("/")), None);
    }
}
