//! The demo: `omnifs demo` of a binary built from here.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Result, anyhow};

use crate::setup;
use crate::step::{self, PROFILE, cargo, command, root};

/// Builds everything and becomes the demo: the sample providers in a home of their own, until
/// Ctrl-C or the end of `exec`. Returns only when that cannot be.
pub(crate) fn run(exec: Option<&str>) -> Result<()> {
    setup::target()?;
    setup::packages(&[setup::DEMO])?;
    // As the gate builds it: a package alone, or a workspace without what only tests and
    // examples depend on, has other features, and everything would be built again.
    let build = ["build", "--profile", PROFILE, "--workspace", "--bins", "--examples", "--locked"];
    step::run(&mut cargo(build))?;
    // One process, so that Ctrl-C has one handler, which clears away what was mounted.
    Err(anyhow!("cannot run the demo: {}", built(exec).stdin(Stdio::inherit()).exec()))
}

/// Returns the demo of the binary that was built.
pub(crate) fn built(exec: Option<&str>) -> Command {
    let program = root().join("target").join(PROFILE).join("omnifs");
    let mut demo = command(&program.to_string_lossy(), ["demo"]);
    demo.args(exec.into_iter().flat_map(|line| ["--exec", line]));
    demo
}
