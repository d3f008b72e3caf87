//! How a detached daemon tells the command that started it what became of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// The one line that a detached daemon writes to its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Report {
    /// Every provider is mounted, or has failed.
    Ready,
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
pub(super) struct Readiness(Option<File>);

impl Readiness {
    /// Returns one that nobody waits for.
    pub(super) fn silent() -> Self {
        Self(None)
    }

    /// Returns one that reports on standard output, a pipe to the command that waits.
    pub(super) fn on_standard_output() -> anyhow::Result<Self> {
        let pipe = io::stdout().as_fd().try_clone_to_owned();
        Ok(Self(Some(File::from(pipe.context("cannot use standard output")?))))
    }

    /// Reports that the daemon runs.
    pub(super) fn ready(self) {
        self.report(&Report::Ready);
    }

    /// Reports that it does not.
    pub(super) fn failed(self, failure: &Failure) {
        self.report(&Report::Failed { exit: failure.exit, text: failure.text() });
    }

    fn report(self, report: &Report) {
        let Some(mut pipe) = self.0 else { return };
        let line = serde_json::to_string(report).unwrap_or_default();
        if let Err(error) = writeln!(pipe, "{line}") {
            tracing::debug!(%error, "nobody waits for the daemon");
        }
    }
}
