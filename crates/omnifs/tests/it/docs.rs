//! What the documentation shows is what happens.

use std::fs;

use testkit::{Sandbox, guests, run};

use crate::{OMNIFS, config_of};

/// A command of a page, and what the page says that it prints.
pub(crate) struct Shown {
    pub(crate) command: String,
    pub(crate) printed: String,
}

/// Returns the commands of all `console` blocks, in order.
pub(crate) fn shown(page: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for line in blocks(page, "console").into_iter().flat_map(str::lines) {
        if let Some(command) = line.strip_prefix("$ ") {
            all.push(Shown { command: command.into(), printed: String::new() });
        } else {
            let last = all.last_mut().unwrap();
            last.printed.extend([line, "\n"]);
        }
    }
    all
}

#[test]
fn the_guide_to_testing_is_true() {
    let sandbox = Sandbox::new(OMNIFS);
    let mounts = sandbox.root().join("mnt");
    let mounts = mounts.to_str().unwrap();
    sandbox.configure(&config_of(&sandbox, &[("my-provider", guests::HELLO_PATH)], ""));
    let built = sandbox.home().join("target/wasm32-wasip2/release");
    fs::create_dir_all(&built).unwrap();
    fs::write(built.join("my_provider.wasm"), guests::HELLO).unwrap();

    let page =
        include_str!("../../../../docs/testing.md").replace("/omnifs/", &format!("{mounts}/"));
    let all = shown(&page);
    assert_eq!(all.len(), page.matches("\n$ ").count(), "a command outside of a block");
    assert!(all.len() >= 20, "{}", all.len());
    for Shown { command, printed } in all {
        // As a terminal shows it: errors between the lines.
        let output = run(sandbox.command("sh").args(["-c", &format!("{{ {command}; }} 2>&1")]));
        assert_eq!(output.stdout, printed, "$ {command}");
    }
}

/// Returns the blocks of a page in a language.
pub(crate) fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    let blocks = page.split(opening.as_str()).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_guide_to_capabilities_is_true() {
    let page = include_str!("../../../../docs/capabilities.md");
    let files = blocks(page, "toml");
    assert!(files.len() >= 5, "{}", files.len());
    let sandbox = Sandbox::new(OMNIFS);
    for text in files {
        sandbox.configure(text);
        let checked = sandbox.omnifs(["config", "check"]);
        assert_eq!(checked.code(), 0, "{text}\n{}", checked.stderr);
    }
    // Each entry of the table is one of the example below it.
    let (_, table) = page.split_once("| entry | what it allows |\n|---|---|\n").unwrap();
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        for entry in row.split('|').nth(1).unwrap().split(", `") {
            let entry = entry.trim_matches([' ', '`']);
            // Up to where the table leaves something out.
            let beginning =
                entry.split("...").next().unwrap().trim_end_matches(['"', ' ', '}', '/']);
            assert!(page.matches(beginning).count() > 1, "not in the example: {entry}");
        }
    }
    sandbox.configure(&config_of(&sandbox, &[("net", guests::IMPORTS_HTTP_PATH)], ""));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    let mounts = sandbox.root().join("mnt").display().to_string();
    let all = shown(page);
    assert_eq!(all.len(), 1);
    for Shown { command, printed } in all {
        let output = sandbox.shell(&command.replace("/omnifs", &mounts));
        assert_eq!(output.stdout, printed, "$ {command}\n{}", output.stderr);
    }
}

/// The template is built by a test of its own.
#[test]
fn the_example_of_reaching_an_api_is_a_part_of_the_template() {
    let page = include_str!("../../../../README.md");
    let template = include_str!("../../templates/http/lib.rs");
    let (_, section) = page.split_once("\n## Reaching an API\n").unwrap();
    let example = section.split_once("```rust\n").unwrap().1.split_once("```").unwrap().0;
    let lines: Vec<&str> = example.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 15, "{example}");
    let mut of_template = template.lines();
    for line in lines {
        assert!(of_template.any(|there| there == line), "not in the template, or later: {line}");
    }
}
