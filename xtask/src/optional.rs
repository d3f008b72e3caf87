//! Checks that need programs which not every machine has.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::step::{self, cargo};

/// What a check that cannot run here is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Something to list.
    Lenient,
    /// A failure.
    Strict,
}

/// Runs every optional check, and lists those that could not run.
pub(crate) fn run(absence: Absence) -> Result<()> {
    let mut not_run = Vec::new();
    if exists("cargo-deny") {
        // Advisories are fetched from the network, which a gate does not depend on.
        step::run(&mut cargo(["deny", "check", "bans", "licenses", "sources"]))?;
    } else {
        not_run.push("licences and sources of dependencies: cargo-deny is not installed");
    }
    for check in &not_run {
        println!("not run: {check}");
    }
    if absence == Absence::Strict && !not_run.is_empty() {
        bail!("{} checks could not run", not_run.len());
    }
    Ok(())
}

fn exists(program: &str) -> bool {
    let mut probe = Command::new(program);
    let probe = probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
