//! The examples in other languages, mounted: `cargo xtask examples` builds them and runs this, and so
//! does the full gate.

mod almanac;
mod issues;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::{Output, Sandbox, run_for};

/// Longer than compiling an interpreter takes on a busy machine, with the compiler not optimised.
const COMPILING: Duration = Duration::from_secs(900);

/// What is compared of two trees, by the programs of everyday.
const LOOKS: &[&str] = &[
    "LC_ALL=C ls -R",
    "find . -type d | LC_ALL=C sort",
    "find . -type f -printf '%s %p\\n' | LC_ALL=C sort",
    "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat",
    "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum",
];

/// Returns the component of an example.
fn example(file: &str) -> String {
    let built = std::env::var_os("OMNIFS_EXAMPLES").map(PathBuf::from);
    assert!(built.is_some(), "`cargo xtask gate --full` builds the examples");
    let component = built.unwrap().join(file);
    assert!(component.is_file(), "{}: it is not built", component.display());
    component.to_str().unwrap().to_owned()
}

/// Runs one of `omnifs ls`, `cat` and `find` on a component by itself.
fn alone(command: &mut Command, (name, component): (&str, &str), arguments: &[&str]) -> Output {
    let command = command.args([name, "--provider", component]).args(arguments);
    run_for(command, COMPILING).expect_code(0)
}

/// Compares a tree with the one that it is to be, by [`LOOKS`] from inside of each.
fn compare(sandbox: &Sandbox, tree: &Path, expected: &Path) {
    for look in LOOKS {
        let at = |place: &Path| {
            let line = format!("cd '{}' && {look}", place.display());
            sandbox.shell(&line).expect_code(0).stdout
        };
        let wanted = at(expected);
        assert!(!wanted.is_empty(), "{look}: nothing to compare with");
        assert_eq!(at(tree), wanted, "{look}");
    }
}
