//! A toolchain without the target.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use testkit::run;

use super::{BUILT, Project};

fn program(file: &Path, script: &str) {
    fs::write(file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Puts a rustc before the real one that says the target's library is in `lib`, which does
/// not exist, and a rustup that makes it and notes what it was asked.
fn take_the_target_away(project: &Project) {
    let bin = project.sandbox.root().join("bin");
    let lib = project.sandbox.home().join("lib");
    let asked = project.sandbox.home().join("asked");
    let real = run(project.command("sh").args(["-c", "command -v rustc"])).stdout;
    let (lib, asked) = (lib.display(), asked.display());
    let rustc =
        format!("[ \"$2\" = target-libdir ] && exec echo {lib}\nexec {} \"$@\"", real.trim());
    program(&bin.join("rustc"), &rustc);
    let rustup = format!("echo \"$@\" > {asked}; mkdir {lib} && : > {lib}/libcore-0.rlib");
    program(&bin.join("rustup"), &rustup);
}

#[test]
fn a_missing_target_is_installed_and_said() {
    let project = Project::new();
    take_the_target_away(&project);
    // Without --offline, but all is there: cargo asks nobody with this lock file.
    let output = run(project.command("omnifs").args(["build", "--", "--offline"])).expect_code(0);
    let note = "note: the target wasm32-wasip2 is not installed: \
                running `rustup target add wasm32-wasip2`";
    assert!(output.stderr.starts_with(note), "{}", output.stderr);
    let asked = fs::read_to_string(project.sandbox.home().join("asked")).unwrap();
    assert_eq!(asked, "target add wasm32-wasip2\n");
    assert!(project.directory.join(BUILT).exists());
    let again = run(project.command("omnifs").args(["build", "--offline"])).expect_code(0);
    assert!(!again.stderr.contains("note:"), "{}", again.stderr);
}

#[test]
fn offline_nothing_is_installed() {
    let project = Project::new();
    take_the_target_away(&project);
    let output = project.build(&[]).expect_code(1);
    let said = "error: the target wasm32-wasip2 is not installed, and --offline forbids to \
                download it: run `rustup target add wasm32-wasip2`";
    assert!(output.stderr.starts_with(said), "{}", output.stderr);
    assert!(!project.sandbox.home().join("asked").exists());
}

#[test]
fn a_failing_rustup_and_an_unknown_target_are_named() {
    let project = Project::new();
    let output = project.build(&["--target", "wasm32-nowhere"]).expect_code(1);
    assert!(output.stderr.contains("rustc does not know the target wasm32-nowhere"));

    take_the_target_away(&project);
    program(&project.sandbox.root().join("bin/rustup"), "echo no network >&2; exit 1");
    let output = run(project.command("omnifs").arg("build")).expect_code(1);
    assert!(
        output.stderr.contains("no network\nerror: rustup could not install"),
        "{}",
        output.stderr
    );
}
