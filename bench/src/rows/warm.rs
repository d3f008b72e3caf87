//! What was read before: single calls by their CPU time, and walks on the clock.

use std::time::Duration;

use anyhow::{Result, anyhow};

use super::{Contender, expect, rehearsed};
use crate::cost::measure as costs;
use crate::figure::{Cell, Runner, Sample, interleave};
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::report::{Floor, Report};
use crate::row::{Bar, Row, Unit};
use crate::tree::{DIRECTORIES, FILES, Folder, NEEDLE, paths};
use crate::work::{self, Printed};

/// How many directories single calls are made in.
const SOME: usize = 20;

/// Until whoever has served all files is idle.
const SETTLED: Duration = Duration::from_secs(3);

/// How often each file has its call in one sample: of what is quick more often, as a tenth of a
/// second is what other work on the machine cannot hide in.
const STATS: usize = 50;
const READS: usize = 10;

/// A mount whose files were all read, or why they were not.
struct Warm {
    mounted: Mounted,
    unread: Option<String>,
}

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    let mut warm = vec![read(lab, lab.native(Folder::Small)), read(lab, lab.floor(Folder::Small)?)];
    for contender in Contender::all(lab) {
        match contender.mount(lab, Folder::Small, Delay::None) {
            Ok(mounted) => warm.push(read(lab, mounted)),
            Err(error) => {
                let name = contender.name();
                report.notes.push(format!("not run: warm rows of {name}: {error:#}"));
            }
        }
    }
    // What has been read is still being written to disks.
    std::thread::sleep(SETTLED);
    let stat = calls(lab, &warm, ("warm stat, CPU of a call", STATS), |_, root, paths| {
        work::stat_all(&work::root(root)?, paths)
    });
    let read = calls(
        lab,
        &warm,
        ("warm open, read and close of 1 KiB, CPU of a call", READS),
        |lab, root, paths| work::read_all(&work::root(root)?, paths, lab.limit()),
    );
    for (row, of, what, there) in [
        (&stat, "tmpfs", "stat, tmpfs", 1.4),
        (&stat, "floor", "stat, floor", 1.6),
        (&read, "tmpfs", "open, read and close, tmpfs", 3.0),
        (&read, "floor", "open, read and close, floor", 4.6),
    ] {
        let here = row.cell(of).and_then(Cell::value);
        report.floors.extend(here.map(|here| Floor { what, here, there }));
    }
    report.add(stat.against("tmpfs").bar(Bar::TimesAtMost(1.15)));
    report.add(read.against("tmpfs").bar(Bar::TimesAtMost(1.75)));
    walks(lab, &warm, report)
}

/// Has a tree walked and all of it read, so that everything that caches has it.
fn read(lab: &Lab, mounted: Mounted) -> Warm {
    let all = || -> Result<()> {
        work::tool(&mounted.root, &["ls", "-lR", "."], lab.effort.limit)?;
        // Once for what is kept, and once for what is valid for longer the second time.
        for _ in 0..2 {
            work::verify(&work::root(&mounted.root)?, &paths(DIRECTORIES), lab.limit())?;
        }
        Ok(())
    };
    let unread = all().err().map(|error| format!("reading all files once: {error:#}"));
    Warm { mounted, unread }
}

fn calls(
    lab: &Lab,
    warm: &[Warm],
    (what, rounds): (&str, usize),
    work: impl Fn(&Lab, &std::path::Path, &[String]) -> Result<()> + Copy,
) -> Row {
    let runners = warm.iter().map(|Warm { mounted, unread }| {
        // Absolute, as programs have them, and as in the measurements that the targets come from:
        // all of them have the same number of directories above the tree.
        let full = |path: String| mounted.root.join(path).to_string_lossy().into_owned();
        let some: Vec<String> = paths(SOME).into_iter().map(full).collect();
        Runner::new(mounted.name.as_str(), move || {
            if let Some(reason) = unread {
                return Err(anyhow!("{reason}"));
            }
            // Once before: what has expired since is not warm.
            work(lab, &mounted.root, &some)?;
            let (done, cost) = costs(&mounted.servers, || {
                (0..rounds).try_for_each(|_| work(lab, &mounted.root, &some))
            });
            done?;
            Ok(Sample::of(cost.cpu_micros(rounds * some.len())))
        })
    });
    Row::new(what, Unit::Microseconds, interleave(lab.effort.turns, runners.collect()))
}

fn walks(lab: &Lab, warm: &[Warm], report: &mut Report) -> Result<()> {
    let all = DIRECTORIES * FILES;
    let grep = ["grep", "-r", "-l", NEEDLE, "."];
    let tools: [(&str, &[&str], Option<usize>); 4] = [
        ("find", &["find", ".", "-type", "f"], Some(all)),
        ("ls -lR", &["ls", "-lR", "."], None),
        ("grep -r", &grep, Some(DIRECTORIES)),
        ("tar c", &["tar", "-c", "-f", "-", "."], None),
    ];
    for (name, words, lines) in tools {
        let native = work::tool(&lab.original(Folder::Small), words, lab.effort.limit)?.0;
        let runners = warm.iter().map(|Warm { mounted, unread }| {
            Runner::new(mounted.name.as_str(), move || {
                // Names alone are known of what could not be read.
                if let (Some(reason), true) = (unread, matches!(name, "grep -r" | "tar c")) {
                    return Err(anyhow!("{reason}"));
                }
                // Others had their turn since, and what was known may have expired.
                rehearsed(|| {
                    let (printed, time) = work::tool(&mounted.root, words, lab.effort.limit)?;
                    check(name, lines, (printed, native))?;
                    Ok(Sample::seconds(time))
                })
            })
        });
        let what = format!("warm {name} over 10,000 files");
        let cells = interleave(lab.effort.turns, runners.collect());
        let row = Row::new(what, Unit::Seconds, cells).against("tmpfs").bar(Bar::TimesAtMost(1.3));
        report.add(row);
    }
    Ok(())
}

fn check(name: &str, lines: Option<usize>, (printed, native): (Printed, Printed)) -> Result<()> {
    match lines {
        Some(lines) => expect(&format!("lines of {name}"), printed.lines, lines),
        None if name == "tar c" => expect("bytes of the archive", printed.bytes, native.bytes),
        None => expect(&format!("lines of {name}"), printed.lines, native.lines),
    }
}
