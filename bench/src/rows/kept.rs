//! What the kernel has dropped and the daemon still has in memory.

use std::time::Duration;

use anyhow::Result;

use crate::cost::{count, measure as costs};
use crate::figure::{Runner, Sample, interleave};
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::report::Report;
use crate::row::{Bar, Row, Unit};
use crate::tree::{DIRECTORIES, Folder, paths};
use crate::work;

/// Until servers have heard of what the kernel forgets.
const FORGOTTEN: Duration = Duration::from_millis(500);

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    let mounts = [lab.ours((Folder::Small, Delay::None), "")?, lab.floor(Folder::Small)?];
    let all = paths(DIRECTORIES);
    for mounted in &mounts {
        work::tool(&mounted.root, &["ls", "-lR", "."], lab.effort.limit)?;
        work::verify(&work::root(&mounted.root)?, &all, lab.limit())?;
    }
    let all = &all;
    let row = |what: &str, unit, figure: fn(f64, f64) -> f64| {
        let runner = |mounted: &'_ Mounted| {
            let (root, servers) = (mounted.root.clone(), mounted.servers.clone());
            Runner::new(mounted.name.as_str(), move || {
                work::drop_kernel_caches()?;
                std::thread::sleep(FORGOTTEN);
                let root = work::root(&root)?;
                let (done, cost) = costs(&servers, || work::read_all(&root, all, lab.limit()));
                done?;
                let wall = cost.wall.as_secs_f64() / count(all.len());
                Ok(Sample::of(figure(cost.cpu_micros(all.len()), wall)))
            })
        };
        let runners = mounts.iter().map(runner).collect();
        Row::new(what, unit, interleave(lab.effort.turns, runners)).against("floor")
    };
    let cpu = row(
        "in our cache, not in the kernel's: lookup and read of 1 KiB, CPU of a file",
        Unit::Microseconds,
        |cpu, _| cpu,
    );
    report.add(cpu.bar(Bar::TimesAtMost(1.3)));
    report.add(row("the same on the clock", Unit::Seconds, |_, wall| wall));
    Ok(())
}
