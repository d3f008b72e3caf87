//! A real read of every new mount, by a process that can be given up.
//!
//! The daemon never opens a path under its own mounts, and a command that did so itself could
//! not end while the read hangs.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::control::{ProviderStatus, State, Status, Trouble};
use crate::exit::{Exit, Failure};
use crate::readable::readable;

/// The name of the hidden command that reads.
pub(super) const COMMAND: &str = "__probe";

/// `FUSE_SUPER_MAGIC` of `statfs(2)`.
const FUSE: u64 = 0x6573_5546;

/// How much longer than the daemon's own deadline a read may take.
const GRACE: Duration = Duration::from_secs(5);

/// How one read ended: which it was, and why it failed if it did.
type Outcome = (usize, Option<String>);

/// The hidden command: reads the directories that standard input names, each as `ls` does and none
/// after another, and prints a line when one is read.
pub(super) fn answer() -> Result<Exit, Failure> {
    let mounts: Vec<PathBuf> =
        serde_json::from_reader(io::stdin().lock()).map_err(anyhow::Error::from)?;
    let tell = |number, mount: &Path| -> io::Result<()> {
        let failed = read(mount).err().map(|error| error.to_string());
        let line = serde_json::to_string::<Outcome>(&(number, failed))?;
        io::stdout().write_all(format!("{line}\n").as_bytes())
    };
    let told = thread::scope(|scope| {
        for (number, mount) in mounts.iter().enumerate().skip(1) {
            // What is not told is taken for not read.
            let _ = thread::Builder::new().spawn_scoped(scope, move || tell(number, mount));
        }
        mounts.first().map_or(Ok(()), |mount| tell(0, mount))
    });
    told.map_err(anyhow::Error::from)?;
    Ok(Exit::Success)
}

fn read(directory: &Path) -> io::Result<()> {
    let found = rustix::fs::statfs(directory)?;
    if u64::try_from(found.f_type).ok() != Some(FUSE) {
        return Err(io::Error::other("it is not mounted"));
    }
    std::fs::read_dir(directory)?.next().transpose().map(drop)
}

/// A process that is to read mounts. It is started before they are there: starting it takes
/// longer than a read.
pub(super) struct Reader(io::Result<Child>);

impl Reader {
    pub(super) fn start() -> Self {
        // The process's own file, also when another version has taken its name meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("omnifs").arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.stderr(Stdio::null()).spawn())
    }

    /// Reads every mount that is said to be ready, all at once; one that cannot be read becomes
    /// degraded, with the reason.
    pub(super) fn read_all(self, status: &mut Status, config: &Config) {
        let ready = status.providers.iter_mut().filter(|provider| provider.state == State::Ready);
        let mut unread: Vec<_> = ready.map(Some).collect();
        let result = self
            .0
            .and_then(|child| Reading::begin(child, &unread))
            .and_then(|reading| reading.await_all(&mut unread, config));
        let error = result.err().unwrap_or_else(|| io::Error::other("it was not read"));
        unread.into_iter().flatten().for_each(|provider| degrade(provider, &error));
    }
}

/// A process that reads.
struct Reading {
    child: Child,
    answers: ChildStdout,
    begun: Instant,
    /// What came of a line that is not all there.
    line: Vec<u8>,
}

impl Reading {
    fn begin(mut child: Child, mounts: &[Option<&mut ProviderStatus>]) -> io::Result<Self> {
        let (Some(mut names), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("its reader cannot be told what to read"));
        };
        let mounts: Vec<&str> = mounts.iter().flatten().map(|known| &*known.mount).collect();
        names.write_all(serde_json::to_string(&mounts)?.as_bytes())?;
        Ok(Self { child, answers, begun: Instant::now(), line: Vec::new() })
    }

    /// Takes each provider out whose mount was read; what is left was not.
    fn await_all(
        mut self,
        unread: &mut [Option<&mut ProviderStatus>],
        config: &Config,
    ) -> io::Result<()> {
        loop {
            let late = || io::Error::other("it did not answer in time");
            let limits = unread.iter().flatten().map(|provider| limit(provider, config));
            let Some(longest) = limits.max() else {
                // It has nothing left to do.
                self.child.wait()?;
                return Ok(());
            };
            let Some(left) = longest.checked_sub(self.begun.elapsed()) else {
                // Not waited for: it may hang in the kernel, and then even this comes late.
                self.child.kill()?;
                return Err(late());
            };
            let Some((number, failed)) = self.next(left)? else { continue };
            let Some(provider) = unread.get_mut(number).and_then(Option::take) else { continue };
            if let Some(reason) = failed {
                degrade(provider, &reason);
            } else if self.begun.elapsed() > limit(provider, config) {
                degrade(provider, &late());
            }
        }
    }

    /// Returns the next line; `None` when it is not there yet, in time or at all.
    fn next(&mut self, limit: Duration) -> io::Result<Option<Outcome>> {
        let end = |line: &[u8]| line.iter().position(|byte| *byte == b'\n');
        if end(&self.line).is_none() && readable(&self.answers, Some(limit))? {
            let mut piece = [0; 1024];
            match self.answers.read(&mut piece)? {
                0 => return Err(io::Error::other("its reader ended")),
                length => self.line.extend(piece.iter().take(length)),
            }
        }
        let Some(end) = end(&self.line) else { return Ok(None) };
        let line: Vec<u8> = self.line.drain(..=end).collect();
        Ok(Some(serde_json::from_slice(&line)?))
    }
}

fn limit(provider: &ProviderStatus, config: &Config) -> Duration {
    let known = config.providers.iter().find(|known| known.name == provider.name);
    known.map_or(Duration::ZERO, |known| known.limits.answer) + GRACE
}

fn degrade(provider: &mut ProviderStatus, error: &dyn Display) {
    provider.state = State::Degraded;
    provider.error = Some(Trouble {
        reason: format!("{} is mounted, but cannot be read: {error}", provider.mount),
        remedy: "`omnifs logs` says why".to_owned(),
    });
}
