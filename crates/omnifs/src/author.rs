//! What a provider's author runs: `omnifs init` and `omnifs build`, and what `omnifs dev` and
//! `omnifs test` take of them.
//!
//! Neither needs the daemon. All that they write is embedded in this binary, so that a
//! provider can be begun and, with its dependencies downloaded, built without a network.

mod build;
mod cargo;
mod init;
mod lock_file;
mod name;
mod sdk;
mod sources;
mod target;
mod template;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(crate) use build::{BuildArgs, Builder, Built, build};
pub(crate) use cargo::Stop;
pub(crate) use init::{InitArgs, init};
pub(crate) use sources::follow;
pub(crate) use target::{TARGET, is_installed};

/// Builds the provider whose manifest is in the working directory or the nearest one above, and
/// returns where that is, and its component.
///
/// # Errors
/// As [`build()`], and when there are several components.
pub(crate) fn component(offline: bool) -> anyhow::Result<(PathBuf, PathBuf)> {
    let builder = Builder::here(&BuildArgs::plain(offline))?;
    let Ok([only]) = <[Built; 1]>::try_from(builder.build(None)?) else {
        bail!(
            "{} builds several components: run this in the directory of one of them",
            builder.directory().display()
        );
    };
    Ok((builder.directory().to_path_buf(), only.file))
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
