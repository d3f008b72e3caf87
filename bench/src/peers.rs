//! The peers: programs of the distribution that mount the same upstream.

mod delay;
mod shell;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

pub(crate) use delay::forward;
pub(crate) use shell::Shell;

use crate::lab::Lab;
use crate::nginx::Delay;
use crate::tree::Folder;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// With its defaults.
    Rclone,
    /// With a disk cache, long validity, and many requests at once.
    RcloneTuned,
    /// With long validity and the kernel's cache; over SSH, to the directory itself.
    Sshfs,
    /// With its defaults, from listings of an object store.
    S3fs,
    /// With its defaults.
    Httpdirfs,
}

impl Peer {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Rclone, Self::RcloneTuned, Self::Sshfs, Self::S3fs, Self::Httpdirfs];

    /// Returns the name of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rclone => "rclone",
            Self::RcloneTuned => "rclone-tuned",
            Self::Sshfs => "sshfs",
            Self::S3fs => "s3fs",
            Self::Httpdirfs => "httpdirfs",
        }
    }

    /// Returns whose port of the upstream it asks; sshfs asks none.
    pub(crate) fn lane(self) -> Option<&'static str> {
        (self != Self::Sshfs).then(|| self.name())
    }

    fn program(self) -> &'static str {
        match self {
            Self::Rclone | Self::RcloneTuned => "rclone",
            Self::Sshfs | Self::S3fs | Self::Httpdirfs => self.name(),
        }
    }

    /// Returns the first line that it says about its version.
    pub(crate) fn version(self) -> Result<String> {
        let output = Command::new(self.program())
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{} is not installed", self.program()))?;
        // Some say it among their errors.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        // That of another program may stand before its own.
        let own = |line: &&str| line.to_ascii_lowercase().starts_with(self.program());
        let line = said.lines().find(own).or_else(|| said.lines().next());
        Ok(line.context("it says no version")?.trim().to_owned())
    }

    /// Returns the command that mounts in the foreground.
    pub(crate) fn command(
        self,
        lab: &Lab,
        (folder, delay): (Folder, Delay),
        (at, cache): (&Path, &Path),
    ) -> Result<Command> {
        let mut command = lab.command(self.program());
        let base = self.lane().map(|lane| lab.upstream.lane(lane, delay)).transpose()?;
        let base = base.map(crate::nginx::Lane::url).unwrap_or_default();
        let url = format!("{base}/{}/", folder.name());
        match self {
            Self::Rclone | Self::RcloneTuned => {
                command.args(["mount", "--read-only", "--config", "", "--cache-dir"]).arg(cache);
                command.arg(format!(":http,url='{url}':")).arg(at);
                if self == Self::RcloneTuned {
                    command.args(TUNED);
                }
            }
            Self::Sshfs => {
                let port = lab.shell()?.port(delay)?.to_string();
                command.arg("-f").args(["-p", port.as_str()]);
                command.arg(format!("127.0.0.1:{}", lab.original(folder).display())).arg(at);
                for option in
                    SSHFS.iter().map(|option| (*option).to_owned()).chain(lab.shell()?.options())
                {
                    command.args(["-o", option.as_str()]);
                }
            }
            Self::S3fs => {
                ensure!(folder != Folder::Many, "no listing of it was made");
                command.arg(folder.name()).arg(at).arg("-f");
                for option in
                    [&format!("url={base}"), "use_path_request_style", "ro", "public_bucket=1"]
                {
                    command.args(["-o", option]);
                }
            }
            Self::Httpdirfs => {
                // Without that option it ends at the first file: nginx does not say
                // "Accept-Ranges" where it answers with a part.
                command.args(["-f", "--no-range-check", url.as_str()]).arg(at);
            }
        }
        Ok(command)
    }
}

/// What makes rclone quickest in most rows.
const TUNED: &[&str] = &[
    "--vfs-cache-mode=full",
    "--dir-cache-time=1h",
    "--attr-timeout=1h",
    "--poll-interval=0",
    "--checkers=64",
    "--transfers=64",
    "--vfs-fast-fingerprint",
    "--vfs-read-chunk-size=8M",
    "--buffer-size=16M",
];

/// What makes sshfs quickest in most rows.
const SSHFS: &[&str] = &[
    "ro",
    "follow_symlinks",
    "dcache_timeout=3600",
    "dcache_stat_timeout=3600",
    "dcache_dir_timeout=3600",
    "dcache_link_timeout=3600",
    "attr_timeout=3600",
    "entry_timeout=3600",
    "kernel_cache",
    "compression=no",
    "max_conns=4",
    "Ciphers=aes128-gcm@openssh.com",
];
