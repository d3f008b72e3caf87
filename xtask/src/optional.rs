//! Checks that need programs which not every machine has.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::languages::{self, EXAMPLES};
use crate::mutants;
use crate::step::{self, cargo};

/// What `/fuzz` has.
const FUZZ_TARGETS: &[&str] = &["config", "dirents", "names", "requests"];

/// For how long each is fuzzed.
const FUZZ_TIME: &str = "-max_total_time=60";

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
    mutants::run("")?;
    let mut not_run = examples()?;
    if exists("cargo-deny") {
        // Advisories are fetched from the network, which a gate does not depend on.
        step::run(&mut cargo(["deny", "check", "bans", "licenses", "sources"]))?;
    } else {
        not_run.push("licences and sources of dependencies: cargo-deny is not installed".into());
    }
    if exists_as(&mut cargo(["+nightly", "fuzz"])) {
        for target in FUZZ_TARGETS {
            step::run(&mut cargo(["+nightly", "fuzz", "run", target, "--", FUZZ_TIME]))?;
        }
    } else {
        not_run.push("fuzzing: cargo-fuzz or a nightly toolchain is not installed".into());
    }
    if !exists("node") {
        not_run.push("the tool matrix's row of node: it is not installed".into());
    }
    judge(&not_run, absence)
}

/// Runs the rows of the examples in other languages, and judges those that could not run.
pub(crate) fn run_examples(absence: Absence) -> Result<()> {
    judge(&examples()?, absence)
}

/// Returns the rows that could not run, with the reason.
fn examples() -> Result<Vec<String>> {
    let mut not_run = Vec::new();
    for example in EXAMPLES {
        println!("\n== {}", example.row);
        let absent = languages::check(example)?;
        not_run.extend(absent.map(|reason| format!("{}: {reason}", example.row)));
    }
    Ok(not_run)
}

/// Lists what could not run; whether that is a failure is the caller's choice.
fn judge(not_run: &[String], absence: Absence) -> Result<()> {
    for check in not_run {
        println!("not run: {check}");
    }
    if absence == Absence::Strict && !not_run.is_empty() {
        bail!("{} checks could not run", not_run.len());
    }
    Ok(())
}

fn exists(program: &str) -> bool {
    exists_as(&mut Command::new(program))
}

/// Returns whether a program that is called this way says its version.
fn exists_as(program: &mut Command) -> bool {
    let probe = program.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fuzz_target_has_a_corpus_and_is_listed() {
        let folder = step::root().join("fuzz/corpus");
        let mut corpora: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        corpora.sort();
        assert_eq!(corpora, FUZZ_TARGETS);
    }
}
