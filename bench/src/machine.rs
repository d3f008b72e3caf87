//! Where it was measured: machine, kernel, versions, load.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::peers::Peer;

/// Where this was built from.
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// What identifies a run.
#[derive(Debug)]
pub(crate) struct Machine(Vec<String>);

impl Machine {
    /// Looks, before anything is measured.
    pub(crate) fn look(omnifs: &Path, command: &str, peers: &[Peer]) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
        let memory = read("/proc/meminfo");
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let system = read("/etc/os-release");
        let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
        let or = |text: Option<&str>| text.unwrap_or("unknown").trim().trim_matches('"').to_owned();
        let mut lines = vec![
            format!("command: `{command}`"),
            format!(
                "machine: {count} x {}, memory {}, {}, Linux {}",
                or(model.map(|(_, model)| model)),
                or(memory),
                or(system),
                read("/proc/sys/kernel/osrelease").trim(),
            ),
            format!("load average at the begin: {}", read("/proc/loadavg").trim()),
            format!(
                "commit: {}",
                said("git", &["-C", SOURCES, "describe", "--always", "--dirty", "--abbrev=12"])
            ),
            format!("date: {}", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ];
        let programs = [
            (omnifs.to_string_lossy().into_owned(), "--version"),
            ("nginx".to_owned(), "-v"),
            ("find".to_owned(), "--version"),
            ("grep".to_owned(), "--version"),
            ("tar".to_owned(), "--version"),
        ];
        let versions = programs.iter().map(|(program, option)| said(program, &[option]));
        let peers = peers.iter().filter_map(|peer| peer.version().ok());
        let mut versions: Vec<_> = versions.chain(peers).collect();
        versions.dedup();
        lines.push(format!("versions: {}", versions.join("; ")));
        Self(lines)
    }

    /// Notes the load at the end.
    pub(crate) fn end(&mut self) {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        self.0.push(format!("load average at the end: {}", load.trim()));
    }

    /// Returns what to write down.
    pub(crate) fn lines(&self) -> &[String] {
        &self.0
    }
}

/// Returns the first line that a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let Ok(output) = output else { return format!("{program}: unknown") };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}
