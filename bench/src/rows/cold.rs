//! What nobody has read before: 10,000 small files behind HTTP.

use anyhow::Result;

use super::{Contender, expect};
use crate::client::{Target, fetch};
use crate::figure::{Runner, Sample, interleave};
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::report::Report;
use crate::row::{Bar, Row, Unit};
use crate::tree::{DIRECTORIES, FILES, Folder, NEEDLE, SMALL, paths};
use crate::work;

/// How many threads read at a time.
const READERS: usize = 16;

/// How many directories they read.
const READ: usize = 20;

/// How many files of a mount are compared after a search.
const COMPARED: usize = 500;

pub(super) fn measure(lab: &Lab, report: &mut Report, delay: Delay) -> Result<()> {
    let at = match delay {
        Delay::None => "0 ms".to_owned(),
        Delay::Far | Delay::Farther => format!("+{} ms", delay.milliseconds()),
    };
    // A search of all files would take the peers a quarter of an hour behind 50 ms.
    let (searched, connections) = match delay {
        Delay::None => (DIRECTORIES, 16),
        Delay::Far | Delay::Farther => (10, 64),
    };
    let runners = mounts(lab, delay, find);
    let bare = Runner::new("bare client", || bare(lab, delay, (&listings(), 0, 16)));
    let find = row(lab, format!("cold find of 10,000 files, {at}"), (runners, bare));

    let runners = mounts(lab, delay, |lab, mounted| grep(lab, mounted, searched));
    let all: Vec<Target> = listings().into_iter().chain(files(searched)).collect();
    let bare = Runner::new("bare client", || {
        self::bare(lab, delay, (&all, searched * FILES, connections))
    });
    let grep =
        row(lab, format!("cold grep -r of {} files, {at}", searched * FILES), (runners, bare));

    match delay {
        Delay::None => {
            report.add(find.bar(Bar::AtMost(0.2)).bar(Bar::Requests(101)));
            report.add(grep.bar(Bar::AtMost(0.8)));
        }
        Delay::Far | Delay::Farther => {
            report.add(find.bar(Bar::AtMost(1.0)));
            report.add(grep.bar(Bar::AtMost(2.0)));
            let runners = mounts(lab, delay, read);
            let files: Vec<Target> = files(READ).collect();
            let bare = Runner::new("bare client", || {
                self::bare(lab, delay, (&files, files.len(), READERS))
            });
            let what = format!("{READERS} cold readers of {} files, {at}", READ * FILES);
            report.add(row(lab, what, (runners, bare)).bar(Bar::AtMost(7.0)));
        }
    }
    Ok(())
}

/// Measures a row beside a client without a file system.
fn row<'a>(lab: &Lab, what: String, (mut runners, bare): (Vec<Runner<'a>>, Runner<'a>)) -> Row {
    runners.push(bare);
    let cells = interleave(lab.effort.turns.div_ceil(2), runners);
    Row::new(what, Unit::Seconds, cells).against("bare client")
}

/// Returns a runner for each contender that mounts anew and then does some work.
fn mounts<'a>(
    lab: &'a Lab,
    delay: Delay,
    work: impl Fn(&Lab, &Mounted) -> Result<f64> + Copy + 'a,
) -> Vec<Runner<'a>> {
    let runner = |contender: Contender| {
        Runner::new(contender.name(), move || {
            let mounted = contender.mount(lab, Folder::Small, delay)?;
            let value = work(lab, &mounted)?;
            // With those of mounting.
            Ok(Sample { value, requests: mounted.asked()? })
        })
    };
    Contender::all(lab).into_iter().map(runner).collect()
}

fn find(lab: &Lab, mounted: &Mounted) -> Result<f64> {
    let (printed, time) =
        work::tool(&mounted.root, &["find", ".", "-type", "f"], lab.effort.limit)?;
    expect("files", printed.lines, DIRECTORIES * FILES)?;
    Ok(time.as_secs_f64())
}

fn grep(lab: &Lab, mounted: &Mounted, directories: usize) -> Result<f64> {
    let folders: Vec<String> = (0..directories).map(|number| format!("d{number:03}")).collect();
    let mut words = vec!["grep", "-r", "-l", NEEDLE];
    match directories {
        DIRECTORIES => words.push("."),
        _ => words.extend(folders.iter().map(String::as_str)),
    }
    let (printed, time) = work::tool(&mounted.root, &words, lab.effort.limit)?;
    expect("files with the word", printed.lines, directories)?;
    let read = paths(directories);
    let step = read.len().div_ceil(COMPARED);
    let compared: Vec<String> = read.into_iter().step_by(step).collect();
    // What was read a moment ago is compared. Who forgets it at once asks again, and is counted.
    if mounted.daemon.is_some() {
        work::verify(&work::root(&mounted.root)?, &compared, lab.limit())?;
    }
    Ok(time.as_secs_f64())
}

fn read(lab: &Lab, mounted: &Mounted) -> Result<f64> {
    let time = work::readers(&mounted.root, &paths(READ), (READERS, lab.limit()))?;
    Ok(time.as_secs_f64())
}

fn target(path: &str) -> Target {
    Target { path: format!("/{}/{path}", Folder::Small.name()), from: None }
}

/// Returns all directories: the root, and those in it.
fn listings() -> Vec<Target> {
    let inside = (0..DIRECTORIES).map(|number| target(&format!("d{number:03}/")));
    std::iter::once(target("")).chain(inside).collect()
}

fn files(directories: usize) -> impl Iterator<Item = Target> {
    paths(directories).into_iter().map(|path| target(&path))
}

/// Asks for targets, of which so many are small files, without a file system.
fn bare(
    lab: &Lab,
    delay: Delay,
    (targets, files, connections): (&[Target], usize, usize),
) -> Result<Sample> {
    let lane = lab.upstream.lane("bare", delay)?;
    let before = lane.requests()?;
    let fetched = fetch(lane.port, targets, connections)?;
    let least = u64::try_from(files * SMALL)?;
    anyhow::ensure!(fetched.bytes >= least, "{} bytes came", fetched.bytes);
    Ok(Sample { value: fetched.time.as_secs_f64(), requests: Some(lane.requests()? - before) })
}
