//! Running cargo, and reading what it says about what it did.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use crate::author::{print, sdk};

/// Options that bear on what cargo resolves, not only on what it builds.
const RESOLVING: [&str; 3] = ["--frozen", "--locked", "--offline"];

/// A run of cargo.
#[derive(Debug)]
pub(super) struct Cargo<'a> {
    /// The directory of the manifest: cargo's configuration is looked up from there.
    pub(super) directory: &'a Path,
    /// What to build for.
    pub(super) target: &'a str,
    /// Further arguments of `cargo build`.
    pub(super) arguments: &'a [OsString],
    /// What may end a build; without it, it belongs to the terminal as this process does.
    pub(super) stop: Option<&'a Stop>,
}

/// Ends a build from another thread, and lets none begin after that.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// Held while a build is begun, so that none is missed.
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
enum Running {
    #[default]
    Nothing,
    /// A process group of which nobody has waited for the first process, so that its number is
    /// nobody else's.
    Group(Pid),
    Stopped,
}

impl Stop {
    /// Ends the build that runs, with all that it has started.
    pub(crate) fn stop(&self) {
        let before = std::mem::replace(&mut *self.running.lock(), Running::Stopped);
        if let Running::Group(group) = before {
            // It may have ended by itself.
            let _ended = kill_process_group(group, Signal::TERM);
        }
    }

    fn spawn(&self, command: &mut Command) -> anyhow::Result<Child> {
        let mut running = self.running.lock();
        if matches!(*running, Running::Stopped) {
            bail!("the build was stopped");
        }
        let child = spawned(command.process_group(0))?;
        *running = Running::Group(Pid::from_child(&child));
        Ok(child)
    }

    /// Takes in that the build has nothing more to say, and is to be waited for.
    fn done(&self) {
        let mut running = self.running.lock();
        if matches!(*running, Running::Group(_)) {
            *running = Running::Nothing;
        }
    }
}

fn spawned(command: &mut Command) -> anyhow::Result<Child> {
    command.spawn().context("cannot run cargo: install Rust from https://rustup.rs")
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    source: Option<String>,
}

/// A line of `cargo build --message-format=json` (The Cargo Book, "External tools").
#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        target: Target,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Cargo<'_> {
    /// Fails when the SDK would come from a registry: the name is not ours there.
    pub(super) fn refuse_sdk_from_registry(&self) -> anyhow::Result<()> {
        let resolving = self
            .arguments
            .iter()
            .filter(|argument| RESOLVING.iter().any(|option| argument.as_os_str() == *option));
        let output = self
            .command("metadata")
            .args(["--format-version", "1", "--filter-platform", self.target])
            .args(resolving)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo: install Rust from https://rustup.rs")?;
        if !output.status.success() {
            bail!("cargo could not resolve the dependencies (see above){}", self.hint());
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .context("cannot read what `cargo metadata` says")?;
        let foreign = |package: &&Package| {
            let source = package.source.as_deref().unwrap_or_default();
            package.name == "omnifs-provider" && !source.is_empty() && !source.starts_with("git+")
        };
        match metadata.packages.iter().find(foreign) {
            None => Ok(()),
            Some(_) => bail!(
                "cargo takes omnifs-provider from a registry, but the SDK is not published: what \
                 has the name there is not the SDK{}",
                self.hint()
            ),
        }
    }

    /// Returns how a provider gets its SDK, unless this one has it already.
    fn hint(&self) -> String {
        if sdk::is_copied(self.directory) {
            return String::new();
        }
        format!(
            ". The SDK comes with omnifs: write this into .cargo/config.toml and build again\n  \
             [patch.crates-io]\n  omnifs-provider = {{ path = \"{}\" }}",
            sdk::PLACE
        )
    }

    /// Builds, with cargo's own words on standard error, and returns the components.
    pub(super) fn build(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut command = self.command("build");
        command
            .args(["--release", "--target", self.target])
            // The artefacts as JSON; errors and warnings for people, as without it.
            .arg("--message-format=json-render-diagnostics")
            .args(self.arguments)
            .stdout(Stdio::piped());
        let mut child = match self.stop {
            Some(stop) => stop.spawn(&mut command)?,
            None => spawned(&mut command)?,
        };
        let mut components = Vec::new();
        for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let line = line.context("cannot read what cargo says")?;
            match serde_json::from_str(&line) {
                Ok(message) => components.extend(component(message)),
                Err(_) => print(&format!("{line}\n"))?,
            }
        }
        if let Some(stop) = self.stop {
            stop.done();
        }
        let status = child.wait().context("cannot wait for cargo")?;
        match status.code() {
            Some(0) => Ok(components),
            Some(code) => bail!("cargo build ended with code {code} (see above)"),
            None => bail!("cargo build was killed by a signal"),
        }
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new("cargo");
        command.arg(subcommand).current_dir(self.directory).stdin(Stdio::null());
        command
    }
}

/// Returns the file that a message announces, when it is that of a provider.
fn component(message: Message) -> Option<PathBuf> {
    match message {
        Message::CompilerArtifact { target, filenames } => {
            let is_library = target.kind.iter().any(|kind| kind == "cdylib");
            let mut files = filenames.into_iter();
            files.find(|file| is_library && file.extension().is_some_and(|end| end == "wasm"))
        }
        Message::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<PathBuf> {
        component(serde_json::from_str(line).expect("a message"))
    }

    #[test]
    fn the_component_is_the_wasm_file_of_a_cdylib() {
        let line = r#"{"reason":"compiler-artifact","package_id":"p","target":{"kind":["cdylib"],
            "name":"p"},"filenames":["/t/release/p.d","/t/release/p.wasm"],"fresh":true}"#;
        assert_eq!(read(line), Some(PathBuf::from("/t/release/p.wasm")));
        assert_eq!(read(&line.replace("cdylib", "bin")), None);
        assert_eq!(read(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(read(r#"{"reason":"something-new","x":[]}"#), None);
    }
}
