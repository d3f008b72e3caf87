//! A real read of every new mount, by processes that can be given up.
//!
//! The daemon never opens a path under its own mounts, and a command that did so itself could
//! not end while the read hangs.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::output;
use crate::config::Config;
use crate::control::{ProviderStatus, State, Status, Trouble};
use crate::exit::{Exit, Failure};

/// The name of the hidden command that reads.
pub(super) const COMMAND: &str = "__probe";

/// `FUSE_SUPER_MAGIC` of `statfs(2)`.
const FUSE: u64 = 0x6573_5546;

/// How much longer than the daemon's own deadline a read may take.
const GRACE: Duration = Duration::from_secs(5);

/// The hidden command: reads the directory, as `ls` does.
pub(super) fn answer(directory: &Path) -> Result<Exit, Failure> {
    let read = || -> io::Result<()> {
        let found = rustix::fs::statfs(directory)?;
        if u64::try_from(found.f_type).ok() != Some(FUSE) {
            return Err(io::Error::other("it is not mounted"));
        }
        std::fs::read_dir(directory)?.next().transpose().map(drop)
    };
    match read() {
        Ok(()) => Ok(Exit::Success),
        Err(error) => {
            output::error(&format!("{error}\n"));
            Ok(Exit::Failure)
        }
    }
}

/// Reads every mount that is said to be ready, all at once; one that cannot be read becomes
/// degraded, with the reason.
pub(super) fn all(status: &mut Status, config: &Config) {
    let begun = Instant::now();
    let ready = status.providers.iter_mut().filter(|provider| provider.state == State::Ready);
    let reads: Vec<_> = ready.map(|provider| (begin(&provider.mount), provider)).collect();
    for (read, provider) in reads {
        let known = config.providers.iter().find(|known| known.name == provider.name);
        let limit = known.map_or(Duration::ZERO, |known| known.limits.answer) + GRACE;
        let ended = read.and_then(|child| end(child, limit.saturating_sub(begun.elapsed())));
        if let Err(error) = ended {
            degrade(provider, &error);
        }
    }
}

fn degrade(provider: &mut ProviderStatus, error: &io::Error) {
    provider.state = State::Degraded;
    provider.error = Some(Trouble {
        reason: format!("{} is mounted, but cannot be read: {error}", provider.mount),
        remedy: "`omnifs logs` says why".to_owned(),
    });
}

fn begin(mount: &str) -> io::Result<Child> {
    // The process's own file, also when another version has taken its name meanwhile.
    Command::new("/proc/self/exe")
        .arg0("omnifs")
        .args([COMMAND, mount])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

fn end(mut child: Child, limit: Duration) -> io::Result<()> {
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() >= limit {
            // Not waited for: it may hang in the kernel, and then even this comes late.
            child.kill()?;
            return Err(io::Error::other("it did not answer in time"));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    if status.success() {
        return Ok(());
    }
    let mut reason = String::new();
    if let Some(mut text) = child.stderr.take() {
        text.read_to_string(&mut reason)?;
    }
    Err(io::Error::other(reason.trim_end().to_owned()))
}
