//! The rows, in the order in which they are measured.

mod calls;
mod cold;
mod kept;
mod large;
mod life;
mod memory;
mod warm;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::figure::{Runner, Sample, Wrong, interleave};
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::peers::Peer;
use crate::report::Report;
use crate::row::{Row, Unit};
use crate::tree::Folder;

/// What takes so long is not done for nothing.
const REHEARSED: Duration = Duration::from_secs(5);

/// Measures the groups whose names have `only` in them, and has the report kept after each. A row
/// that cannot be measured says why.
///
/// # Errors
/// As keeping the report fails.
pub(crate) fn measure(
    lab: &Lab,
    (report, only): (&mut Report, &str),
    keep: impl Fn(&Report) -> Result<()>,
) -> Result<()> {
    type Group = fn(&Lab, &mut Report) -> Result<()>;
    let groups: [(&str, Group); 8] = [
        ("warm", warm::measure),
        ("in our cache", kept::measure),
        ("cold, 0 ms", |lab, report| cold::measure(lab, report, Delay::None)),
        ("cold, +50 ms", |lab, report| cold::measure(lab, report, Delay::Far)),
        ("1 GiB", large::measure),
        ("start and swap", life::measure),
        ("calls", calls::measure),
        ("memory", memory::measure),
    ];
    for (name, group) in groups.into_iter().filter(|(name, _)| name.contains(only)) {
        println!("\n== {name}");
        if let Err(error) = group(lab, report) {
            println!("not run: {error:#}");
            report.absent.push(format!("rows of \"{name}\": {error:#}"));
        }
        keep(report)?;
    }
    Ok(())
}

/// Who mounts the upstream.
#[derive(Debug, Clone, Copy)]
enum Contender {
    /// With these lines in its `[[provider]]`.
    Ours(&'static str),
    Peer(Peer),
}

impl Contender {
    /// Returns ours with its defaults, and all peers.
    fn all(lab: &Lab) -> Vec<Self> {
        let peers = lab.peers.iter().map(|peer| Self::Peer(*peer));
        std::iter::once(Self::Ours("")).chain(peers).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ours(_) => "omnifs",
            Self::Peer(peer) => peer.name(),
        }
    }

    /// Mounts with nothing cached.
    fn mount(self, lab: &Lab, folder: Folder, delay: Delay) -> Result<Mounted> {
        match self {
            Self::Ours(settings) => lab.ours((folder, delay), settings),
            Self::Peer(peer) => lab.peer(peer, folder, delay),
        }
    }
}

/// Returns the sample of some work that is done twice, so that the second time is what it is a moment
/// after the first; what takes long is done once.
fn rehearsed(work: impl Fn() -> Result<Sample>) -> Result<Sample> {
    let begun = Instant::now();
    let first = work()?;
    if begun.elapsed() > REHEARSED { Ok(first) } else { work() }
}

/// Returns a row, or one that says why there is none.
fn row_or_reason((what, unit): (&str, Unit), row: Result<Row>) -> Row {
    row.unwrap_or_else(|error| {
        let runner = Runner::new("omnifs", move || bail!("{error:#}"));
        Row::new(what, unit, interleave(1, vec![runner]))
    })
}

/// Says that a number is not what it should be, if so.
fn expect(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Wrong(format!("{what}: {found} and not {expected}")).into())
}
