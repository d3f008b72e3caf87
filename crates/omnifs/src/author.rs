//! What a provider's author runs: `omnifs init` and `omnifs build`.
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
use std::path::Path;

use anyhow::Context as _;

pub(crate) use build::{BuildArgs, build};
pub(crate) use init::{InitArgs, init};
pub(crate) use target::is_installed;

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
