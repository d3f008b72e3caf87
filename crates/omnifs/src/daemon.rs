//! The daemon: one process a user, which owns the mounts.

mod activity;
pub(crate) mod alone;
pub(crate) mod compose;
pub(crate) mod disks;
mod grants;
mod host;
mod journal;
pub(crate) mod lock;
pub(crate) mod mountpoint;
mod network;
pub(crate) mod readiness;
mod slot;
pub(crate) mod tested;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::config::Config;
use crate::control::server::{Control, Socket};
use crate::env;
use crate::exit::{Exit, Failure};
use crate::places::{Places, make_private};
use host::Host;
use lock::Lock;
use readiness::Readiness;

pub(crate) use journal::rotated;

/// This program's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long the daemon takes to end at most, so that a stuck unmount holds nobody up.
const END: Duration = Duration::from_millis(4500);

/// Whether the daemon belongs to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It logs to standard error too, and ends with its terminal.
    Foreground,
    /// It has a session of its own and reports on standard output, once, how it started.
    Detached,
}

/// Runs the daemon until somebody ends it; without `mounts` it answers on its socket alone.
///
/// # Errors
/// When it could not start. A detached daemon has reported the failure already.
pub(crate) fn run(places: &Places, mode: Mode, mounts: bool) -> Result<Exit, Failure> {
    let readiness = match mode {
        Mode::Foreground => Readiness::ServiceManager,
        Mode::Detached => Readiness::on_standard_output()?,
    };
    let started = start(places, mode, mounts);
    let (lock, daemon) = match started {
        Ok(parts) => parts,
        Err(failure) => {
            readiness.failed(&failure);
            return Err(failure);
        }
    };
    let ended = daemon.run(readiness, mode);
    drop(lock);
    ended
}

/// Everything that can fail before the first mount.
fn start(places: &Places, mode: Mode, mounts: bool) -> Result<(Lock, Daemon), Failure> {
    harden(mode)?;
    let config = Config::load(&places.config, &places.home)?;
    own_directory(&places.runtime, env::RUNTIME_DIR)?;
    let lock = Lock::take(places)?;
    own_directory(&places.state, env::STATE_DIR)?;
    journal::start(&places.log(), mode)?;
    // A working directory is a mount that nobody can unmount.
    std::env::set_current_dir("/").context("cannot change to /")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("omnifs")
        .build()
        .context("cannot start the daemon's threads")?;
    let (socket, host) = {
        let _entered = runtime.enter();
        (Socket::bind(&places.runtime)?, compose::host(config, places, mounts)?)
    };
    tracing::info!(version = VERSION, config = %places.config.display(), "started");
    Ok((lock, Daemon { runtime, socket, host }))
}

/// Makes a directory of the daemon's own, which `variable` can put elsewhere.
fn own_directory(directory: &Path, variable: &str) -> Result<(), Failure> {
    make_private(directory).map_err(|error| {
        Failure::from(error).remedy(format!("set {variable} to a directory that you may write to"))
    })
}

/// Keeps what the daemon's memory holds out of core dumps and other processes.
fn harden(mode: Mode) -> anyhow::Result<()> {
    if mode == Mode::Detached {
        rustix::process::setsid().context("cannot leave the terminal")?;
    }
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).context("cannot turn core dumps off")?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context("cannot protect the daemon's memory")
}

struct Daemon {
    runtime: tokio::runtime::Runtime,
    socket: Socket,
    host: Arc<Host>,
}

impl Daemon {
    fn run(self, readiness: Readiness, mode: Mode) -> Result<Exit, Failure> {
        let Self { runtime, socket, host } = self;
        let ended = runtime.block_on(async {
            let stop = Arc::new(Notify::new());
            let mut signals = Signals::listen(mode)?;
            let control: Arc<dyn Control> = Arc::<Host>::clone(&host);
            let serving = tokio::spawn(socket.serve(control, Arc::clone(&stop)));
            let ended = async {
                tokio::select! {
                    () = stop.notified() => "asked to",
                    signal = signals.next() => signal,
                }
            };
            tokio::pin!(ended);
            network::follow(Arc::clone(&host));
            let why = tokio::select! {
                () = host.bring_up() => {
                    readiness.ready(|| host.status());
                    watch::follow(Arc::clone(&host));
                    ended.await
                }
                why = &mut ended => why,
            };
            tracing::info!(why, "ending");
            readiness::stopping(mode);
            end_by_force_after(END);
            host.close().await;
            serving.abort();
            // The socket's file goes when the task is dropped, which aborting only asks for.
            let _aborted = serving.await;
            Ok(Exit::Success)
        });
        runtime.shutdown_background();
        tracing::info!("ended");
        ended
    }
}

/// Ends the process when `limit` has passed, whatever else hangs.
fn end_by_force_after(limit: Duration) {
    let watchdog = move || {
        std::thread::sleep(limit);
        tracing::error!("ending took too long; ended by force");
        std::process::exit(Exit::Failure as i32);
    };
    if let Err(error) = std::thread::Builder::new().name("watchdog".to_owned()).spawn(watchdog) {
        tracing::error!(%error, "cannot watch over the end");
    }
}

/// The signals that end the daemon.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    mode: Mode,
}

impl Signals {
    fn listen(mode: Mode) -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            hangup: listen(SignalKind::hangup())?,
            mode,
        })
    }

    /// Returns the name of the next signal that ends the daemon.
    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.quit.recv() => return "SIGQUIT",
                // A daemon without a terminal has none to lose.
                _ = self.hangup.recv() => if self.mode == Mode::Foreground { return "SIGHUP" },
            }
        }
    }
}
