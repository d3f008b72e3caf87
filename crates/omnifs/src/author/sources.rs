//! Following the sources of a provider: saving one is enough.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::readable::readable;

/// How long nothing may happen before a change is taken to be complete: as short as an editor's
/// own steps, as the author waits for it. What comes later is another change.
const QUIET: Duration = Duration::from_millis(10);

/// How long a directory where something always happens can put a change off.
const PATIENCE: Duration = Duration::from_millis(100);

/// How many directories are followed; a provider has some ten.
const DIRECTORIES: usize = 1_024;

/// What may complete a change, or make a directory that is to be followed, too.
const CHANGES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CREATE);

/// Calls `changed` whenever a source below the directory may have changed, on a thread of its own
/// that ends with the process.
///
/// Followed is all that is not hidden and not what cargo makes: a directory with a `CACHEDIR.TAG`,
/// or the lock file.
///
/// # Errors
/// When the system cannot follow files.
pub(crate) fn follow(directory: &Path, changed: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    let failed = || format!("cannot follow the files in {}", directory.display());
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
    let sources = Sources { events: events.with_context(failed)?, root: directory.to_path_buf() };
    sources.watch();
    let thread = std::thread::Builder::new().name("omnifs-sources".to_owned());
    let following = move || {
        while sources.wait().is_ok() {
            changed();
        }
        tracing::error!("changed sources are not noticed any more");
    };
    thread.spawn(following).map(drop).with_context(failed)
}

struct Sources {
    events: OwnedFd,
    root: PathBuf,
}

impl Sources {
    /// Follows every directory that there is; one that is followed stays so.
    fn watch(&self) {
        let mut left = vec![self.root.clone()];
        let mut count = 0;
        while let Some(directory) = left.pop() {
            // One that is gone again has nothing to follow.
            let _gone = inotify::add_watch(&self.events, &directory, CHANGES);
            count += 1;
            for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_directory && is_source(name.as_encoded_bytes()) && !is_made(&path) {
                    left.push(path);
                }
            }
            if count + left.len() > DIRECTORIES {
                left.truncate(DIRECTORIES.saturating_sub(count));
            }
        }
    }

    /// Waits for a change, and for its end.
    fn wait(&self) -> io::Result<()> {
        while !self.take(None)? {}
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && readable(&self.events, Some(QUIET))? {
            self.take(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// Waits for events and takes all that there are; returns whether a source is among them.
    fn take(&self, limit: Option<Duration>) -> io::Result<bool> {
        if !readable(&self.events, limit)? {
            return Ok(false);
        }
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.events, &mut buffer);
        let (mut changed, mut more) = (false, false);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(std::ffi::CStr::to_bytes).unwrap_or_default();
                    let is_directory = event.events().contains(ReadFlags::ISDIR);
                    // A file that was only made is written yet; without a name something was lost.
                    let is_made = event.events().contains(ReadFlags::CREATE) && !is_directory;
                    changed |= is_source(name) && !is_made;
                    more |= is_directory;
                }
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        if more {
            self.watch();
        }
        Ok(changed)
    }
}

/// Returns whether a name may be a source's: editors keep what is not saved yet under others, and
/// cargo writes its lock file itself.
fn is_source(name: &[u8]) -> bool {
    !name.starts_with(b".") && !name.ends_with(b"~") && name != b"Cargo.lock" && name != b"target"
}

/// Returns whether a directory is one of what can be made again, as cargo marks its own.
fn is_made(directory: &Path) -> bool {
    directory.join("CACHEDIR.TAG").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_cargo_keep_is_no_source() {
        for name in ["lib.rs", "Cargo.toml", "issue.json", "README.md", ""] {
            assert!(is_source(name.as_bytes()), "{name}");
        }
        for name in [".lib.rs.swp", ".git", "lib.rs~", "Cargo.lock", "target"] {
            assert!(!is_source(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn directories_that_are_made_later_are_followed_and_cargo_s_are_not() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path();
        std::fs::create_dir_all(root.join("src/deep")).unwrap();
        std::fs::create_dir(root.join("elsewhere")).unwrap();
        std::fs::write(root.join("elsewhere/CACHEDIR.TAG"), "").unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let changed = move || {
            let _nobody = tell.send(());
        };
        follow(root, changed).unwrap();
        let long = Duration::from_secs(60);
        std::fs::write(root.join("src/deep/a.rs"), "1").unwrap();
        told.recv_timeout(long).unwrap();
        std::fs::create_dir(root.join("src/new")).unwrap();
        told.recv_timeout(long).unwrap();
        std::fs::write(root.join("src/new/b.rs"), "2").unwrap();
        told.recv_timeout(long).unwrap();
        for name in ["elsewhere/out", "src/.c.rs.swp", "Cargo.lock"] {
            std::fs::write(root.join(name), "3").unwrap();
        }
        std::fs::rename(root.join("src/new/b.rs"), root.join("src/new/d.rs")).unwrap();
        told.recv_timeout(long).unwrap();
        // Whatever the three had caused was there before that.
        assert!(told.try_recv().is_err());
    }
}
