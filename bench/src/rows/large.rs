//! One file of 1 GiB: in turn, and in small parts at random places.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Contender, rehearsed, row_or_reason};
use crate::client::{Target, fetch};
use crate::cost::count;
use crate::figure::{Runner, Sample, interleave};
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::report::Report;
use crate::row::{Bar, Row, Unit};
use crate::tree::{Folder, LARGE_NAME};
use crate::work;

/// A file over half of the disk cache is not kept, and that has 1 GiB unless somebody says so.
const ON_DISK: &str = "[provider.cache]\ndisk = \"4GiB\"\n[host]\ncache = { disk = \"4GiB\" }";

const KEPT: &str = "1 GiB from our disk cache, cache.disk = 4GiB";

/// How often the file is read before it is taken to be on disk.
const FILLING: usize = 3;

/// How many reads there are at random places.
const READS: usize = 2048;

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    let turns = lab.effort.turns.div_ceil(2);
    let peers = || Contender::all(lab).into_iter().skip(1);

    let without = Contender::Ours("[provider.cache]\ndisk = false");
    let mut runners: Vec<_> =
        std::iter::once(without).chain(peers()).map(|who| cold(lab, who)).collect();
    runners.push(bare(lab));
    let row =
        Row::new("1 GiB cold, cache.disk = false", Unit::Mebibytes, interleave(turns, runners));
    report.add(row.against("bare client").bar(Bar::TimesAtLeast(0.8)));

    let runners = vec![cold(lab, Contender::Ours(ON_DISK)), bare(lab)];
    let row =
        Row::new("1 GiB cold, cache.disk = 4GiB", Unit::Mebibytes, interleave(turns, runners));
    report.add(row.against("bare client").bar(Bar::TimesAtLeast(0.5)));

    report.add(row_or_reason((KEPT, Unit::Mebibytes), kept(lab)));
    report.add(warm(lab));
    for threads in [1, 16] {
        report.add(random(lab, (turns, threads)));
    }
    Ok(())
}

fn speed(time: Duration) -> f64 {
    1024.0 / time.as_secs_f64()
}

fn file(mounted: &Mounted) -> PathBuf {
    mounted.root.join(LARGE_NAME)
}

fn truth(lab: &Lab) -> PathBuf {
    lab.original(Folder::Large).join(LARGE_NAME)
}

/// Reads through a new mount; what the kernel then has is compared.
fn cold(lab: &Lab, who: Contender) -> Runner<'_> {
    let mut compared = false;
    Runner::new(who.name(), move || {
        let mounted = who.mount(lab, Folder::Large, Delay::None)?;
        work::touch_free_memory();
        let (time, requests) =
            mounted.counted(|| work::sequential(&file(&mounted), lab.limit()))?;
        if !compared {
            work::compare(&file(&mounted), &truth(lab))?;
            compared = true;
        }
        Ok(Sample { value: speed(time), requests })
    })
}

fn bare(lab: &Lab) -> Runner<'_> {
    Runner::new("bare client", || {
        let lane = lab.upstream.lane("bare", Delay::None)?;
        let path = format!("/{}/{LARGE_NAME}", Folder::Large.name());
        work::touch_free_memory();
        let fetched = fetch(lane.port, &[Target { path, from: None }], 1)?;
        Ok(Sample::of(speed(fetched.time)))
    })
}

/// Measures what a daemon serves that has it from an earlier one, beside the floor.
fn kept(lab: &Lab) -> Result<Row> {
    let mut ours = lab.ours((Folder::Large, Delay::None), ON_DISK)?;
    let daemon = ours.daemon.take().context("it has a daemon")?;
    let ours = &ours;
    // What comes quicker than it can be written is left out, and kept when it is read again.
    for _ in 0..FILLING {
        work::sequential(&file(ours), lab.limit())?;
        daemon.run(&["restart"])?;
    }
    let runners = vec![
        Runner::new("omnifs", move || {
            daemon.run(&["restart"])?;
            work::touch_free_memory();
            let (time, requests) = ours.counted(|| work::sequential(&file(ours), lab.limit()))?;
            Ok(Sample { value: speed(time), requests })
        }),
        Runner::new("floor", || {
            let floor = lab.floor(Folder::Large)?;
            work::touch_free_memory();
            Ok(Sample::of(speed(work::sequential(&file(&floor), lab.limit())?)))
        }),
    ];
    let row = Row::new(KEPT, Unit::Mebibytes, interleave(lab.effort.turns, runners));
    Ok(row.against("floor").bar(Bar::TimesAtLeast(0.8)))
}

/// Reads what the kernel has in whole from each, which is alone then: what others keep in memory
/// would be in the way.
fn warm(lab: &Lab) -> Row {
    let mut runners: Vec<_> = Contender::all(lab)
        .into_iter()
        .map(|who| warm_one(lab, who.name(), move || who.mount(lab, Folder::Large, Delay::None)))
        .collect();
    runners.push(warm_one(lab, "floor", || lab.floor(Folder::Large)));
    runners.push(warm_one(lab, "tmpfs", || Ok(lab.native(Folder::Large))));
    let cells = interleave(lab.effort.turns, runners);
    // The kernel's own pages, whoever filled them.
    Row::new("1 GiB warm", Unit::Mebibytes, cells).against("floor").bar(Bar::TimesAtLeast(0.8))
}

fn warm_one<'a>(
    lab: &'a Lab,
    name: &'a str,
    mount: impl Fn() -> Result<Mounted> + 'a,
) -> Runner<'a> {
    Runner::new(name, move || {
        // Where pages lie is the kernel's affair and no contender's. It gives out first what was
        // given back last, in that order, so the same program is before each.
        let floor = lab.floor(Folder::Large)?;
        work::gather_free_memory()?;
        work::sequential(&file(&floor), lab.limit())?;
        drop(floor);
        let mounted = mount()?;
        work::gather_free_memory()?;
        work::sequential(&file(&mounted), lab.limit())?;
        rehearsed(|| Ok(Sample::of(speed(work::sequential(&file(&mounted), lab.limit())?))))
    })
}

fn random(lab: &Lab, (turns, threads): (usize, usize)) -> Row {
    let offsets = &work::offsets(READS, 0x5eed);
    let runner = |who: Contender| {
        Runner::new(who.name(), move || {
            let mounted = who.mount(lab, Folder::Large, Delay::None)?;
            // Looked up before: only reads are counted.
            std::fs::metadata(file(&mounted))?;
            let (time, requests) = mounted.counted(|| {
                work::random((&file(&mounted), &truth(lab)), offsets, (threads, lab.limit()))
            })?;
            Ok(Sample { value: count(READS) / time.as_secs_f64(), requests })
        })
    };
    let mut runners: Vec<_> = Contender::all(lab).into_iter().map(runner).collect();
    runners.push(Runner::new("bare client", move || {
        let path = format!("/{}/{LARGE_NAME}", Folder::Large.name());
        let targets = offsets.iter().map(|from| Target { path: path.clone(), from: Some(*from) });
        let lane = lab.upstream.lane("bare", Delay::None)?;
        let fetched = fetch(lane.port, &targets.collect::<Vec<_>>(), threads)?;
        Ok(Sample::of(count(READS) / fetched.time.as_secs_f64()))
    }));
    let what = format!("random reads of 4 KiB in 1 GiB, cold, {threads} at a time");
    let requests = u64::try_from(READS).unwrap_or(0);
    Row::new(what, Unit::Operations, interleave(turns, runners))
        .against("bare client")
        .bar(Bar::TimesAtLeast(0.5))
        .bar(Bar::Requests(requests))
}
