//! `docs/guide.md`: who has nothing but that gets there.

use std::fs;

use testkit::{Sandbox, run};

use crate::OMNIFS;
use crate::docs::{Shown, blocks, shown};

const GUIDE: &str = include_str!("../../../../../docs/guide.md");
const TEMPLATE: &str = include_str!("../../../templates/router/lib.rs");

/// Each block of Rust is a part of the file that `omnifs init` writes and that is built here.
#[test]
fn the_rust_of_the_guide_is_that_of_the_template() {
    let parts = blocks(GUIDE, "rust");
    assert!(parts.len() >= 6, "{}", parts.len());
    for part in parts {
        assert!(TEMPLATE.contains(part), "not in the template:\n{part}");
    }
    assert!(TEMPLATE.lines().count() < 150);
}

#[test]
fn a_new_author_gets_there_with_the_guide_alone() {
    let sandbox = Sandbox::new(OMNIFS);
    let all = shown(GUIDE);
    assert_eq!(all.len(), GUIDE.matches("\n$ ").count(), "a command outside of a block");
    assert!(all.len() >= 4, "{}", all.len());
    // One shell for all, as an author has it.
    let mark = "---- end of a command";
    let script: String =
        all.iter().map(|shown| format!("{{ {}; }} 2>&1\necho '{mark}'\n", shown.command)).collect();
    let output = run(sandbox.rust_command("sh").args(["-c", &script]).current_dir(sandbox.home()));
    let printed: Vec<&str> = output.stdout.split(&format!("{mark}\n")).collect();
    for (Shown { command, printed }, said) in all.iter().zip(&printed) {
        assert_eq!(said, printed, "$ {command}\n{}", output.stderr);
    }
    assert_eq!(printed.len(), all.len() + 1);
    let built = sandbox.home().join("issues/target/wasm32-wasip2/release/issues.wasm");
    assert!(fs::metadata(built).unwrap().is_file());
}

/// Its pages are in the book, and every page of the book is there.
#[test]
fn the_book_has_every_page() {
    let summary = include_str!("../../../../../docs/SUMMARY.md");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "SUMMARY.md" {
            assert!(summary.contains(&format!("]({name})")), "{name}");
        }
    }
}
