//! The test suite as the test runner sees it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::languages;
use crate::step::{PROFILE, cargo, output, run};

/// Builds every test and returns their names, as `package::binary test`, and whether each is
/// ignored or filtered out. Those of the examples in other languages are not among them.
pub(crate) fn list() -> Result<BTreeMap<String, bool>> {
    let arguments = ["nextest", "list", "--workspace", "--locked", "--message-format", "json"];
    let listed = output(&mut cargo(arguments.iter().chain(&["--cargo-profile", PROFILE])))?;
    let listed: Value = serde_json::from_str(&listed).context("nextest's list is no JSON")?;
    let suites = listed.get("rust-suites").and_then(Value::as_object);
    let mut tests = BTreeMap::new();
    for (binary, suite) in suites.context("nextest's list has no suites")? {
        let cases = suite.get("testcases").and_then(Value::as_object);
        for (name, case) in cases.into_iter().flatten() {
            if !name.starts_with(languages::TESTS) {
                tests.insert(format!("{binary} {name}"), !runs(case));
            }
        }
    }
    if tests.is_empty() {
        bail!("there are no tests");
    }
    Ok(tests)
}

/// Returns whether a run of all tests runs this one.
fn runs(case: &Value) -> bool {
    let ignored = case.get("ignored").and_then(Value::as_bool).unwrap_or(true);
    let status = case.get("filter-match").and_then(|found| found.get("status"));
    !ignored && status.and_then(Value::as_str) == Some("matches")
}

/// Runs every test.
pub(crate) fn run_all() -> Result<()> {
    let arguments = ["nextest", "run", "--workspace", "--locked", "--profile", "gate"];
    run(&mut cargo(arguments.iter().chain(&["--cargo-profile", PROFILE])))
}

/// Returns the mount points of the project's file systems.
pub(crate) fn mounts() -> Result<Vec<String>> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").context("/proc/self/mounts")?;
    let ours = mounts.lines().filter(|line| line.contains(" fuse.omnifs "));
    Ok(ours.filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::runs;

    #[test]
    fn what_is_ignored_or_filtered_out_does_not_run() {
        let case = |ignored: bool, status: &str| json!({"ignored": ignored, "filter-match": {"status": status}});
        assert!(runs(&case(false, "matches")));
        assert!(!runs(&case(true, "matches")));
        assert!(!runs(&case(false, "mismatch")));
        assert!(!runs(&json!({})));
    }
}
