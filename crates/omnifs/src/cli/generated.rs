//! What shells and `man` know of the commands, made from the same definition that parses them.

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, output};
use crate::exit::{Exit, Failure};

/// The program as a user knows it.
fn visible() -> Command {
    without_hidden(&Cli::command()).version(env!("CARGO_PKG_VERSION"))
}

/// Copies what is not hidden of a command. The library has no way to take a part of a command
/// away, and what it makes for shells shows hidden ones, too.
fn without_hidden(command: &Command) -> Command {
    // Names have to live as long as the program, which ends when it has printed.
    let name: &'static str = command.get_name().to_owned().leak();
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    let mut shown = Command::new(name)
        .args(arguments.cloned())
        .subcommands(commands.map(without_hidden))
        .subcommand_required(command.is_subcommand_required_set())
        .disable_help_subcommand(command.is_disable_help_subcommand_set());
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(about) = command.get_long_about() {
        shown = shown.long_about(about.clone());
    }
    shown
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
