//! The daemon that runs, seen from a command.

use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::output;
use crate::control::client::Daemon;
use crate::daemon::VERSION;
use crate::daemon::lock::{self, Holder};
use crate::exit::{Exit, Failure};
use crate::places::Places;
use crate::readable::readable;

/// How long a daemon gets to end; it ends by itself a little before.
const END: Duration = Duration::from_secs(8);

/// How long a daemon that was killed gets to disappear.
const KILLED: Duration = Duration::from_secs(5);

/// How long a daemon may take from its lock to its socket.
const SOCKET: Duration = Duration::from_secs(5);

/// How long a daemon that does not answer may take to be gone, or to answer after all.
const SETTLED: Duration = Duration::from_secs(3);

/// How often its state is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Returns the daemon that runs, and says so when it is of another version.
///
/// # Errors
/// [`Exit::NotRunning`] when there is none.
pub(super) fn daemon(places: &Places) -> Result<Daemon<'_>, Failure> {
    let Some(holder) = lock::holder(places)? else {
        return Err(not_running());
    };
    note_version(&holder);
    let begun = Instant::now();
    loop {
        match Daemon::find(places)? {
            Some(daemon) => return Ok(daemon),
            // It holds the lock, so it is about to listen, or about to end.
            None if begun.elapsed() < SOCKET => std::thread::sleep(INTERVAL),
            None => {
                return Err(Failure::new(format!("{holder} runs, but does not answer"))
                    .remedy("`omnifs restart` replaces it"));
            }
        }
    }
}

/// Returns that there is no daemon.
pub(super) fn not_running() -> Failure {
    Failure::new("omnifs is not running").with(Exit::NotRunning).remedy("`omnifs start` starts it")
}

/// Returns the process that is the daemon, or `None`; waits a moment for one that is about to
/// end, as it is just after somebody killed it.
///
/// # Errors
/// As looking for it fails.
pub(super) fn settled(places: &Places) -> anyhow::Result<Option<Holder>> {
    let begun = Instant::now();
    loop {
        let holder = lock::holder(places)?;
        if holder.is_none() {
            return Ok(None);
        }
        // A process that is being killed may still take a connection, but answers nothing.
        let answers = Daemon::find(places)?.is_some_and(|daemon| daemon.status_text().is_ok());
        if answers || begun.elapsed() >= SETTLED {
            return Ok(holder);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Says that the daemon is of another version, when it is.
pub(super) fn note_version(holder: &Holder) {
    if holder.version != VERSION {
        output::error(&format!(
            "note: the daemon is {holder}, this is omnifs {VERSION}: `omnifs restart` changes it to this one\n"
        ));
    }
}

/// `omnifs stop`.
pub(super) fn stop(places: &Places) -> Result<Exit, Failure> {
    match end(places)? {
        Some(_) => output::print("stopped\n")?,
        None => output::print("not running\n")?,
    }
    Ok(Exit::Success)
}

/// Ends the daemon and returns when it is gone; `None` when there was none.
///
/// # Errors
/// When it could not be ended.
pub(super) fn end(places: &Places) -> Result<Option<Holder>, Failure> {
    let Some(holder) = lock::holder(places)? else { return Ok(None) };
    note_version(&holder);
    let failed = || format!("cannot end {holder}");
    let pid = Pid::from_raw(holder.pid).with_context(failed)?;
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(Some(holder)),
        Err(error) => return Err(anyhow::Error::new(error).context(failed()).into()),
    };
    let asked = match Daemon::find(places) {
        Ok(Some(daemon)) => daemon.stop().is_ok(),
        Ok(None) | Err(_) => false,
    };
    let signal = |signal| match pidfd_send_signal(&process, signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error).with_context(failed),
    };
    if !asked {
        signal(Signal::TERM)?;
    }
    if gone(&process, END)? {
        return Ok(Some(holder));
    }
    output::error(&format!(
        "note: {holder} did not end within {} seconds and is killed\n",
        END.as_secs()
    ));
    signal(Signal::KILL)?;
    if gone(&process, KILLED)? {
        return Ok(Some(holder));
    }
    Err(Failure::new(format!("{holder} does not end, not even when it is killed"))
        .remedy("a file system that hangs holds it: see /proc/PID/stack, or restart the machine"))
}

/// Waits until a process is gone, for `limit` at most.
fn gone(process: &rustix::fd::OwnedFd, limit: Duration) -> anyhow::Result<bool> {
    // A process's descriptor becomes readable when the process has ended.
    readable(process, Some(limit)).context("cannot wait for the daemon's end")
}
