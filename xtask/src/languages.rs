//! The examples of `/examples`, built as their pages say and mounted.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::step::{PROFILE, cargo, command, output, root, run};

/// The module of the tests that only these rows run.
pub(crate) const TESTS: &str = "languages::";

/// An example and its row of the gate.
#[derive(Debug)]
pub(crate) struct Example {
    /// The name of the row.
    pub(crate) row: &'static str,
    /// Its folder in `/examples`.
    folder: &'static str,
    /// The component that its page's last command makes.
    component: &'static str,
    /// The module of its tests.
    tests: &'static str,
}

/// Every example.
pub(crate) const EXAMPLES: &[Example] = &[
    Example {
        row: "python provider",
        folder: "python",
        component: "almanac.wasm",
        tests: "languages::almanac::",
    },
    Example {
        row: "javascript provider",
        folder: "javascript",
        component: "issues.wasm",
        tests: "languages::issues::",
    },
];

/// Builds an example in a copy below `target/` by the commands of its page, and runs its tests.
/// Returns why it cannot be built here, when the tools for it cannot be had.
pub(crate) fn check(example: &Example) -> Result<Option<String>> {
    let copy = root().join("target/examples");
    take_along(&["wit", &format!("examples/{}", example.folder)], &copy)?;
    let folder = copy.join("examples").join(example.folder);
    let page = fs::read_to_string(folder.join("README.md"));
    let page = page.with_context(|| format!("examples/{}/README.md", example.folder))?;
    let commands = build_commands(&page);
    let Some((build, tools)) = commands.split_last() else {
        bail!("examples/{}/README.md has no commands below \"## Build\"", example.folder);
    };
    for tool in tools {
        if let Err(error) = run(command("sh", ["-c", tool]).current_dir(&folder)) {
            return Ok(Some(format!("{error:#}")));
        }
    }
    run(command("sh", ["-c", build]).current_dir(&folder))?;
    let components = copy.join("components");
    fs::create_dir_all(&components).context("target/examples")?;
    fs::copy(folder.join(example.component), components.join(example.component))
        .with_context(|| format!("{build} has not made {}", example.component))?;
    let profile = ["--cargo-profile", PROFILE, "--profile", "gate"];
    let mut tests = cargo(["nextest", "run", "--workspace", "--locked", "--ignore-default-filter"]);
    let wanted = format!("test(/^{}/)", example.tests);
    run(tests.args(profile).args(["-E", &wanted]).env("OMNIFS_EXAMPLES", components))?;
    Ok(None)
}

/// Copies files of the repository, so that nothing is built in it.
fn take_along(folders: &[&str], to: &Path) -> Result<()> {
    let listing = ["ls-files", "--cached", "--others", "--exclude-standard", "--"];
    for file in output(&mut command("git", listing.iter().chain(folders)))?.lines() {
        let copy = to.join(file);
        fs::create_dir_all(copy.parent().unwrap_or(to)).with_context(|| file.to_owned())?;
        fs::copy(root().join(file), copy).with_context(|| file.to_owned())?;
    }
    Ok(())
}

/// Returns the commands below "## Build" of a page: all but the last get the tools.
fn build_commands(page: &str) -> Vec<&str> {
    let section = page.split("\n## ").find_map(|section| section.strip_prefix("Build\n"));
    let block =
        section.and_then(|section| section.split("```console\n").nth(1)?.split("```").next());
    block.unwrap_or_default().lines().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_its_commands_and_a_row() {
        let mut folders = Vec::new();
        for entry in fs::read_dir(root().join("examples")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let page = root().join("examples").join(&name).join("README.md");
            let page = fs::read_to_string(page).unwrap();
            let commands = build_commands(&page);
            assert!((2..=3).contains(&commands.len()), "{name}: {commands:?}");
            folders.push(name);
        }
        folders.sort();
        let mut rows: Vec<_> = EXAMPLES.iter().map(|example| example.folder).collect();
        rows.sort_unstable();
        assert_eq!(folders, rows);
    }

    #[test]
    fn commands_are_those_of_the_section() {
        let page = "# x\n\n```console\nno\n```\n\n## Build\n\nText.\n\n```console\na\nb c\n```\n\n## More\n";
        assert_eq!(build_commands(page), ["a", "b c"]);
        assert!(build_commands("# x\n").is_empty());
    }
}
