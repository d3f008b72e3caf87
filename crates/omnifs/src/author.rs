//! What a provider's author runs: `omnifs init` and `omnifs build`; `omnifs test` builds, too.
//!
//! Neither needs the daemon. All that they write is embedded in this binary, so that a
//! provider can be begun and, with its dependencies downloaded, built without a network.

mod build;
mod cargo;
mod init;
mod lock_file;
mod name;
mod sdk;
mod target;
mod template;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(crate) use build::{BuildArgs, build};
pub(crate) use init::{InitArgs, init};
pub(crate) use target::is_installed;

/// Builds the provider whose manifest is in the working directory or the nearest one above, and
/// returns where that is, and its component.
///
/// # Errors
/// As [`build`], and when there are several components.
pub(crate) fn component(offline: bool) -> anyhow::Result<(PathBuf, PathBuf)> {
    let built = build::built(&BuildArgs::plain(offline))?;
    let mut components = built.components.into_iter().map(|(file, _)| file);
    match (components.next(), components.next()) {
        (Some(only), None) => Ok((built.directory, only)),
        _ => bail!(
            "{} builds several components: run this in the directory of one of them",
            built.directory.display()
        ),
    }
}

/// Prints a result on standard output.
fn print(text: &str) -> anyhow::Result<()> {
    anstream::stdout().write_all(text.as_bytes()).context("cannot write the output")
}

/// Says on standard error what is being done besides what was asked.
fn note(text: &str) {
    // Nobody may be reading; the work goes on all the same.
    let _unread = writeln!(anstream::stderr(), "note: {text}");
}

/// Writes a file and the directories above it.
fn write_file(file: &Path, contents: &str) -> anyhow::Result<()> {
    let parent = file.parent().unwrap_or(file);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(file, contents))
        .with_context(|| format!("cannot write {}", file.display()))
}
