//! `omnifs test`: does the provider in this directory keep the contract?

mod files;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use self::files::Files;
use super::output::{self, plain};
use crate::author;
use crate::config::Config;
use crate::daemon::tested::Bench;
use crate::exit::{Exit, Failure};
use crate::places::Places;
use crate::suite::{self, Bounds, Case, Outcome, Verdict};

/// How many findings of a rule, and how many notes, are shown.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Ask the upstreams that tests/provider.toml allows, and write down what they answer
    #[arg(long)]
    record: bool,
    /// Write the tree to tests/tree.txt
    #[arg(long)]
    bless: bool,
    /// Test this component, with the directory `tests` that is here, and build nothing
    #[arg(long, value_name = "FILE.wasm")]
    provider: Option<PathBuf>,
    /// Download nothing for the build
    #[arg(long, conflicts_with = "provider")]
    offline: bool,
    /// Walk so many files and directories at most
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    nodes: usize,
    /// Walk so many directories deep at most
    #[arg(long, value_name = "N", default_value_t = 16)]
    depth: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    passed: bool,
    rules: &'a [Verdict],
}

/// Builds the provider, judges it, and prints what was found.
pub(super) fn run(arguments: &TestArgs, places: &Places) -> Result<Exit, Failure> {
    let (directory, component) = component(arguments)?;
    let files = Files::of(&directory);
    let text = files.provider_text()?;
    let file = files.provider();
    let config = || Config::of_tested((&text, &file), &component, &places.home);
    let bench = || Bench::new(config()?, places);
    let bounds = Bounds { nodes: arguments.nodes.max(1), depth: arguments.depth };
    let golden = if arguments.bless { None } else { files.tree()? };
    let mut case = Case { bench: &bench, exchanges: Vec::new(), golden, bounds };
    if arguments.record {
        // Whom this machine's user trusts, the recorder trusts, too.
        let host = match places.config.exists() {
            true => Some(Config::load(&places.config, &places.home)?.host),
            false => None,
        };
        let live = || {
            let config = config()?;
            Bench::new(Config { host: host.clone().unwrap_or(config.host), ..config }, places)
        };
        record(&Case { bench: &live, ..case.clone() }, &files)?;
    }
    case.exchanges = files.exchanges()?;
    // Time stands still but for waiting, which takes none: what is late is so at once, and a busy
    // machine makes nothing late.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .context("cannot run the suite")?;
    let outcome = runtime.block_on(suite::judge(&case));
    runtime.shutdown_background();
    let mut outcome = outcome?;
    if arguments.bless {
        bless(&mut outcome, &files)?;
    }
    print(arguments, &outcome)
}

/// Writes down what upstreams answer.
fn record(case: &Case<'_>, files: &Files) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let recording = runtime.block_on(suite::record(case));
    // Connections that are kept open are nobody's any more.
    runtime.shutdown_background();
    let (recording, unfinished) = recording?;
    let file = files.write_recording(&recording)?;
    let (count, file) = (recording.exchanges.len(), shown(&file));
    output::error(&format!("note: wrote {count} exchanges to {file}\n"));
    for request in unfinished {
        let request = plain(&request);
        output::error(&format!("note: {request} is there as far as it was read\n"));
    }
    Ok(())
}

/// Returns where the provider is, and its component.
fn component(arguments: &TestArgs) -> Result<(PathBuf, PathBuf), Failure> {
    let working = std::env::current_dir().context("cannot find the working directory")?;
    match &arguments.provider {
        Some(file) => Ok((working.clone(), working.join(file))),
        None => {
            let (directory, component) = author::component(arguments.offline)?;
            Ok((directory, working.join(component)))
        }
    }
}

/// Writes the tree down, if the walk saw all of it.
fn bless(outcome: &mut Outcome, files: &Files) -> Result<(), Failure> {
    let Some(tree) = &outcome.tree else {
        return Err(Failure::new(
            "tests/tree.txt was not written: not all of the tree can be read",
        )
        .remedy("run `omnifs test` to see why"));
    };
    let file = files.write_tree(tree)?;
    output::error(&format!("note: wrote {}\n", shown(&file)));
    for verdict in outcome.verdicts.iter_mut().filter(|verdict| verdict.rule == suite::Rule::Tree) {
        verdict.notes.clear();
    }
    Ok(())
}

/// Returns a path as it is seen from here.
fn shown(file: &Path) -> String {
    let working = std::env::current_dir().unwrap_or_default();
    file.strip_prefix(working).unwrap_or(file).display().to_string()
}

fn print(arguments: &TestArgs, outcome: &Outcome) -> Result<Exit, Failure> {
    let rules = &outcome.verdicts;
    let failed = rules.iter().filter(|verdict| !verdict.findings.is_empty()).count();
    let passed = failed == 0;
    if arguments.json {
        let text = serde_json::to_string(&Report { passed, rules }).context("cannot write JSON")?;
        output::print(&format!("{text}\n"))?;
    } else {
        let mut text: String = rules.iter().map(lines).collect();
        let kept = rules.len() - failed;
        let summary = match failed {
            0 => format!("all {kept} rules are kept\n"),
            _ => format!("{failed} of {} rules FAILED\n", rules.len()),
        };
        text.push_str(&summary);
        output::print(&text)?;
    }
    Ok(if passed { Exit::Success } else { Exit::Failure })
}

/// Returns the lines about a rule.
fn lines(Verdict { rule, findings, notes }: &Verdict) -> String {
    let outcome = if findings.is_empty() { "ok" } else { "FAILED" };
    let mut text = format!("{outcome:<7} {:<12} {}\n", rule.name(), rule.promise());
    for (what, sign) in [(findings, ""), (notes, "note: ")] {
        for one in what.iter().take(SHOWN) {
            text.push_str(&format!("          {sign}{}\n", plain(one)));
        }
        if let Some(more) = what.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("          {sign}and {more} more\n"));
        }
    }
    if !findings.is_empty() {
        text.push_str(&format!("          help: {}\n", rule.remedy()));
    }
    text
}
