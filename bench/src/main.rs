//! `bench`: measures mounts of one upstream beside what they can reach at best and beside peers, in
//! one run on one machine, and writes the table `RESULTS.md` and its charts. `cargo xtask bench`
//! builds and starts it.
//!
//! It knows the product only as a program with a command line, and its mounts only as directories.
#![expect(clippy::print_stdout, reason = "a command that says how far it is")]

mod bucket;
mod caretaker;
mod chart;
mod client;
mod cost;
mod figure;
mod floor;
mod lab;
mod machine;
mod nginx;
mod omnifs;
mod peers;
mod report;
mod row;
mod rows;
mod tree;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};

use crate::lab::{Effort, Lab};
use crate::machine::Machine;
use crate::report::Report;
use crate::row::Row;

#[derive(Parser)]
#[command(about = "Measures mounts", disable_help_subcommand = true)]
enum Command {
    /// Measure everything and write the results.
    Run(RunArgs),
    /// Serve a directory from memory, without wasm, until it is unmounted.
    Floor { tree: PathBuf, mountpoint: PathBuf },
    /// Hand on what comes to one port of loopback to another, some milliseconds later.
    Relay { from: u16, to: u16, milliseconds: u64 },
}

#[derive(Args)]
struct RunArgs {
    /// The program to measure.
    #[arg(long)]
    omnifs: PathBuf,
    /// The component to mount, as `path` in providers.toml.
    #[arg(long, default_value = "builtin:httpdir")]
    component: String,
    /// The directory of hello.wasm and tree.wasm, between which components are swapped.
    #[arg(long)]
    components: Option<PathBuf>,
    /// Where the results go.
    #[arg(long)]
    out: PathBuf,
    /// Measure the peers that are installed, too.
    #[arg(long)]
    peers: bool,
    /// Measure less often, and the memory of fewer nodes.
    #[arg(long)]
    quick: bool,
    /// Measure only the groups of rows whose names have this in them.
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Run(args) => run(args),
        Command::Floor { tree, mountpoint } => floor::serve(&tree, &mountpoint),
        Command::Relay { from, to, milliseconds } => {
            peers::forward(from, to, Duration::from_millis(milliseconds))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nbench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: RunArgs) -> Result<()> {
    lab::check_machine()?;
    let RunArgs { omnifs, component, components, out, peers, quick, only } = args;
    let omnifs = fs::canonicalize(&omnifs).with_context(|| omnifs.display().to_string())?;
    let effort = if quick {
        Effort { turns: 2, limit: Duration::from_secs(30), nodes: 100_000 }
    } else {
        Effort { turns: 5, limit: Duration::from_secs(120), nodes: 1_000_000 }
    };
    println!("planting the tree");
    let mut lab = Lab::open(omnifs, component, effort)?;
    lab.components = components;
    let mut report = Report::default();
    if peers {
        report.absent = lab.invite();
    }
    let words = [("--peers", peers), ("--quick", quick)];
    let words: Vec<_> = words.iter().filter(|(_, given)| *given).map(|(word, _)| *word).collect();
    let command = ["cargo xtask bench"].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    let mut machine = Machine::look(&lab.omnifs, &command, &lab.peers);
    if quick {
        report.notes.push(
            "quick: two samples of each warm row, one of each cold row, and a tenth of the nodes"
                .to_owned(),
        );
    }
    // After each group: a run of an hour that is interrupted leaves what it has measured.
    rows::measure(&lab, (&mut report, &only), |report| write(&out, report, &machine))?;
    machine.end();
    drop(lab);

    write(&out, &report, &machine)?;
    println!("\n{} rows are in {}", report.rows.len(), out.join("RESULTS.md").display());
    let wrong = report.wrong();
    if !wrong.is_empty() {
        bail!("wrong bytes or counts: {}", wrong.join("; "));
    }
    Ok(())
}

/// Writes the table and the charts.
fn write(out: &Path, report: &Report, machine: &Machine) -> Result<()> {
    fs::write(out.join("RESULTS.md"), report.markdown(machine))?;
    type Filter = fn(&Row) -> bool;
    let charts: [(&str, &str, Filter); 2] = [
        ("warm.svg", "Warm", |row| row.what.starts_with("warm")),
        ("cold.svg", "Cold, and large", |row| {
            row.what.contains("cold") || row.what.contains("GiB")
        }),
    ];
    for (file, title, is_in) in charts {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| is_in(row)).collect();
        fs::write(out.join(file), chart::chart(title, &rows))?;
    }
    Ok(())
}
