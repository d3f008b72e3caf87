//! The compilation target of a provider, and how it comes to be installed.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::author::note;

/// What providers are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Whether things may be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// They may.
    Allowed,
    /// They may not: `--offline`.
    Refused,
}

/// Makes sure that the toolchain which builds in `directory` has the standard library for
/// `target`; asks rustup for it when it has not.
pub(super) fn ensure(directory: &Path, target: &str, network: Network) -> anyhow::Result<()> {
    if is_installed(directory, target, Stdio::inherit())? {
        return Ok(());
    }
    if network == Network::Refused {
        bail!(
            "the target {target} is not installed, and --offline forbids to download it: \
             run `rustup target add {target}` while there is a network"
        );
    }
    note(&format!("the target {target} is not installed: running `rustup target add {target}`"));
    let rustup =
        Command::new("rustup").args(["target", "add", target]).current_dir(directory).status();
    let status = rustup.with_context(|| {
        format!(
            "the target {target} is not installed and rustup cannot be run: install the target \
             the way you installed Rust, or install Rust from https://rustup.rs"
        )
    })?;
    if !status.success() {
        bail!("rustup could not install the target {target} (see above)");
    }
    Ok(())
}

/// Returns whether the toolchain that builds in `directory` has the standard library for the
/// target; what rustc complains about goes to `complaints`.
///
/// # Errors
/// When rustc cannot be run, or does not know the target.
pub(crate) fn is_installed(
    directory: &Path,
    target: &str,
    complaints: Stdio,
) -> anyhow::Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(directory)
        .stderr(complaints)
        .output()
        .context("cannot run rustc: install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!(
            "rustc does not know the target {target} (see above): providers are built for {TARGET}"
        );
    }
    let place = String::from_utf8(output.stdout).context("rustc gave a path that is no text")?;
    // The directory can stay behind, empty, when a target is removed.
    let mut files = std::fs::read_dir(place.trim_end()).into_iter().flatten().flatten();
    Ok(files.any(|file| file.file_name().to_string_lossy().starts_with("libcore-")))
}
