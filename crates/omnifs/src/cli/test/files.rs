//! The directory `tests` of a provider: what it is tested with.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use omnifs_runtime::http::{Recorded, Recording};

use crate::exit::{Exit, Failure};

/// The file that a recording is written to.
const RECORDED: &str = "recorded.json";

/// The files of a provider's tests, any of which may be missing.
pub(super) struct Files {
    directory: PathBuf,
}

impl Files {
    /// Returns those of the provider in `directory`.
    pub(super) fn of(directory: &Path) -> Self {
        Self { directory: directory.join("tests") }
    }

    /// Returns where the configuration is.
    pub(super) fn provider(&self) -> PathBuf {
        self.directory.join("provider.toml")
    }

    /// Returns the text of the configuration; without one nothing is granted.
    pub(super) fn provider_text(&self) -> Result<String, Failure> {
        Ok(read(&self.provider())?.unwrap_or_default())
    }

    /// Returns the tree that there is to be, if that is said.
    pub(super) fn tree(&self) -> Result<Option<String>, Failure> {
        read(&self.directory.join("tree.txt"))
    }

    /// Says what the tree is to be, and returns where.
    pub(super) fn write_tree(&self, tree: &str) -> Result<PathBuf, Failure> {
        self.write(&self.directory.join("tree.txt"), tree)
    }

    /// Returns all recorded exchanges, file by file in the order of their names.
    pub(super) fn exchanges(&self) -> Result<Vec<Recorded>, Failure> {
        let directory = self.directory.join("exchanges");
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&directory, error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let file = entry.map_err(|error| unreadable(&directory, error))?.path();
            if file.extension().is_some_and(|end| end == "json") {
                files.push(file);
            }
        }
        files.sort();
        let mut all = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, error))?;
            let recording = Recording::parse(&text).map_err(|error| {
                Failure::new(format!("{}: {error}", file.display()))
                    .with(Exit::Config)
                    .remedy("docs/testing.md describes the file")
            })?;
            all.extend(recording.exchanges);
        }
        Ok(all)
    }

    /// Writes a recording, in the place of the last one, and returns where.
    pub(super) fn write_recording(&self, recording: &Recording) -> Result<PathBuf, Failure> {
        self.write(&self.directory.join("exchanges").join(RECORDED), &recording.text())
    }

    fn write(&self, file: &Path, text: &str) -> Result<PathBuf, Failure> {
        let directory = file.parent().unwrap_or(&self.directory);
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(file, text))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file.to_path_buf())
    }
}

fn read(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(file, error)),
    }
}

fn unreadable(file: &Path, error: std::io::Error) -> Failure {
    Failure::from(anyhow::Error::new(error).context(format!("cannot read {}", file.display())))
}
