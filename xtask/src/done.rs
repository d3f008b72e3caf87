//! What the project promises to be done, and the tests that show it.

mod authors;
mod dns;
mod host;
mod providers;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::languages::EXAMPLES;

/// A promise, and what shows it: tests, as `package::binary test`, steps of the gate, as
/// `step NAME`, or rows of the full gate, as `row NAME`.
struct Promise {
    text: &'static str,
    tests: &'static [&'static str],
}

/// The steps of the gate that show a promise by themselves.
const STEPS: &[&str] = &["demo", "tests of the providers"];

/// Returns all of them.
fn all() -> impl Iterator<Item = &'static Promise> {
    let own = host::PROMISES.iter().chain(authors::PROMISES);
    own.chain(dns::PROMISES).chain(providers::PROMISES)
}

/// Prints every promise with its tests.
#[expect(clippy::unnecessary_wraps, reason = "a command like the others")]
pub(crate) fn print() -> Result<()> {
    for Promise { text, tests } in all() {
        println!("- {text}");
        for test in *tests {
            println!("    {test}");
        }
    }
    Ok(())
}

/// Checks that every promise is shown by tests that exist, and that no test is ignored.
pub(crate) fn check(tests: &BTreeMap<String, bool>) -> Result<()> {
    let mut faults: Vec<String> = tests
        .iter()
        .filter(|(_, ignored)| **ignored)
        .map(|(test, _)| format!("ignored or filtered out: {test}"))
        .collect();
    for Promise { text, tests: shown } in all() {
        if shown.is_empty() {
            faults.push(format!("no test shows: {text}"));
        }
        let known = |test: &str| match test.split_once(' ') {
            Some(("step", step)) => STEPS.contains(&step),
            Some(("row", row)) => EXAMPLES.iter().any(|example| example.row == row),
            _ => tests.contains_key(test),
        };
        let missing = shown.iter().filter(|test| !known(test));
        faults.extend(missing.map(|test| format!("no such test: {test}")));
    }
    if faults.is_empty() {
        println!("{} promises, {} tests", all().count(), tests.len());
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_and_an_ignored_test_are_faults() {
        let all = all().flat_map(|promise| promise.tests);
        let all = all.filter(|test| !test.starts_with("step ") && !test.starts_with("row "));
        let mut tests: BTreeMap<_, _> = all.map(|test| ((*test).to_owned(), false)).collect();
        assert!(check(&tests).is_ok());
        tests.insert("omnifs::it x".to_owned(), true);
        assert!(check(&tests).unwrap_err().to_string().contains("filtered out: omnifs::it x"));
        tests.pop_first();
        assert!(check(&tests).is_err());
    }
}
