//! `docs/semantics.md`: every promise of the page has tests that show it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::step::root;

/// The page.
const PAGE: &str = "docs/semantics.md";

/// Sees that each promise names tests, and that there are these tests.
pub(crate) fn check(tests: &BTreeMap<String, bool>) -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).with_context(|| PAGE.to_owned())?;
    let promises = promises(&page);
    let faults: Vec<String> = promises
        .iter()
        .flat_map(|promise| faults(promise, &|test| tests.contains_key(test)))
        .collect();
    if promises.is_empty() || !faults.is_empty() {
        bail!("{PAGE}: {} promises\n{}", promises.len(), faults.join("\n"));
    }
    println!("{} promises in {PAGE}", promises.len());
    Ok(())
}

/// Returns the items of the page's lists, each with the comment that follows.
fn promises(page: &str) -> Vec<String> {
    let mut promises: Vec<String> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(text) = line.strip_prefix("- ") {
            promises.push(text.to_owned());
            inside = true;
        } else if line.starts_with("  ") && inside {
            let last = promises.last_mut().into_iter();
            last.for_each(|promise| promise.push_str(&format!(" {}", line.trim())));
        } else {
            inside = false;
        }
    }
    promises
}

fn faults(promise: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let parts = promise.split_once("<!-- ").and_then(|(text, rest)| {
        let (tests, _) = rest.split_once(" -->")?;
        Some((text, tests))
    });
    match parts {
        None => vec![format!("no test shows: {promise}")],
        Some((text, tests)) => {
            let missing = tests.split(", ").filter(|test| !exists(test));
            missing.map(|test| format!("no such test: {test}, of: {text}")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_an_item_with_all_its_lines() {
        let page = "# A\n\n- One\n  more.\n  <!-- a b, c d -->\n- Two.\n\n  no item\n";
        assert_eq!(promises(page), ["One more. <!-- a b, c d -->", "Two."]);
    }

    #[test]
    fn a_promise_without_a_test_is_a_fault_and_so_is_a_test_that_is_none() {
        let exists = |test: &str| test == "a b";
        assert_eq!(faults("One. <!-- a b -->", &exists), Vec::<String>::new());
        assert_eq!(faults("One.", &exists).len(), 1);
        let missing = faults("One. <!-- a b, c d -->", &exists);
        assert_eq!(missing, ["no such test: c d, of: One. "]);
    }
}
