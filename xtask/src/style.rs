//! What of the project's style a program can check.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::step::{command, output, root};

/// The longest file, in lines without its tests.
const LINES_MAX: usize = 600;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["common", "core", "helpers", "implementation", "manager", "mod", "types", "utils"];

/// Checks every tracked file.
pub(crate) fn check() -> Result<()> {
    let listed =
        output(&mut command("git", ["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut faults = Vec::new();
    for file in listed.lines() {
        let path = root().join(file);
        if file.ends_with(".rs") && path.is_file() {
            let text = std::fs::read_to_string(&path).with_context(|| file.to_owned())?;
            faults.extend(source_faults(file, &text));
        }
        if file.ends_with(".md") && path.is_file() {
            let text = std::fs::read_to_string(&path).with_context(|| file.to_owned())?;
            faults.extend(dead_links(file, &text));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn source_faults(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        faults.push(format!("{file}: a file is named by its noun, not \"{stem}\""));
    }
    let generated = text.starts_with("// @generated");
    let own = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    if own > LINES_MAX && !generated && !file.contains("/tests/") {
        faults.push(format!("{file}: {own} lines without tests; {LINES_MAX} at most"));
    }
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") && line.contains("=====") {
            faults.push(format!("{file}:{}: a banner", number + 1));
        }
    }
    faults
}

/// Finds links to files of the repository that are not there.
fn dead_links(file: &str, text: &str) -> Vec<String> {
    let folder = root().join(file).parent().map(Path::to_owned).unwrap_or_default();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .filter(|target| !folder.join(target).exists())
        .map(|target| format!("{file}: the link to {target} leads nowhere"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_it_looks_for() {
        let long = "//! x\n".repeat(LINES_MAX + 1);
        assert_eq!(source_faults("src/a.rs", &long).len(), 1);
        assert_eq!(source_faults("src/utils.rs", "//! x\n").len(), 1);
        assert_eq!(source_faults("src/a.rs", "// =====\n").len(), 1);
        assert!(source_faults("src/a.rs", "//! x\n").is_empty());
        assert_eq!(dead_links("README.md", "[a](Cargo.toml) [b](no/such.md#x) [c](#x)").len(), 1);
    }
}
