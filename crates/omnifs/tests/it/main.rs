//! The binary as a user has it, over real mounts.
#![expect(
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests: a helper that fails must fail the test, and a test's time is the real one"
)]

mod access;
mod author;
mod config;
mod demo;
mod dns;
mod docs;
mod doctor;
mod evil;
mod explain;
mod failing;
mod faults;
mod fire;
mod fstab;
mod generated;
mod http;
mod httpdir;
mod kept;
mod killed;
mod languages;
mod leaks;
mod lifecycle;
mod live;
mod logs;
mod matrix;
mod metrics;
mod numbering;
mod ordinary_user;
mod page;
mod projected;
mod provider;
mod read_only;
mod readdir;
mod readers;
mod reload;
mod routed;
mod service;
mod shells;
mod slow;
mod spinning;
mod surroundings;
mod top;
mod watched;
mod xattrs;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use testkit::Sandbox;

/// The binary that is tested.
const OMNIFS: &str = env!("CARGO_BIN_EXE_omnifs");

/// Longer than anything takes that works, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(60);

/// Returns what a process takes in KiB, by a field of proc_pid_status(5): `VmRSS`, or `VmHWM` for
/// the most so far.
fn memory_of(process: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

/// Returns a configuration of providers, each a name and a component's path, that are mounted
/// at `mnt/NAME` in the sandbox; every one of them has the lines `more`.
fn config_of(sandbox: &Sandbox, providers: &[(&str, &str)], more: &str) -> String {
    let mut text = String::new();
    for (name, path) in providers {
        let mount = sandbox.root().join("mnt").join(name);
        writeln!(text, "[[provider]]\nname = {name:?}\npath = {path:?}\nmount = {mount:?}\n{more}")
            .unwrap();
    }
    text
}

/// Starts a daemon with these providers and returns the directory of their mounts.
fn mounted(sandbox: &Sandbox, providers: &[(&str, &str)]) -> PathBuf {
    mounted_with(sandbox, providers, "")
}

/// As [`mounted`], with lines that each provider has.
fn mounted_with(sandbox: &Sandbox, providers: &[(&str, &str)], more: &str) -> PathBuf {
    sandbox.configure(&config_of(sandbox, providers, more));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    sandbox.root().join("mnt")
}
