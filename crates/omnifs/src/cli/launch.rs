//! `omnifs start` and `omnifs restart`: a daemon in the background.

use std::io::{BufRead, BufReader};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use rustix::io::{FdFlags, fcntl_setfd};

use super::probe::Reader;
use super::table::{Columns, table, troubles, verdict};
use super::{output, running};
use crate::config::Config;
use crate::control::Status;
use crate::daemon::lock;
use crate::daemon::readiness::Report;
use crate::env;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Starts a daemon where none runs.
pub(super) fn start(places: &Places, mounts: bool) -> Result<Exit, Failure> {
    if let Some(holder) = running::settled(places)? {
        running::note_version(&holder);
        return Err(lock::already_running(Some(&holder)));
    }
    launch(places, &load(places)?, mounts)
}

/// Ends the daemon that runs, if any, and starts one.
pub(super) fn restart(places: &Places) -> Result<Exit, Failure> {
    // First of all: a daemon that serves is not given up for a file that it cannot read.
    let config = load(places)?;
    if running::end(places)?.is_none() {
        output::print("omnifs was not running and is started\n")?;
    }
    launch(places, &config, true)
}

fn load(places: &Places) -> Result<Config, Failure> {
    Ok(Config::load(&places.config, &places.home)?)
}

/// Makes the daemon apply the configuration as it is now.
pub(super) fn reload(places: &Places) -> Result<Exit, Failure> {
    apply(places)?;
    let config = load(places)?;
    let status = running::daemon(places)?.status()?;
    let reader = (!status.no_mount).then(Reader::start);
    report(places, (&config, status), reader)
}

/// Makes the daemon apply the configuration and returns when it has.
pub(super) fn apply(places: &Places) -> Result<(), Failure> {
    match running::daemon(places)?.reload()?.mistake {
        Some(mistake) => Err(Failure::rendered(Exit::Config, mistake)),
        None => Ok(()),
    }
}

fn launch(places: &Places, config: &Config, mounts: bool) -> Result<Exit, Failure> {
    let (daemon, reader) = (begin(places, mounts)?, mounts.then(Reader::start));
    let status = await_ready(places, daemon)?;
    report(places, (config, status), reader)
}

/// Reads every mount and shows how the providers stand.
fn report(
    places: &Places,
    (config, mut status): (&Config, Status),
    reader: Option<Reader>,
) -> Result<Exit, Failure> {
    if let Some(reader) = reader {
        reader.read_all(&mut status, config);
    }
    if status.providers.is_empty() {
        output::print(&format!("no providers in {}\n", places.config.display()))?;
    }
    output::print(&table(&status.providers, Columns::Short))?;
    output::error(&troubles(&status.providers));
    Ok(verdict(&status.providers))
}

/// Sees that the daemon inherits none of this command's descriptors but those it is given: a
/// lock or a pipe of the caller would stay open for as long as the daemon runs.
#[expect(unsafe_code, reason = "an inherited descriptor has no owner in this program")]
fn keep_descriptors() -> std::io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        let Some(number) = number.filter(|number| *number > 2) else { continue };
        // SAFETY: the number was listed as open, and this command has no other thread that
        // could close it; were it the listing's own, it is open still.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    Ok(())
}

/// Runs this program as a daemon and returns when it has mounted what it can, with how that
/// stands.
pub(super) fn spawn(places: &Places, mounts: bool) -> Result<Status, Failure> {
    await_ready(places, begin(places, mounts)?)
}

fn begin(places: &Places, mounts: bool) -> Result<Child, Failure> {
    keep_descriptors().context("cannot keep this command's descriptors from the daemon")?;
    // The process's own file, also when another version has taken its name meanwhile.
    let daemon = Command::new("/proc/self/exe")
        .arg0("omnifs")
        .args(["start", "--foreground", "--detached"])
        .args((!mounts).then_some("--no-mount"))
        .env(env::CONFIG, &places.config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the daemon")?;
    Ok(daemon)
}

fn await_ready(places: &Places, mut daemon: Child) -> Result<Status, Failure> {
    let mut line = String::new();
    if let Some(output) = daemon.stdout.take() {
        BufReader::new(output).read_line(&mut line).context("cannot hear from the daemon")?;
    }
    match serde_json::from_str(&line) {
        Ok(Report::Ready(status)) => Ok(status),
        Ok(Report::Failed { exit, text }) => Err(Failure::rendered(exit, text)),
        // It ended, or was ended, without a word.
        Err(_) => {
            let ended = daemon.wait().context("cannot wait for the daemon")?;
            let log = places.log();
            Err(Failure::new(format!("the daemon ended while it was starting ({ended})"))
                .remedy(format!("its last words are in {}", log.display())))
        }
    }
}
