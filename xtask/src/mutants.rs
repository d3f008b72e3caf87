//! The project each time without one of its rules or limits: the tests must notice.

mod limits;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result, bail};

use crate::step::{PROFILE, cargo, command, output, root};

/// A rule that is taken out by a change of text, and the tests that must fail then.
struct Mutant {
    rule: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    tests: Tests,
}

/// Which tests are run, as a filter of nextest.
#[derive(Clone, Copy)]
enum Tests {
    /// Those beside the code.
    Units(&'static str),
    /// Those with a daemon and servers.
    Mounted(&'static str),
}

/// What nextest ends with when tests ran and failed.
const TESTS_FAILED: i32 = 100;

impl Mutant {
    /// Returns the file's text without the rule.
    fn applied(&self, text: &str) -> Result<String> {
        match text.matches(self.from).count() {
            1 => Ok(text.replace(self.from, self.to)),
            count => bail!("{}: {count} times {:?}; it has to be once", self.file, self.from),
        }
    }
}

/// Sees that each rule can still be taken out: code moves, and these texts with it.
pub(crate) fn check() -> Result<()> {
    for mutant in all() {
        let text = fs::read_to_string(root().join(mutant.file));
        let text = text.with_context(|| format!("cannot read {}", mutant.file))?;
        let _applied = mutant.applied(&text)?;
    }
    Ok(())
}

fn all() -> impl Iterator<Item = &'static Mutant> {
    rules::MUTANTS.iter().chain(limits::MUTANTS)
}

/// Takes one rule after the other out of a copy of the sources, of those that are about `word`, and
/// runs its tests there.
pub(crate) fn run(word: &str) -> Result<()> {
    let tree = copy()?;
    let chosen: Vec<&Mutant> =
        all().filter(|mutant| mutant.rule.contains(word) || mutant.file.contains(word)).collect();
    let mut missed = Vec::new();
    for mutant in &chosen {
        let file = tree.join(mutant.file);
        let text = fs::read_to_string(&file)?;
        println!("\n-- without the rule that {}", mutant.rule);
        fs::write(&file, mutant.applied(&text)?)?;
        let status = test(&tree, mutant.tests);
        fs::write(&file, text)?;
        match status?.code() {
            Some(TESTS_FAILED) => {}
            Some(0) => missed.push(mutant.rule),
            _ => bail!("the tests could not run without the rule that {}", mutant.rule),
        }
    }
    forget()?;
    println!("{} of {} mutants were noticed", chosen.len() - missed.len(), chosen.len());
    if missed.is_empty() {
        return Ok(());
    }
    bail!("no test fails without the rule that {}", missed.join("; nor that "))
}

/// Removes what was built of the copy: cargo takes it for what the same crates of the repository
/// itself come to, as it tells crates of a workspace apart by their place in it.
fn forget() -> Result<()> {
    for entry in fs::read_dir(root().join("crates"))? {
        let name = entry?.file_name();
        let mut clean = cargo(["clean", "--quiet", "--profile", PROFILE, "--package"]);
        let _status = clean.arg(&name).current_dir(root()).status()?;
    }
    Ok(())
}

fn test(tree: &Path, tests: Tests) -> Result<ExitStatus> {
    let (targets, filter) = match tests {
        Tests::Units(filter) => (["--lib"].as_slice(), filter),
        Tests::Mounted(filter) => (["--bins", "--tests"].as_slice(), filter),
    };
    let common = ["nextest", "run", "--workspace", "--locked", "--cargo-profile", PROFILE];
    let mut nextest = cargo(common.iter().chain(targets).chain(&["--no-tests", "fail", "-E"]));
    // What is not of this workspace is built already.
    nextest.arg(filter).current_dir(tree).env("CARGO_TARGET_DIR", root().join("target"));
    nextest.status().context("cannot run cargo nextest")
}

/// Copies the sources as they are, committed or not.
fn copy() -> Result<PathBuf> {
    let tree = root().join("target/mutants");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    let listed = output(&mut command(
        "git",
        ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    ))?;
    for file in listed.split('\0').filter(|file| !file.is_empty()) {
        let from = root().join(file);
        // One that was removed and not committed is listed still.
        if !from.exists() {
            continue;
        }
        let to = tree.join(file);
        fs::create_dir_all(to.parent().unwrap_or(&tree))?;
        let _bytes = fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
    }
    Ok(tree)
}
