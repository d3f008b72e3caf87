//! The gate: what does not pass it does not land.

use anyhow::{Result, bail};

use crate::step::{self, PROFILE, Steps, cargo, root};
use crate::{demo, done, mutants, semantics, setup, style, suite};

/// The workspaces beside the main one, which are built for wasm32-wasip2.
const GUEST_WORKSPACES: &[&str] = &["providers", "crates/testkit/guests"];

/// Runs every step; the first failure ends it.
fn every_step(steps: &mut Steps) -> Result<()> {
    steps.step("set-up", || {
        setup::target()?;
        setup::nextest()?;
        setup::packages(&[setup::DEMO, setup::TESTS])
    })?;
    steps.step("format", || {
        step::run(&mut cargo(["fmt", "--all", "--check"]))?;
        GUEST_WORKSPACES.iter().try_for_each(|workspace| {
            step::run(cargo(["fmt", "--all", "--check"]).current_dir(root().join(workspace)))
        })
    })?;
    steps.step("style", style::check)?;
    steps.step("mutants apply", mutants::check)?;
    steps.step("lock files", || {
        let locked = ["metadata", "--locked", "--format-version", "1", "--quiet"];
        GUEST_WORKSPACES.iter().chain(&["."]).try_for_each(|workspace| {
            step::run(
                cargo(locked)
                    .current_dir(root().join(workspace))
                    .stdout(std::process::Stdio::null()),
            )
        })
    })?;
    let profile = ["--profile", PROFILE];
    steps.step("lints", || {
        let lint = ["clippy", "--workspace", "--all-targets", "--locked"];
        step::run(&mut cargo(lint.iter().chain(&profile).chain(&["--", "--deny", "warnings"])))
    })?;
    steps.step("documentation", || {
        let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
        step::run(cargo(doc.iter().chain(&profile)).env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    steps.step("tests of the providers", || {
        let test = ["test", "--workspace", "--locked", "--target-dir", "../target/guests"];
        step::run(cargo(test).current_dir(root().join("providers")))
    })?;
    let before = suite::mounts()?;
    let tests = steps.step("build of the tests", suite::list)?;
    steps.step("promises", || {
        done::check(&tests)?;
        semantics::check(&tests)
    })?;
    steps.step("tests", suite::run_all)?;
    steps.step("tests of the providers", || {
        // Natively, with recorded exchanges; `providers` is a workspace of its own.
        let tests = ["test", "--workspace", "--locked", "--target-dir"];
        let target = root().join("target/providers");
        step::run(cargo(tests).arg(target).current_dir(root().join("providers")))
    })?;
    steps.step("demo", || {
        let line = "ls -lR && cat hello/hello.txt tree/README.txt";
        step::run(&mut demo::built(Some(line)))
    })?;
    steps.step("nothing left behind", || {
        let left: Vec<_> =
            suite::mounts()?.into_iter().filter(|mount| !before.contains(mount)).collect();
        if left.is_empty() { Ok(()) } else { bail!("mounts left: {}", left.join(", ")) }
    })
}

/// Runs the gate and prints what each step took.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    let result = every_step(&mut steps);
    steps.print();
    result
}
