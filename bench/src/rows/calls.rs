//! Calls of a provider: what the host adds to one, and many that wait at a time.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Result, bail};

use super::{Contender, row_or_reason};
use crate::client::{Target, fetch};
use crate::cost::{count, measure as costs};
use crate::figure::{Runner, Sample, Wrong, interleave};
use crate::lab::Lab;
use crate::nginx::Delay;
use crate::omnifs::Daemon;
use crate::report::Report;
use crate::row::{Bar, Row, Unit};
use crate::tree::{FILES, Folder, paths};
use crate::work;

const ABSENCE: &str = "one call of face 1 that misses every cache, CPU of the host";

/// How many names are asked for that nobody knows.
const ABSENT: usize = 10_000;

/// How many calls wait at a time.
const WAITING: usize = 64;

const WIDE: &str = "[provider.limits]\ninstances = 64\nhttp_in_flight = 64";

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    report.add(row_or_reason((ABSENCE, Unit::Microseconds), absent(lab)));
    let ours = Contender::Ours(WIDE);
    let runners = vec![
        Runner::new("omnifs", || {
            let mounted = ours.mount(lab, Folder::Small, Delay::Farther)?;
            // The names are known then, and nothing else.
            let listed = fs::read_dir(mounted.root.join("d000"))?.count();
            super::expect("names", listed, FILES)?;
            let mut some = paths(1);
            some.truncate(WAITING);
            let limit = (WAITING, lab.limit());
            let (time, requests) =
                mounted.counted(|| work::readers(&mounted.root, &some, limit))?;
            Ok(Sample { value: time.as_secs_f64(), requests })
        }),
        Runner::new("bare client", || {
            let folder = Folder::Small.name();
            let some = paths(1).into_iter().take(WAITING);
            let some = some.map(|path| Target { path: format!("/{folder}/{path}"), from: None });
            let lane = lab.upstream.lane("bare", Delay::Farther)?;
            Ok(Sample::seconds(fetch(lane.port, &some.collect::<Vec<_>>(), WAITING)?.time))
        }),
    ];
    let what = "64 reads at a time that wait 100 ms upstream, instances = 64, http_in_flight = 64";
    let cells = interleave(lab.effort.turns, runners);
    let row = Row::new(what, Unit::Seconds, cells).against("bare client").bar(Bar::AtMost(0.25));
    report.add(row);
    Ok(())
}

/// Measures what asking for an absent name takes of the host: one request of the kernel, one call
/// of a component that says no, and one answer.
fn absent(lab: &Lab) -> Result<Row> {
    let mount = lab.mountpoint("calls")?;
    let text = format!(
        "[[provider]]\nname = \"calls\"\npath = \"builtin:hello\"\nmount = \"{}\"\n",
        mount.display()
    );
    let daemon = Daemon::configured(lab, &text, "calls")?;
    daemon.run(&["start"])?;
    let servers = [daemon.process()?];
    let mut turn = 0;
    let runner = Runner::new("omnifs", || {
        turn += 1;
        let names: Vec<_> =
            (0..ABSENT).map(|number| mount.join(format!("absent-{turn}-{number}"))).collect();
        let (done, cost) = costs(&servers, || {
            names.iter().try_for_each(|name| match fs::symlink_metadata(name) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => bail!("{}: {error}", name.display()),
                Ok(_) => bail!(Wrong(format!("{} exists", name.display()))),
            })
        });
        done?;
        Ok(Sample::of(cost.servers.as_secs_f64() * 1e6 / count(ABSENT)))
    });
    let cells = interleave(lab.effort.turns, vec![runner]);
    Ok(Row::new(ABSENCE, Unit::Microseconds, cells).bar(Bar::AtMost(60.0)))
}
