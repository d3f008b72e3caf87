//! `omnifs top` and `omnifs metrics`: what the providers do.

mod live;
mod sample;
mod screen;
mod table;

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use self::sample::Sample;
use self::table::{Order, lines};
use super::output::{self, Output, plain};
use super::running;
use crate::control::activity::Activity;
use crate::control::client::Daemon;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Print what happens in one second, and end
    #[arg(long)]
    once: bool,
    /// Print JSON: a line each second, or with --once one
    #[arg(long)]
    json: bool,
}

/// Shows what the providers do, until a key ends it; without a terminal once.
pub(super) fn run(arguments: &TopArgs, places: &Places) -> Result<Exit, Failure> {
    let daemon = running::daemon(places)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start")?;
    runtime.block_on(async {
        match arguments {
            TopArgs { json: false, once: false } if screen::is_there() => live::show(&daemon).await,
            TopArgs { json: false, .. } => {
                let before = look(&daemon).await?;
                tokio::time::sleep(INTERVAL).await;
                let sample = Sample::between(&before, &look(&daemon).await?);
                let lines = lines(&sample, Order::Configured, None);
                output::print(&format!("{}\n", lines.join("\n")))?;
                Ok(Exit::Success)
            }
            TopArgs { once, .. } => follow(&daemon, *once).await,
        }
    })
}

/// Prints a line of JSON each second, until nobody reads on, or only one.
async fn follow(daemon: &Daemon<'_>, once: bool) -> Result<Exit, Failure> {
    let mut before = look(daemon).await?;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = look(daemon).await?;
        let sample = Sample::between(&before, &now);
        let line = serde_json::to_string(&sample).context("cannot write JSON")?;
        if output::write(format!("{line}\n").as_bytes())? == Output::Closed || once {
            return Ok(Exit::Success);
        }
        before = now;
    }
}

/// Returns what the providers did so far.
///
/// # Errors
/// [`Exit::NotRunning`] when the daemon is gone.
async fn look(daemon: &Daemon<'_>) -> Result<Activity, Failure> {
    daemon.activity().await.map_err(|error| {
        if daemon.is_gone() { running::not_running() } else { Failure::from(error) }
    })
}

/// Prints the metrics.
pub(super) fn metrics(places: &Places) -> Result<Exit, Failure> {
    let text = running::daemon(places)?.metrics()?;
    output::print(&plain(&String::from_utf8_lossy(&text)))?;
    Ok(Exit::Success)
}
