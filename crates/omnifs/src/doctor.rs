//! What keeps omnifs from working on this machine, and how to correct it.
//!
//! Each check is a function from what it looks at to [`Finding`]s. Nothing is changed, nothing
//! is mounted, and the daemon is not needed.

mod components;
mod containers;
mod device;
mod indexers;
mod kernel;
mod mounts;
mod toolchain;

use serde::Serialize;

use crate::config::Config;
use crate::daemon::VERSION;
use crate::daemon::lock;
use crate::places::Places;

/// The version of what `omnifs doctor --json` prints.
pub(crate) const SCHEMA: u32 = 1;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// All is well.
    Ok,
    /// omnifs works, but something is missing, or slower than it need be.
    Warning,
    /// Something that the configuration asks for will not work.
    Error,
}

impl Level {
    /// Returns the word of the output, the same as in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at, in a word.
    pub(crate) topic: &'static str,
    /// How bad it is.
    pub(crate) level: Level,
    /// What was found.
    pub(crate) text: String,
    /// What to do about it; `None` only when all is well.
    pub(crate) fix: Option<String>,
}

impl Finding {
    fn ok(topic: &'static str, text: impl Into<String>) -> Self {
        Self { topic, level: Level::Ok, text: text.into(), fix: None }
    }

    fn warning(topic: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic, level: Level::Warning, text: text.into(), fix: Some(fix.into()) }
    }

    fn error(topic: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic, level: Level::Error, text: text.into(), fix: Some(fix.into()) }
    }
}

/// What `omnifs doctor --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Examination {
    /// [`SCHEMA`].
    schema: u32,
    /// This program's version.
    version: &'static str,
    /// What was found, from the kernel upwards.
    pub(crate) findings: Vec<Finding>,
}

/// Whose rules hold for mounting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Root,
    Ordinary,
}

impl User {
    fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Self::Root } else { Self::Ordinary }
    }
}

/// Looks at everything.
pub(crate) fn examine(places: &Places) -> Examination {
    let user = User::of_this_process();
    let mut findings = vec![kernel::check()];
    findings.extend(device::check(user));
    let (config, finding) = configuration(places);
    findings.push(finding);
    if let Some(config) = &config {
        findings.extend(device::allow_other(user, config));
        findings.extend(components::check(config));
        findings.extend(mounts::check(user, config));
        findings.extend(indexers::check(config));
        findings.extend(containers::check(config));
    }
    findings.push(daemon(places));
    findings.extend(toolchain::check());
    Examination { schema: SCHEMA, version: VERSION, findings }
}

fn configuration(places: &Places) -> (Option<Config>, Finding) {
    const TOPIC: &str = "config";
    let file = places.config.display();
    let missing = places.config.symlink_metadata();
    if missing.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        let text = format!("there is no configuration at {file}: nothing can be mounted yet");
        return (None, Finding::warning(TOPIC, text, "`omnifs config check` shows an example"));
    }
    match Config::load(&places.config, &places.home) {
        Ok(config) => {
            let text = format!("{file} is valid: {} enabled", config.enabled().count());
            (Some(config), Finding::ok(TOPIC, text))
        }
        Err(error) => {
            let text = format!("{file} is not valid: {error}");
            (
                None,
                Finding::error(TOPIC, text, "`omnifs config check` shows the place and a remedy"),
            )
        }
    }
}

fn daemon(places: &Places) -> Finding {
    const TOPIC: &str = "daemon";
    match lock::holder(places) {
        Ok(None) => Finding::ok(TOPIC, "not running"),
        Ok(Some(holder)) if holder.version == VERSION => {
            Finding::ok(TOPIC, format!("{holder} is running"))
        }
        Ok(Some(holder)) => Finding::warning(
            TOPIC,
            format!("{holder} is running, and this is omnifs {VERSION}"),
            "`omnifs restart` changes it to this one",
        ),
        Err(error) => Finding::error(
            TOPIC,
            format!("{error:#}"),
            "correct its permissions, or name another directory in OMNIFS_RUNTIME_DIR",
        ),
    }
}
