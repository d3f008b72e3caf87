//! Compiled code that is kept between runs.
//!
//! Each component has a file, which is mapped as it lies there: code that nobody calls is not
//! read, and the providers of one component have its pages in common.

use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use tempfile::NamedTempFile;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How many bytes may be kept: what was not used for the longest time goes.
const LIMIT: u64 = 256 << 20;

/// A directory of the code of components that fit the contract. Code that was compiled another
/// way, or for another contract, is not found there.
#[derive(Debug)]
pub(super) struct Compiled {
    directory: PathBuf,
    /// Tells contracts, compilers, their settings and processors apart.
    way: u64,
    limit: u64,
}

impl Compiled {
    /// Makes the directory if it is missing, and private. `rules` are what components have to fit.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn new(directory: PathBuf, engine: &Engine, rules: &[&str]) -> io::Result<Self> {
        make_private(&directory)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        rules.hash(&mut hasher);
        Ok(Self { directory, way: hasher.finish(), limit: LIMIT })
    }

    fn file(&self, component: &[u8]) -> PathBuf {
        let name = blake3::Hasher::new().update(component).finalize().to_hex();
        self.directory.join(format!("{name}-{:016x}.cwasm", self.way))
    }

    /// Returns the code of a component, if it is here.
    pub(super) fn find(&self, engine: &Engine, component: &[u8]) -> Option<Component> {
        let path = self.file(component);
        let file = File::open(&path).ok()?;
        match load(engine, &path) {
            Ok(found) => {
                note_use(&file);
                Some(found)
            }
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "compiled code cannot be used and is made anew");
                None
            }
        }
    }

    /// Compiles a component, and keeps what comes of it if that can be.
    ///
    /// # Errors
    /// As the compiler says.
    pub(super) fn make(&self, engine: &Engine, component: &[u8]) -> wasmtime::Result<Component> {
        let code = engine.precompile_component(component)?;
        let path = self.file(component);
        match self.keep(&path, &code) {
            // Another daemon may have removed it.
            Ok(()) => load(engine, &path).or_else(|_| from_memory(engine, &code)),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "compiled code cannot be kept");
                from_memory(engine, &code)
            }
        }
    }

    /// Writes a file that has its name only when all of it is on disk: what a power failure left
    /// half would be run.
    fn keep(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mut new = NamedTempFile::new_in(&self.directory)?;
        new.write_all(code)?;
        new.as_file().sync_data()?;
        new.persist(path).map_err(|error| error.error)?;
        self.make_room(path)
    }

    /// Removes what was not used for the longest time until the rest is within the limit.
    fn make_room(&self, new: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            // Another daemon may have removed it, or given it its name.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_file() && path != new {
                files.push((metadata.modified()?, metadata.len(), path));
            }
        }
        files.sort_unstable();
        let mut all = fs::metadata(new)?.len() + files.iter().map(|(_, size, _)| size).sum::<u64>();
        for (_, size, path) in files {
            if all <= self.limit {
                break;
            }
            // Whoever has it mapped goes on with it.
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            all -= size;
        }
        Ok(())
    }
}

/// Makes a directory that its owner alone may enter. Compiled code is run as it lies there,
/// so whoever may write to it is the daemon.
fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

fn note_use(file: &File) {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    // Where it cannot be, the file looks unused, and is made anew some day.
    let _ = futimens(file, &Timestamps { last_access: now, last_modification: now });
}

fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: what has a name here was written by a daemon of this user, and is whole; nobody
    // else can write to it, as nobody else can enter the directory.
    #[expect(unsafe_code, reason = "compiled code is trusted, by whoever compiled it")]
    let mapped = unsafe { Component::deserialize_file(engine, path) };
    // A file system without the right to run what is there (`noexec`) cannot be mapped.
    mapped.or_else(|error| match fs::read(path) {
        Ok(code) => from_memory(engine, &code),
        Err(_) => Err(error),
    })
}

fn from_memory(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: as above; or it was compiled a moment ago.
    #[expect(unsafe_code, reason = "compiled code is trusted, by whoever compiled it")]
    let made = unsafe { Component::deserialize(engine, code) };
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[&str] = &["a contract"];

    /// Has a file last used so many seconds after 1970.
    fn used(path: &Path, seconds: i64) {
        let then = Timespec { tv_sec: seconds, tv_nsec: 0 };
        let then = Timestamps { last_access: then, last_modification: then };
        futimens(File::open(path).unwrap(), &then).unwrap();
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let home = tempfile::tempdir().unwrap();
        let mut compiled =
            Compiled::new(home.path().to_path_buf(), &Engine::default(), RULES).unwrap();
        compiled.limit = 250;
        let keep = |component: &[u8]| {
            let path = compiled.file(component);
            compiled.keep(&path, &[0; 100]).unwrap();
            path
        };
        let (first, second) = (keep(b"first"), keep(b"second"));
        used(&first, 1_000);
        used(&second, 2_000);
        note_use(&File::open(&first).unwrap());
        let third = keep(b"third");
        assert_eq!([&first, &second, &third].map(|path| path.exists()), [true, false, true]);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn who_keeps_the_same_at_once_keeps_it_whole() {
        let home = tempfile::tempdir().unwrap();
        let compiled = Compiled::new(home.path().to_path_buf(), &Engine::default(), RULES).unwrap();
        let path = compiled.file(b"one");
        std::thread::scope(|scope| {
            for byte in 0..4_u8 {
                let (compiled, path) = (&compiled, &path);
                scope.spawn(move || {
                    for _ in 0..4 {
                        compiled.keep(path, &vec![byte; 1 << 20]).unwrap();
                        let kept = fs::read(path).unwrap();
                        assert_eq!(kept.len(), 1 << 20);
                        assert!(kept.iter().all(|other| *other == kept[0]));
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_compiled_another_way_or_for_another_contract_is_not_found() {
        let home = tempfile::tempdir().unwrap();
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let (one, other) = (Engine::default(), Engine::new(&config).unwrap());
        let here = |engine, rules: &[&str]| {
            Compiled::new(home.path().to_path_buf(), engine, rules).unwrap()
        };
        // An empty one.
        let component = b"\0asm\x0d\0\x01\0";
        let _made = here(&one, RULES).make(&one, component).unwrap();
        assert!(here(&one, RULES).find(&one, component).is_some());
        assert!(here(&one, &["another contract"]).find(&one, component).is_none());
        assert!(here(&other, RULES).find(&other, component).is_none());
    }
}
