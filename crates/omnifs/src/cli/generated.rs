//! What shells and `man` know of the commands, made from the same definition that parses them.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, output};
use crate::exit::{Exit, Failure};

/// The program as a user knows it. The library has no way to take a command away, and what it
/// makes for shells shows hidden ones, too.
fn visible() -> clap::Command {
    let whole = Cli::command();
    let mut shown = clap::Command::new("omnifs")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .subcommand_required(true);
    if let Some(about) = whole.get_about() {
        shown = shown.about(about.clone());
    }
    shown.subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut visible(), "omnifs", &mut text);
    output::write(&text)?;
    Ok(Exit::Success)
}

/// Prints the manual page of the program, or writes those of all commands into a directory.
pub(super) fn man(directory: Option<&Path>) -> Result<Exit, Failure> {
    let Some(directory) = directory else {
        let mut text = Vec::new();
        Man::new(visible()).render(&mut text).context("cannot make the manual page")?;
        output::write(&text)?;
        return Ok(Exit::Success);
    };
    let shown = directory.display();
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(visible(), directory))
        .with_context(|| format!("cannot write the manual pages to {shown}"))?;
    output::print(&format!("wrote omnifs.1 and a page for each command to {shown}\n"))?;
    Ok(Exit::Success)
}
