//! From nothing to an answer, and from one component to another.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Contender, row_or_reason};
use crate::figure::{Runner, Sample, Wrong, interleave};
use crate::lab::Lab;
use crate::nginx::Delay;
use crate::omnifs::{Daemon, provider};
use crate::report::Report;
use crate::row::{Bar, Row, Unit};
use crate::tree::{self, Folder};

/// How many providers there are.
const PROVIDERS: usize = 10;

const SWAP: &str = "hot swap, from saving a component to what it shows";

/// How long a swap may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    // Once before: compiling is not what is measured.
    drop(ten(lab)?);
    let ours = |providers| {
        Runner::new("omnifs", move || {
            let daemon = configure(lab, providers)?;
            let begun = Instant::now();
            daemon.run(&["start"])?;
            first_read(daemon.mount())?;
            Ok(Sample::seconds(begun.elapsed()))
        })
    };
    let mut runners = vec![ours(1)];
    for peer in Contender::all(lab).into_iter().skip(1) {
        runners.push(Runner::new(peer.name(), move || {
            let begun = Instant::now();
            let mounted = peer.mount(lab, Folder::Small, Delay::None)?;
            first_read(&mounted.root)?;
            Ok(Sample::seconds(begun.elapsed()))
        }));
    }
    let what = "start to the first answered read, one mount";
    report.add(Row::new(what, Unit::Seconds, interleave(lab.effort.turns, runners)));
    let what = "start to the first answered read, 10 providers";
    let cells = interleave(lab.effort.turns, vec![ours(PROVIDERS)]);
    report.add(Row::new(what, Unit::Seconds, cells).bar(Bar::AtMost(0.1)));
    report.add(row_or_reason((SWAP, Unit::Seconds), swap(lab)));
    Ok(())
}

/// Starts a daemon with ten providers.
pub(super) fn ten(lab: &Lab) -> Result<Daemon> {
    let daemon = configure(lab, PROVIDERS)?;
    daemon.run(&["start"])?;
    Ok(daemon)
}

/// Configures so many providers, at most ten. The last one shows the upstream, as half of ten do;
/// the others are those that are embedded besides.
fn configure(lab: &Lab, providers: usize) -> Result<Daemon> {
    let mut text = String::new();
    for number in PROVIDERS.saturating_sub(providers)..PROVIDERS {
        let name = format!("ten-{number}");
        let mount = lab.mountpoint(&name)?;
        match number % 4 {
            0 => write!(text, "{}", embedded(&name, "builtin:hello", &mount))?,
            2 => write!(text, "{}", embedded(&name, "builtin:tree", &mount))?,
            _ => text.push_str(&provider(lab, (&name, ""), (Folder::Small, Delay::None))?),
        }
    }
    let daemon = Daemon::configured(lab, &text, "ten-9")?;
    daemon.run(&["cache", "clear"])?;
    Ok(daemon)
}

fn embedded(name: &str, path: &str, mount: &Path) -> String {
    let mount = mount.display();
    format!("[[provider]]\nname = \"{name}\"\npath = \"{path}\"\nmount = \"{mount}\"\n")
}

/// Reads one file of the upstream through a mount that has read nothing.
fn first_read(mount: &Path) -> Result<()> {
    let path = tree::path(0, 0);
    let bytes = fs::read(mount.join(&path)).with_context(|| path.clone())?;
    tree::check(&path, &bytes)
}

/// Exchanges a component for another by saving it, until its mount shows what the other has.
fn swap(lab: &Lab) -> Result<Row> {
    let at = lab.root().join("swapped.wasm");
    let components = lab.components.as_ref().context("no components were built to swap")?;
    let hello = (components.join("hello.wasm"), "hello.txt");
    let tree = (components.join("tree.wasm"), "README.txt");
    let save = |from: &Path| -> Result<()> {
        let new = lab.root().join("new.wasm");
        fs::copy(from, &new).with_context(|| from.display().to_string())?;
        Ok(fs::rename(new, &at)?)
    };
    let mount = lab.mountpoint("swapped")?;
    let text = embedded("swapped", &at.to_string_lossy(), &mount);
    let daemon = Daemon::configured(lab, &text, "swapped")?;
    save(&tree.0)?;
    daemon.run(&["start"])?;
    let mut turn = 0;
    let mut exchange = || -> Result<Sample> {
        let (component, shows) = if turn % 2 == 0 { &hello } else { &tree };
        turn += 1;
        save(component)?;
        let begun = Instant::now();
        while !fs::exists(mount.join(shows))? {
            ensure!(begun.elapsed() < PATIENCE, "{shows} does not appear");
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = begun.elapsed();
        if fs::read(mount.join(shows))?.is_empty() {
            bail!(Wrong(format!("{shows} is empty")));
        }
        // A save within the time in which several are taken for one would wait for its end.
        std::thread::sleep(Duration::from_secs(1));
        Ok(Sample::seconds(took))
    };
    // Both are compiled then.
    exchange()?;
    exchange()?;
    let cells = interleave(lab.effort.turns, vec![Runner::new("omnifs", exchange)]);
    Ok(Row::new(SWAP, Unit::Seconds, cells).bar(Bar::AtMost(0.1)))
}
