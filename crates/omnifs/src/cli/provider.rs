//! `omnifs provider`: what is in the file of providers, and changing it.

mod add;
mod list;
mod remove;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::given::Given;
use crate::config::Config;
use crate::config::file::Exclusive;
use crate::daemon::lock;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// What a command says after a change where a daemon runs: it follows the file.
const PICKED_UP: &str = "the running daemon picks this up";

#[derive(Debug, Subcommand)]
pub(super) enum ProviderCommand {
    /// Show the providers of the configuration, and those embedded in this program
    List(ListArgs),
    /// Add a provider to the configuration
    Add(AddArgs),
    /// Remove a provider from the configuration
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// A component file, or the name of an embedded provider
    ///
    /// With a `/` in it, or `.wasm` at its end, it is a file.
    #[arg(value_name = "FILE.wasm|NAME")]
    component: PathBuf,
    /// What to call it [default: the file's name, or that of the embedded provider]
    #[arg(long)]
    name: Option<String>,
    /// Where to mount it [default: /omnifs/NAME if /omnifs is writable, else ~/omnifs/NAME]
    #[arg(long, value_name = "DIRECTORY")]
    mount: Option<PathBuf>,
    /// Grant what it asks for without being asked
    #[arg(long)]
    grant: bool,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The provider's name
    name: String,
}

/// Does what was asked.
pub(super) fn run(command: &ProviderCommand, places: &Places) -> Result<Exit, Failure> {
    match command {
        ProviderCommand::List(arguments) => list::run(arguments, places),
        ProviderCommand::Add(arguments) => add::run(arguments, places),
        ProviderCommand::Remove(arguments) => remove::run(&arguments.name, places),
    }
}

/// Returns the file, which no other command changes meanwhile, and what it says.
///
/// # Errors
/// [`Exit::Config`] when it has a mistake already.
fn open(places: &Places) -> Result<(Exclusive, Config), Failure> {
    let file = Exclusive::open(&places.config)?;
    let config = Config::of_text(&file.text, &places.config, &places.home)?;
    Ok((file, config))
}

/// Replaces the file by the text and returns what that says; a text with a mistake, as a mount
/// inside another, changes nothing.
fn save(file: Exclusive, text: &str, places: &Places) -> Result<Config, Failure> {
    let config = Config::of_text(text, &places.config, &places.home)
        .map_err(|error| Failure::rendered(Exit::Failure, error.render()))?;
    file.replace(text)?;
    Ok(config)
}

/// Whether a daemon runs, which has to be told of a change.
fn daemon_runs(places: &Places) -> Result<bool, Failure> {
    Ok(lock::holder(places)?.is_some())
}
