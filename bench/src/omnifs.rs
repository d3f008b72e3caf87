//! The program that is measured: its home, its configuration, its daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::caretaker::MARK;
use crate::lab::Lab;
use crate::nginx::Delay;
use crate::tree::Folder;

/// A running daemon; stopped when this is dropped.
pub(crate) struct Daemon {
    program: PathBuf,
    root: PathBuf,
    mount: PathBuf,
}

/// Returns the lines of a provider that shows a folder of the upstream.
pub(crate) fn provider(
    lab: &Lab,
    (name, settings): (&str, &str),
    (folder, delay): (Folder, Delay),
) -> Result<String> {
    let mount = lab.mountpoint(name)?;
    let url = lab.upstream.lane("omnifs", delay)?.url();
    Ok(format!(
        "[[provider]]\nname = \"{name}\"\npath = \"{}\"\nmount = \"{}\"\n{settings}\n\
         [provider.capabilities]\nhttp = {{ allow = [\"{url}\"] }}\n\
         [provider.config]\nurl = \"{url}/{}/\"\n",
        lab.component,
        mount.display(),
        folder.name(),
    ))
}

impl Daemon {
    /// Starts one that shows a folder, with nothing of it kept.
    pub(crate) fn fresh(
        lab: &Lab,
        (folder, delay): (Folder, Delay),
        settings: &str,
    ) -> Result<Self> {
        let name = folder.name();
        let text = provider(lab, (name, settings), (folder, delay))?;
        let daemon = Self::configured(lab, &text, name)?;
        daemon.run(&["cache", "clear"])?;
        daemon.run(&["start"])?;
        Ok(daemon)
    }

    /// Returns one that is configured and does not run; `name` is the mount that is asked for.
    pub(crate) fn configured(lab: &Lab, text: &str, name: &str) -> Result<Self> {
        let root = lab.root().to_owned();
        let daemon = Self { program: lab.omnifs.clone(), root, mount: lab.mountpoint(name)? };
        let directory = daemon.root.join("home/.config/omnifs");
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("providers.toml"), text)?;
        Ok(daemon)
    }

    /// Returns where the tree is.
    pub(crate) fn mount(&self) -> &Path {
        &self.mount
    }

    /// Returns a command of the program in the home of this run.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_remove("OMNIFS_CONFIG").env_remove("OMNIFS_CACHE_DIR");
        command.env_remove("OMNIFS_STATE_DIR").env_remove("OMNIFS_RUNTIME_DIR");
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "OMNIFS_LOG"] {
            command.env_remove(name);
        }
        command.env(MARK, &self.root).env("HOME", self.root.join("home"));
        command.env("XDG_RUNTIME_DIR", self.root.join("run")).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end, and returns what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command().args(words).output().context("cannot run omnifs")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("omnifs {}: {}", words.join(" "), said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns the daemon's process.
    pub(crate) fn process(&self) -> Result<u32> {
        let status: serde_json::Value = serde_json::from_str(&self.run(&["status", "--json"])?)?;
        let process = status.get("pid").and_then(serde_json::Value::as_u64);
        Ok(u32::try_from(process.context("omnifs status names no process")?)?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It does not run when its start failed.
        let _ = self.run(&["stop"]);
    }
}
