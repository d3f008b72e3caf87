//! `docs/semantics.md`: every promise of the page has tests that show it, of which one quotes it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::step::root;

/// The page.
const PAGE: &str = "docs/semantics.md";

/// What a line of documentation begins with that quotes a promise.
const QUOTE: &str = "/// > ";

/// Sees that each promise names tests, that there are these tests, and that one quotes it.
pub(crate) fn check(tests: &BTreeMap<String, bool>) -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).with_context(|| PAGE.to_owned())?;
    let promises = promises(&page);
    let faults: Vec<String> = promises
        .iter()
        .flat_map(|promise| faults(promise, &|test| tests.contains_key(test)))
        .chain(unquoted(&promises, &quotes_in(&root().join("crates"))?))
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

/// Returns the promises that none of their tests quotes, and the quotes that are of no promise.
fn unquoted(promises: &[String], quotes: &[Quote]) -> Vec<String> {
    let texts = promises.iter().filter_map(|promise| {
        let (text, tests) = promise.split_once(" <!-- ")?;
        Some((text, tests.trim_end_matches(" -->").split(", ").collect::<Vec<_>>()))
    });
    let texts: Vec<(&str, Vec<&str>)> = texts.collect();
    let is_of = |quote: &Quote, (text, tests): &(&str, Vec<&str>)| {
        let named = |test: &&str| test.rsplit([':', ' ']).next() == Some(&quote.test);
        quote.text == *text && tests.iter().any(named)
    };
    let silent = texts.iter().filter(|promise| !quotes.iter().any(|quote| is_of(quote, promise)));
    let silent = silent.map(|(text, _)| format!("no test of it quotes: {text}"));
    let loose = quotes.iter().filter(|quote| !texts.iter().any(|promise| is_of(quote, promise)));
    let loose =
        loose.map(|quote| format!("{} quotes what is no promise: {}", quote.test, quote.text));
    silent.chain(loose).collect()
}

/// A promise as the documentation of a test quotes it.
#[derive(Debug, PartialEq, Eq)]
struct Quote {
    text: String,
    /// The name of the function.
    test: String,
}

/// Returns all quotes in the sources below a directory.
fn quotes_in(directory: &Path) -> Result<Vec<Quote>> {
    let mut quotes = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("target") {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                quotes.extend(self::quotes(&std::fs::read_to_string(&path)?));
            }
        }
    }
    Ok(quotes)
}

fn quotes(source: &str) -> Vec<Quote> {
    let mut quotes = Vec::new();
    let mut text: Vec<&str> = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some(quoted) = line.strip_prefix(QUOTE) {
            text.push(quoted);
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| !text.is_empty()) {
            let test = rest.split('(').next().unwrap_or_default().to_owned();
            quotes.push(Quote { text: text.join(" "), test });
            text.clear();
        }
    }
    quotes
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
    fn a_promise_is_quoted_by_a_test_of_its_own() {
        let source = "/// > One\n/// > more.\n///\n/// Why.\n#[test]\nasync fn b() {}\nfn c() {}\n";
        let found = quotes(source);
        assert_eq!(found, [Quote { text: "One more.".to_owned(), test: "b".to_owned() }]);
        let faults = |promise: &str| unquoted(&[promise.to_owned()], &found);
        assert_eq!(faults("One more. <!-- a b, c d::e -->"), Vec::<String>::new());
        let other = faults("One. <!-- a b -->");
        assert_eq!(other.len(), 2, "silent, and a loose quote: {other:?}");
        assert_eq!(faults("One more. <!-- a c -->").len(), 2);
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
