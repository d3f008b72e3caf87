//! The project's commands: `demo`, `examples`, `gate`, `mutants` and `soak` of `cargo xtask`.
#![expect(
    clippy::print_stdout,
    reason = "what these commands print is for the person who ran them"
)]

mod bench;
mod demo;
mod done;
mod gate;
mod languages;
mod mutants;
mod optional;
mod semantics;
mod setup;
mod soak;
mod step;
mod style;
mod suite;

use std::process::ExitCode;

use clap::{Args, Parser};

use crate::optional::Absence::{self, Lenient, Strict};

#[derive(Parser)]
#[command(about = "The project's commands", disable_help_subcommand = true)]
enum Command {
    /// Measure the program beside what it can reach at best, and write bench/RESULTS.md.
    Bench(BenchArgs),
    /// Build everything, mount the sample providers and show their trees.
    Demo(DemoArgs),
    /// Build the examples in other languages and mount them, as `gate --full` does.
    Examples(ExamplesArgs),
    /// Check everything: format, lints, builds, tests, docs.
    Gate(GateArgs),
    /// Take the rules and limits out one by one, and see that a test notices.
    Mutants(MutantsArgs),
    /// Read, walk and search for a while, and say what went wrong.
    Soak(SoakArgs),
}

#[derive(Args)]
struct BenchArgs {
    /// Install rclone, sshfs, s3fs and httpdirfs from the distribution, and measure them, too.
    #[arg(long)]
    peers: bool,
    /// Measure less often, and the memory of fewer nodes.
    #[arg(long)]
    quick: bool,
}

impl BenchArgs {
    /// Returns what was given, as it was written.
    fn words(&self) -> Vec<&'static str> {
        let words = [("--peers", self.peers), ("--quick", self.quick)];
        words.into_iter().filter_map(|(word, given)| given.then_some(word)).collect()
    }
}

#[derive(Args)]
struct DemoArgs {
    /// Run this shell command in the directory of the mounts, then end.
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,
}

#[derive(Args)]
struct GateArgs {
    /// Print what the project promises to be done, with the tests that show it.
    #[arg(long)]
    list: bool,
    /// Run the optional checks, too; those that cannot run here are listed.
    #[arg(long)]
    full: bool,
    /// Fail on optional checks that cannot run here.
    #[arg(long, requires = "full")]
    strict: bool,
}

#[derive(Args)]
struct ExamplesArgs {
    /// Fail when one cannot be built here.
    #[arg(long)]
    strict: bool,
}

#[derive(Args)]
struct MutantsArgs {
    /// Only those whose text or file has this in it.
    #[arg(default_value = "")]
    word: String,
}

#[derive(Args)]
struct SoakArgs {
    /// For how long: 90s, 10m or 2h.
    #[arg(default_value = "10m")]
    time: String,
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Bench(args) => bench::run(&args.words()),
        Command::Demo(args) => demo::run(args.exec.as_deref()),
        Command::Examples(args) => optional::run_examples(absence(args.strict)),
        Command::Mutants(args) => mutants::run(&args.word),
        Command::Soak(args) => soak::run_for(&args.time),
        Command::Gate(args) if args.list => done::print(),
        Command::Gate(GateArgs { full: false, .. }) => gate::run(),
        Command::Gate(args) => gate::run().and_then(|()| optional::run(absence(args.strict))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn absence(strict: bool) -> Absence {
    if strict { Strict } else { Lenient }
}
