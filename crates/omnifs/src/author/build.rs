//! `omnifs build`: builds the provider in the working directory.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use omnifs_runtime::artifact::{self, Artifact};

use crate::author::cargo::{Cargo, Stop};
use crate::author::sdk::{self, Refreshed};
use crate::author::target::{self, Network};
use crate::author::{note, print};

/// What `omnifs build` is told.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// What to build for
    #[arg(long, value_name = "TRIPLE", default_value = target::TARGET)]
    pub(crate) target: String,
    /// Download nothing
    #[arg(long)]
    pub(crate) offline: bool,
    /// Further arguments of `cargo build`
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    pub(crate) cargo: Vec<OsString>,
}

impl BuildArgs {
    /// Returns those of a build for the host that there is, which downloads nothing if `offline`.
    pub(super) fn plain(offline: bool) -> Self {
        Self { target: target::TARGET.to_owned(), offline, cargo: Vec::new() }
    }
}

/// Builds the provider whose manifest is in the working directory or the nearest one above,
/// labels and checks the component, and prints where it is.
///
/// # Errors
/// When there is no manifest, the target cannot be installed, cargo fails, or the result does
/// not fit the contract.
pub(crate) fn build(arguments: &BuildArgs) -> anyhow::Result<()> {
    let builder = Builder::here(arguments)?;
    for Built { file, artifact } in builder.build(None)? {
        print(&report(builder.shown(&file), &artifact))?;
    }
    Ok(())
}

/// A provider's directory, and how it is built.
#[derive(Debug)]
pub(crate) struct Builder {
    working: PathBuf,
    directory: PathBuf,
    target: String,
    cargo: Vec<OsString>,
}

/// A component that was built, labelled and checked.
#[derive(Debug)]
pub(crate) struct Built {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// What is in it.
    pub(crate) artifact: Artifact,
}

impl Builder {
    /// Returns how the provider is built whose manifest is in the working directory or the
    /// nearest one above, with what that needs in its place: the SDK, and the target.
    ///
    /// # Errors
    /// When there is no manifest, or the target cannot be installed.
    pub(crate) fn here(arguments: &BuildArgs) -> anyhow::Result<Self> {
        let working = std::env::current_dir().context("cannot find the working directory")?;
        let Some(directory) = working.ancestors().find(|above| above.join("Cargo.toml").is_file())
        else {
            bail!(
                "there is no Cargo.toml in {} or above: run this in the directory of a provider, \
                 which `omnifs init NAME` makes",
                working.display()
            );
        };
        let directory = directory.to_path_buf();
        refresh_sdk(&directory)?;
        let network = if arguments.offline { Network::Refused } else { Network::Allowed };
        target::ensure(&directory, &arguments.target, network)?;
        let mut cargo = arguments.cargo.clone();
        if arguments.offline {
            cargo.push("--offline".into());
        }
        Ok(Self { working, directory, target: arguments.target.clone(), cargo })
    }

    /// Returns the directory of the manifest.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns a file's path from the working directory, where it is below.
    pub(crate) fn shown<'a>(&self, file: &'a Path) -> &'a Path {
        file.strip_prefix(&self.working).unwrap_or(file)
    }

    /// Builds, with cargo's own words on standard error, until `stop` ends it, if there is one;
    /// returns the components, of which there is one at least.
    ///
    /// # Errors
    /// When cargo fails, or a component does not fit the contract.
    pub(crate) fn build(&self, stop: Option<&Stop>) -> anyhow::Result<Vec<Built>> {
        let Self { directory, target, cargo, .. } = self;
        let cargo = Cargo { directory, target, arguments: cargo, stop };
        cargo.refuse_sdk_from_registry()?;
        let components = cargo.build()?;
        if components.is_empty() {
            bail!(
                "cargo built no component: a provider's Cargo.toml says [lib] crate-type = \
                 [\"cdylib\"]"
            );
        }
        let finished = |file: PathBuf| {
            let artifact =
                finish(&file).with_context(|| self.shown(&file).display().to_string())?;
            Ok(Built { file, artifact })
        };
        components.into_iter().map(finished).collect()
    }
}

fn refresh_sdk(directory: &Path) -> anyhow::Result<()> {
    match sdk::refresh(directory)? {
        Refreshed::No => {}
        Refreshed::Written(place) => {
            note(&format!("wrote the SDK {} to {}", sdk::VERSION, place.display()));
        }
        Refreshed::Replaced(place, before) if before == sdk::VERSION => {
            note(&format!("{} differed from the SDK {before}: restored it", place.display()));
        }
        Refreshed::Replaced(place, before) => {
            let now = sdk::VERSION;
            note(&format!("replaced the SDK {before} in {} by {now}", place.display()));
        }
    }
    Ok(())
}

/// Labels a component in its place and checks it.
fn finish(file: &Path) -> anyhow::Result<Artifact> {
    let bytes = fs::read(file).context("cannot read it")?;
    let labelled = artifact::label(&bytes)?;
    let artifact = artifact::check(&labelled)?;
    if labelled != bytes {
        replace(file, &labelled).context("cannot write the labelled component")?;
    }
    Ok(artifact)
}

/// Replaces a file as a whole. Written in place it would change cargo's own copy, which is
/// the same file under another name.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut new = file.as_os_str().to_os_string();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    let written = fs::write(&new, bytes)
        .and_then(|()| fs::set_permissions(&new, fs::metadata(file)?.permissions()))
        .and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        // The error of writing says more than one of cleaning up.
        let _left = fs::remove_file(&new);
    }
    written
}

fn report(file: &Path, artifact: &Artifact) -> String {
    let imports = imports(&artifact.imports);
    format!("{}\n  size     {} bytes\n  imports  {imports}\n", file.display(), artifact.size)
}

/// Returns what a component asks the host for: capabilities by name, the rest by package.
fn imports(names: &[String]) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for name in names {
        let short = match name.split_once('/') {
            Some((package, _)) if !package.starts_with("omnifs:") => package,
            _ => name,
        };
        if !shown.contains(&short) {
            shown.push(short);
        }
    }
    // Capabilities first: they are what a user has to grant.
    shown.sort_by_key(|name| (!name.starts_with("omnifs:"), *name));
    if shown.is_empty() { "nothing".to_string() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn imports_name_capabilities_first_and_packages_once() {
        let names = ["wasi:io/poll@0.2.6", "wasi:io/error@0.2.6", "omnifs:provider/http@1.0.0"];
        let names = names.map(String::from);
        assert_eq!(imports(&names), "omnifs:provider/http@1.0.0, wasi:io");
        assert_eq!(imports(&[]), "nothing");
    }

    #[test]
    fn replacing_leaves_the_other_name_of_the_file_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let (ours, of_cargo) = (home.path().join("a.wasm"), home.path().join("deps.wasm"));
        fs::write(&of_cargo, "plain").expect("works");
        fs::hard_link(&of_cargo, &ours).expect("works");
        replace(&ours, b"labelled").expect("works");
        assert_eq!(fs::read(&ours).expect("works"), b"labelled");
        assert_eq!(fs::read(&of_cargo).expect("works"), b"plain");
        let mode = |file: &Path| fs::metadata(file).expect("works").mode();
        assert_eq!(mode(&ours), mode(&of_cargo));
        assert_eq!(fs::read_dir(home.path()).expect("works").count(), 2);
    }
}
