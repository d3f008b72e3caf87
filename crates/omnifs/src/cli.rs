//! The commands.

mod access;
mod asked;
mod cache;
mod check;
mod config;
mod demo;
mod dev;
mod doctor;
mod errors;
mod explain;
mod generated;
mod given;
mod launch;
mod logs;
mod mount;
mod output;
mod probe;
mod provider;
mod running;
mod secrets;
mod status;
mod table;
mod test;
mod top;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::author;
use crate::daemon::{self, Mode};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Mounts anything that has an API as ordinary files.
#[derive(Debug, Parser)]
#[command(name = "omnifs", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin a new provider
    Init(author::InitArgs),
    /// Build the provider in this directory
    Build(author::BuildArgs),
    /// Test the provider in this directory against the contract and recorded exchanges
    Test(test::TestArgs),
    /// Mount the provider in this directory, build it again whenever a source is saved, and show
    /// what is asked of it, until Ctrl-C
    Dev(dev::DevArgs),
    /// Check whether a file is a provider that this program can run
    Check(CheckArgs),
    /// Show, add and remove providers
    #[command(subcommand, disable_help_subcommand = true)]
    Provider(provider::ProviderCommand),
    /// Mount the embedded sample providers in a temporary home and show them, until Ctrl-C
    Demo(demo::DemoArgs),
    /// Start the daemon and mount every provider
    Start(StartArgs),
    /// Unmount every provider and end the daemon
    Stop,
    /// Stop the daemon if it runs, and start it
    Restart,
    /// Apply the configuration and changed components; saving them does the same
    Reload,
    /// Show what is mounted
    Status(StatusArgs),
    /// Show what the providers do, second by second: requests, where answers are found, upstream
    /// requests, errors, slow calls; q ends, the arrow keys choose the order
    Top(top::TopArgs),
    /// Print the daemon's metrics in Prometheus' text format
    Metrics,
    /// Show the daemon's log
    Logs(LogsArgs),
    /// Show what went wrong lately, and why
    Errors(ErrorsArgs),
    /// Say whose a path is, what is known of it, and what went wrong there last
    Explain(PathArgs),
    /// List a directory without a mount
    Ls(access::LsArgs),
    /// Print files without a mount
    Cat(access::CatArgs),
    /// Print the paths below one without a mount
    Find(access::FindArgs),
    /// Say what a path is without a mount
    Stat(access::StatArgs),
    /// Ask anew for everything at and below a path, at its next use
    Refresh(PathArgs),
    /// Look at what is kept of the providers' answers, and remove it
    #[command(subcommand, disable_help_subcommand = true)]
    Cache(CacheCommand),
    /// Look at the secrets of the configuration
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Look for what keeps omnifs from working here, and say how to correct it
    Doctor(DoctorArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands into a directory
    Man(ManArgs),
    /// Read the directories that standard input names as a program would
    #[command(name = probe::COMMAND, hide = true)]
    Probe,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct StartArgs {
    /// Mount nothing: `omnifs ls`, `cat`, `find` and `stat` read through the daemon
    #[arg(long)]
    no_mount: bool,
    /// Stay in the foreground and log to the terminal, too
    #[arg(long)]
    foreground: bool,
    /// Leave the terminal and report on standard output
    #[arg(long, hide = true, requires = "foreground")]
    detached: bool,
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show memory, disk, requests, errors and traps, too
    #[arg(short, long, conflicts_with = "json")]
    wide: bool,
}

#[derive(Debug, Args)]
struct LogsArgs {
    /// Go on showing what is added
    #[arg(short, long)]
    follow: bool,
    /// Show the last N lines only [default: all, with --follow 10]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
}

#[derive(Debug, Args)]
struct ErrorsArgs {
    /// Of this provider only
    #[arg(value_name = "PROVIDER")]
    provider: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PathArgs {
    /// A file or directory below a mount, or one that should be there
    path: PathBuf,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Show what the caches hold and how well they serve
    Stats(CacheStatsArgs),
    /// Remove what is kept of all providers, or of what is below a path
    Clear(CacheClearArgs),
}

#[derive(Debug, Args)]
struct CacheStatsArgs {
    /// Of the provider that this is below the mount of only
    path: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CacheClearArgs {
    /// Below this file or directory of a mount only
    path: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Try to read every secret and say where it may be sent; values are never shown
    Check,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check providers.toml and say how many providers it names
    Check,
}

#[derive(Debug, Args)]
struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
struct ManArgs {
    /// Where to write the pages; made when it is missing
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Runs the command that the arguments name, or the mount helper under its name, and prints
/// why it failed.
pub(crate) fn run() -> ExitCode {
    if std::env::args_os().next().is_some_and(|program| mount::is_helper(&program)) {
        return (mount::run(std::env::args_os()) as u8).into();
    }
    command().into()
}

fn command() -> Exit {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => {
            // Help and version come this way, too; with a closed output there is nobody to tell.
            let _closed = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    match dispatch(command) {
        Ok(exit) => exit,
        Err(failure) => {
            output::error(&failure.text());
            failure.exit
        }
    }
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Init(arguments) => {
            author::init(&arguments).map(|()| Exit::Success).map_err(Failure::from)
        }
        Command::Build(arguments) => {
            author::build(&arguments).map(|()| Exit::Success).map_err(Failure::from)
        }
        Command::Test(arguments) => test::run(&arguments, &Places::find()?),
        Command::Dev(arguments) => dev::run(arguments, &Places::find()?),
        Command::Check(CheckArgs { file, json: true }) => check::json(&file),
        Command::Check(CheckArgs { file, json: false }) => check::run(&file),
        Command::Provider(command) => provider::run(&command, &Places::find()?),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Start(StartArgs { foreground: false, no_mount, .. }) => {
            launch::start(&Places::find()?, !no_mount)
        }
        Command::Start(StartArgs { detached, no_mount, .. }) => {
            let mode = if detached { Mode::Detached } else { Mode::Foreground };
            daemon::run(&Places::find()?, mode, !no_mount)
        }
        Command::Stop => running::stop(&Places::find()?),
        Command::Restart => launch::restart(&Places::find()?),
        Command::Reload => launch::reload(&Places::find()?),
        Command::Status(StatusArgs { json: true, .. }) => status::json(&Places::find()?),
        Command::Status(StatusArgs { wide, .. }) => {
            let columns = if wide { table::Columns::Wide } else { table::Columns::Full };
            status::table_of(&Places::find()?, columns)
        }
        Command::Top(arguments) => top::run(&arguments, &Places::find()?),
        Command::Metrics => top::metrics(&Places::find()?),
        Command::Logs(LogsArgs { follow: true, lines }) => {
            logs::follow(&Places::find()?.log(), lines)
        }
        Command::Logs(LogsArgs { lines, .. }) => logs::show(&Places::find()?.log(), lines),
        Command::Errors(ErrorsArgs { provider, json }) => {
            errors::list(&Places::find()?, provider.as_deref(), json)
        }
        Command::Explain(arguments) => explain::explain(&Places::find()?, &arguments.path),
        Command::Ls(arguments) => access::ls(&arguments, &Places::find()?),
        Command::Cat(arguments) => access::cat(&arguments, &Places::find()?),
        Command::Find(arguments) => access::find(&arguments, &Places::find()?),
        Command::Stat(arguments) => access::stat(&arguments, &Places::find()?),
        Command::Refresh(arguments) => explain::refresh(&Places::find()?, &arguments.path),
        Command::Cache(CacheCommand::Stats(CacheStatsArgs { path, json })) => {
            cache::stats(&Places::find()?, path.as_deref(), json)
        }
        Command::Cache(CacheCommand::Clear(CacheClearArgs { path })) => {
            cache::clear(&Places::find()?, path.as_deref())
        }
        Command::Secrets(SecretsCommand::Check) => secrets::check(&Places::find()?),
        Command::Doctor(DoctorArgs { json: true }) => doctor::json(&Places::find()?),
        Command::Doctor(DoctorArgs { json: false }) => doctor::list(&Places::find()?),
        Command::Config(ConfigCommand::Check) => config::check(&Places::find()?),
        Command::Completions(arguments) => generated::completions(arguments.shell),
        Command::Man(arguments) => generated::man(arguments.directory.as_deref()),
        Command::Probe => probe::answer(),
    }
}
