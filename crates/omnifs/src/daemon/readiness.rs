//! How the daemon tells whoever started it what became of it: the command, or the service
//! manager.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use anyhow::Context;
use sd_notify::NotifyState;
use serde::{Deserialize, Serialize};

use super::Mode;
use crate::control::Status;
use crate::exit::{Exit, Failure};

/// The one line that a detached daemon writes to its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Report {
    /// Every provider is mounted, or has failed: how they stand.
    Ready(Status),
    /// There is no daemon.
    Failed {
        /// The code to end with.
        exit: Exit,
        /// The text for standard error.
        text: String,
    },
}

/// Where the report goes.
#[derive(Debug)]
pub(super) enum Readiness {
    /// The command that waits.
    Pipe(File),
    /// The service manager, if one has set `NOTIFY_SOCKET` (sd_notify(3)).
    ServiceManager,
}

impl Readiness {
    /// Returns one that reports on standard output, a pipe to the command that waits.
    pub(super) fn on_standard_output() -> anyhow::Result<Self> {
        let pipe = io::stdout().as_fd().try_clone_to_owned();
        Ok(Self::Pipe(File::from(pipe.context("cannot use standard output")?)))
    }

    /// Reports that the daemon runs.
    pub(super) fn ready(self, status: impl FnOnce() -> Status) {
        match self {
            Self::Pipe(mut pipe) => report(&mut pipe, &Report::Ready(status())),
            Self::ServiceManager => notify(NotifyState::Ready),
        }
    }

    /// Reports that there is no daemon. A service manager sees that by itself.
    pub(super) fn failed(self, failure: &Failure) {
        match self {
            Self::Pipe(mut pipe) => {
                report(&mut pipe, &Report::Failed { exit: failure.exit, text: failure.text() });
            }
            Self::ServiceManager => {}
        }
    }
}

fn report(pipe: &mut File, report: &Report) {
    let line = serde_json::to_string(report).unwrap_or_default();
    if let Err(error) = writeln!(pipe, "{line}") {
        tracing::debug!(%error, "nobody waits for the daemon");
    }
}

/// Tells the service manager that the daemon is about to end. A detached daemon has none.
pub(super) fn stopping(mode: Mode) {
    if mode == Mode::Foreground {
        notify(NotifyState::Stopping);
    }
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
