//! Replacing the file as a whole, so that a reader sees the old or the new one and no other.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{FlockOperation, Gid, Uid, fchown, flock};

/// What a new file may be read and written by; the umask takes its part away.
const NEW: u32 = 0o666;

/// The file, while no other command changes it.
#[derive(Debug)]
pub(crate) struct Exclusive {
    /// The file itself, also where its name is a symbolic link.
    path: PathBuf,
    /// What it holds; empty when it does not exist.
    pub(crate) text: String,
    /// Keeps others away; closing the descriptor lets them in.
    directory: File,
}

impl Exclusive {
    /// Reads the file, makes its directory when that is missing, and waits for any other
    /// command that is changing the file.
    ///
    /// # Errors
    /// As the file system has it, with the file's name.
    pub(crate) fn open(file: &Path) -> anyhow::Result<Self> {
        let path = match file.canonicalize() {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => file.to_path_buf(),
            Err(error) => return Err(error).with_context(|| failed(file)),
        };
        let parent = path.parent().context("a file has a directory")?;
        std::fs::create_dir_all(parent)
            .and_then(|()| File::open(parent))
            .and_then(|directory| {
                flock(&directory, FlockOperation::LockExclusive)?;
                let text = read(&path)?;
                Ok(Self { path: path.clone(), text, directory })
            })
            .with_context(|| failed(file))
    }

    /// Replaces the file, keeping its mode and its owner.
    ///
    /// # Errors
    /// As the file system has it, with the file's name; the old file is still there then.
    pub(crate) fn replace(self, text: &str) -> anyhow::Result<()> {
        self.write(text).with_context(|| failed(&self.path))
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let Some(parent) = self.path.parent() else { return Err(ErrorKind::InvalidInput.into()) };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".providers.toml-").permissions(Permissions::from_mode(NEW));
        let mut new = builder.tempfile_in(parent)?;
        if let Some(old) = metadata(&self.path)? {
            let made = new.as_file().metadata()?;
            if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
                fchown(
                    new.as_file(),
                    Some(Uid::from_raw(old.uid())),
                    Some(Gid::from_raw(old.gid())),
                )?;
            }
            new.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(&self.path).map_err(|error| error.error)?;
        self.directory.sync_all()
    }
}

fn failed(file: &Path) -> String {
    format!("cannot change {}", file.display())
}

fn metadata(path: &Path) -> io::Result<Option<std::fs::Metadata>> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_string(&mut text).map(|_| text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(text),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_link_are_kept_and_nothing_is_left_beside_it() {
        let base = tempfile::tempdir().unwrap();
        let (real, link) = (base.path().join("real/p.toml"), base.path().join("link.toml"));
        std::fs::create_dir(base.path().join("real")).unwrap();
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let file = Exclusive::open(&link).unwrap();
        assert_eq!(file.text, "old");
        file.replace("new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(real.metadata().unwrap().mode() & 0o7777, 0o640);
        assert_eq!(std::fs::read_dir(base.path().join("real")).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_file_is_empty_and_gets_its_directory() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b/p.toml");
        let file = Exclusive::open(&path).unwrap();
        assert_eq!(file.text, "");
        file.replace("x").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x");
    }

    #[test]
    fn a_second_change_waits_for_the_first() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("p.toml");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let file = Exclusive::open(&path).unwrap();
                    let longer = format!("{}x", file.text);
                    file.replace(&longer).unwrap();
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "xxxxxxxx");
    }
}
