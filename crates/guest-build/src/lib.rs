//! Builds components for `wasm32-wasip2` from a build script of cargo, so that who embeds or
//! loads them never sees a stale or missing file.
//!
//! For the build scripts of `omnifs`, which embeds the first-party providers, and of
//! `testkit`, which also has components that misbehave. It knows no component by name.
#![expect(clippy::print_stdout, reason = "how a build script speaks to cargo")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// Runs the work of a build script and reports its failure to cargo.
pub fn run(work: impl FnOnce() -> Result<(), String>) -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // One directive a line; cargo shows them all under the crate's name.
            problem.lines().for_each(|line| println!("cargo::error={line}"));
            ExitCode::FAILURE
        }
    }
}

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// The constant that its crate is called by: `IMPORTS_HTTP` for `imports-http`.
    pub constant: String,
    /// A copy of the component, which stays as it is until the next run of the script.
    pub file: PathBuf,
}

/// The places of a build script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The directory of the script's package.
    pub package: PathBuf,
    /// The root of the repository.
    pub repository: PathBuf,
    /// Where the script puts what it makes.
    pub out: PathBuf,
    /// Where components are built: shared by all scripts and profiles, and kept between runs.
    target: PathBuf,
}

impl Places {
    /// Returns the places that cargo gives the script of a package in `crates/`.
    ///
    /// # Errors
    /// When this is no build script of such a package.
    pub fn find() -> Result<Self, String> {
        let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
        let out = PathBuf::from(variable("OUT_DIR")?);
        let repository = package.ancestors().nth(2).ok_or("the package lies in no workspace")?;
        // target/PROFILE/build/PACKAGE-HASH/out
        let target = out.ancestors().nth(4).ok_or("OUT_DIR is not in a target directory")?;
        let (repository, target) = (repository.to_owned(), target.join("guests"));
        Ok(Self { package, repository, out, target })
    }

    /// Builds a workspace of components and returns those of the crates `names`, in their
    /// order. The script runs again when one of them, the workspace or the SDK changes.
    ///
    /// # Errors
    /// What cargo says, or which file is missing.
    pub fn build(&self, workspace: &Path, names: &[&str]) -> Result<Vec<Guest>, String> {
        let sdk = self.repository.join("crates/omnifs-provider");
        let inputs = ["Cargo.toml", "Cargo.lock"].iter().chain(names);
        for input in inputs.map(|name| workspace.join(name)).chain([sdk]) {
            println!("cargo::rerun-if-changed={}", input.display());
        }
        self.run_cargo(workspace)?;
        names.iter().map(|name| self.copy(name)).collect()
    }

    fn run_cargo(&self, workspace: &Path) -> Result<(), String> {
        let mut cargo = Command::new(variable("CARGO")?);
        cargo
            .args(["build", "--release", "--locked", "--target", TARGET, "--manifest-path"])
            .arg(workspace.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target);
        // Meant for the host's compiler: flags of a coverage run, clippy in place of rustc.
        for name in
            ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"]
        {
            cargo.env_remove(name);
        }
        let output = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("E0463") || said.contains("target may not be installed") {
            return Err(format!(
                "the components are built for {TARGET}, which is not installed: \
                 run `rustup target add {TARGET}`"
            ));
        }
        Err(format!("cannot build the components in {}:\n{said}", workspace.display()))
    }

    fn copy(&self, name: &str) -> Result<Guest, String> {
        let name = name.replace('-', "_");
        let file_name = format!("{name}.wasm");
        let from = self.target.join(TARGET).join("release").join(&file_name);
        let file = self.out.join(&file_name);
        fs::copy(&from, &file)
            .map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
        Ok(Guest { constant: name.to_uppercase(), file })
    }
}

#[expect(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]
fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: this is a build script of cargo"))
}
