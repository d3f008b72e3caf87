//! The rows, in the order in which they are measured.

mod calls;
mod cold;
mod kept;
mod large;
mod life;
mod memory;
mod warm;

use anyhow::Result;

use crate::figure::Wrong;
use crate::lab::{Lab, Mounted};
use crate::nginx::Delay;
use crate::peers::Peer;
use crate::report::Report;
use crate::tree::Folder;

/// Measures everything. A row that cannot be measured says why.
pub(crate) fn measure(lab: &Lab, report: &mut Report, say: &dyn Fn(&str)) {
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
    for (name, group) in groups {
        say(&format!("== {name}"));
        let known = report.rows.len();
        if let Err(error) = group(lab, report) {
            report.notes.push(format!("not run: rows of \"{name}\": {error:#}"));
            say(&format!("not run: {error:#}"));
        }
        for row in report.rows.iter().skip(known) {
            say(&row.what);
            for (contender, cell) in &row.cells {
                say(&format!("    {contender:14} {}", crate::report::show(row, cell)));
            }
        }
    }
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

/// Says that a number is not what it should be, if so.
fn expect(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Wrong(format!("{what}: {found} and not {expected}")).into())
}
