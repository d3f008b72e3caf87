//! What the daemon keeps in memory.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Contender, expect, life};
use crate::cost::{count, memory, reset_peak};
use crate::figure::{Runner, Sample, interleave};
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::report::Report;
use crate::row::{Bar, Row, Unit};
use crate::tree::{DIRECTORIES, Folder, LARGE_NAME, NEEDLE};
use crate::work;

/// Until a daemon that has started is idle.
const IDLE: Duration = Duration::from_secs(2);

/// Until memory that is free is given back: the allocator waits ten seconds, and instances half a
/// minute.
const GIVEN_BACK: Duration = Duration::from_secs(45);

/// How long looking at all nodes may take.
const WALK: Duration = Duration::from_secs(600);

/// What leaves listings little room beside the nodes.
const CACHE: &str = "[provider.cache]\nmemory = \"4MiB\"";

const NOW: &str = "VmRSS";
const PEAK: &str = "VmHWM";

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    let idle = |mounted: &Mounted| -> Result<f64> {
        std::thread::sleep(IDLE);
        Ok(memory(&mounted.servers, NOW))
    };
    // Once before: what compiling leaves behind is given back, but not within seconds.
    drop(life::ten(lab)?);
    let what = "memory, idle with one mount";
    let runners = all(lab, Folder::Small, idle);
    report.add(Row::new(what, Unit::Memory, interleave(1, runners)));
    let ten = Runner::new("omnifs", || {
        let daemon = life::ten(lab)?;
        std::thread::sleep(IDLE);
        Ok(Sample::of(memory(&[daemon.process()?], NOW)))
    });
    let what = "memory, idle with 10 providers";
    report.add(Row::new(what, Unit::Memory, interleave(1, vec![ten])).bar(Bar::AtMost(60.0)));

    let grep = |mounted: &Mounted| -> Result<f64> {
        let words = ["grep", "-r", "-l", NEEDLE, "."];
        let (printed, _) = work::tool(&mounted.root, &words, lab.effort.limit)?;
        expect("files with the word", printed.lines, DIRECTORIES)?;
        Ok(memory(&mounted.servers, NOW))
    };
    let runners = all(lab, Folder::Small, grep);
    let what = "memory, after grep -r of 10,000 files";
    report.add(Row::new(what, Unit::Memory, interleave(1, runners)).bar(Bar::AtMost(90.0)));

    let large = |mounted: &Mounted| -> Result<f64> {
        reset_peak(&mounted.servers);
        work::sequential(&mounted.root.join(LARGE_NAME), lab.limit())?;
        Ok(memory(&mounted.servers, PEAK))
    };
    let runners = all(lab, Folder::Large, large);
    let what = "memory, the most while reading 1 GiB";
    report.add(Row::new(what, Unit::Memory, interleave(1, runners)).bar(Bar::AtMost(120.0)));
    nodes(lab, report)
}

fn all<'a>(
    lab: &'a Lab,
    folder: Folder,
    work: impl Fn(&Mounted) -> Result<f64> + Copy + 'a,
) -> Vec<Runner<'a>> {
    let contenders = Contender::all(lab).into_iter();
    contenders.map(|who| runner(lab, (who, folder), work)).collect()
}

fn runner<'a>(
    lab: &'a Lab,
    (who, folder): (Contender, Folder),
    work: impl Fn(&Mounted) -> Result<f64> + 'a,
) -> Runner<'a> {
    Runner::new(who.name(), move || {
        let mounted = who.mount(lab, folder, Delay::None)?;
        Ok(Sample::of(work(&mounted)?))
    })
}

/// Measures what one of very many nodes takes while the kernel knows it, and what is left of that
/// once the kernel has forgotten it. Listings have a budget of their own, which is small here.
fn nodes(lab: &Lab, report: &mut Report) -> Result<()> {
    let known = lab.effort.nodes;
    let mounted = lab.ours((Folder::Many, Delay::None), CACHE)?;
    std::thread::sleep(IDLE);
    let before = memory(&mounted.servers, NOW);
    let per_node = || {
        let begun = Instant::now();
        let mut least = f64::INFINITY;
        while begun.elapsed() < GIVEN_BACK {
            std::thread::sleep(Duration::from_millis(500));
            least = least.min(memory(&mounted.servers, NOW));
        }
        (least - before).max(0.0) * f64::from(1 << 20) / count(known)
    };
    // The size makes it ask for the attributes of each, and none is that large.
    let words = ["find", ".", "-type", "f", "-size", "+1k", "-o", "-name", "*-00000.txt"];
    let (printed, _) = work::tool(&mounted.root, &words, WALK)?;
    expect("directories", printed.lines, known / 10_000)?;
    let full = per_node();
    work::drop_kernel_caches()?;
    let left = per_node();
    if full <= 0.0 {
        bail!("memory did not grow by {known} nodes");
    }
    let cells = |value| interleave(1, vec![Runner::new("omnifs", move || Ok(Sample::of(value)))]);
    let what = format!("memory for a node, with {known} nodes, cache.memory = 4 MiB");
    report.add(Row::new(what, Unit::Bytes, cells(full)).bar(Bar::AtMost(300.0)));
    let what = "the same after FORGET";
    report.add(Row::new(what, Unit::Bytes, cells(left)).bar(Bar::AtMost(full)));
    Ok(())
}
