//! `providers.toml`: what is mounted where, and what it may do.
//!
//! Two steps: `raw` mirrors the file, key by key, and refuses what it does not know; this
//! module's [`Config`] is what the daemon needs: checked, absolute, with every default in its
//! place. Nothing outside sees the raw form.

mod capabilities;
mod check;
pub(crate) mod edit;
pub(crate) mod file;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod problem;
mod raw;
mod units;

use std::path::{Path, PathBuf};
use std::time::Duration;

use omnifs_runtime::{ErrorRule, Limits};

pub(crate) use capabilities::{Capabilities, SecretGrant, SecretSource};
pub(crate) use problem::ConfigError;

/// The whole file, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// What holds for all providers.
    pub(crate) host: HostConfig,
    /// The providers in the order of the file, the disabled ones too.
    pub(crate) providers: Vec<ProviderConfig>,
}

/// `[host]`.
#[derive(Debug, Clone)]
pub(crate) struct HostConfig {
    /// Certificates to trust besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether other users of the machine see the mounts.
    pub(crate) allow_other: bool,
    /// Bytes of memory that the caches of all providers share.
    pub(crate) memory: u64,
    /// Bytes of disk that the caches of all providers share.
    pub(crate) disk: u64,
    /// Bytes of stack that a call of a provider may use.
    pub(crate) stack: usize,
}

/// One `[[provider]]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProviderConfig {
    /// Its name, unique in the file: `[a-z0-9][a-z0-9-]{0,62}`.
    pub(crate) name: String,
    /// The component.
    pub(crate) component: Component,
    /// Where it is mounted: absolute, without `.` and `..`.
    pub(crate) mount: PathBuf,
    /// Whether it is mounted at all.
    pub(crate) enabled: bool,
    /// What becomes of a result while a host call failed.
    pub(crate) errors: ErrorRule,
    /// Whether its files may grow while they are open.
    pub(crate) live: bool,
    /// What the user grants.
    pub(crate) capabilities: Capabilities,
    /// How its answers are cached.
    pub(crate) cache: CacheConfig,
    /// What it may use.
    pub(crate) limits: LimitsConfig,
    /// `[provider.config]`, handed to the provider as JSON.
    pub(crate) settings: serde_json::Map<String, serde_json::Value>,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Component {
    /// A file, absolute.
    File(PathBuf),
    /// One that is part of this program.
    Builtin(String),
}

impl std::fmt::Display for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Builtin(name) => write!(f, "builtin:{name}"),
        }
    }
}

/// `[provider.cache]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheConfig {
    /// How long an answer is fresh.
    pub(crate) ttl: Duration,
    /// How long an absence is fresh.
    pub(crate) negative: Duration,
    /// How long past that an answer is served while a new one is fetched.
    pub(crate) stale_while_revalidate: Duration,
    /// How long past that an answer is served while fetching fails.
    pub(crate) stale_if_error: Duration,
    /// Bytes in memory.
    pub(crate) memory: u64,
    /// Bytes on disk; `None` keeps nothing there.
    pub(crate) disk: Option<u64>,
}

/// `[provider.limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitsConfig {
    /// Until when every request of the kernel is answered.
    pub(crate) answer: Duration,
    /// What the provider may use.
    pub(crate) provider: Limits,
}

impl Config {
    /// Reads and checks the file; `home` is what `~/` stands for.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, or with the place of its first mistake.
    pub(crate) fn load(file: &Path, home: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|e| ConfigError::unreadable(file, &e))?;
        Self::of_text(&text, file, home)
    }

    /// Checks a text that is, or is to be, in `file`; `home` is what `~/` stands for.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of its first mistake.
    pub(crate) fn of_text(text: &str, file: &Path, home: &Path) -> Result<Self, ConfigError> {
        Self::parse(text, home).map_err(|problem| problem.in_file(file, text.to_owned()))
    }

    /// Checks the text of `file`, which has the keys of the one provider `component` but for its
    /// name and its places; `home` is what `~/` stands for.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of its first mistake.
    pub(crate) fn of_tested(
        (text, file): (&str, &Path),
        component: &Path,
        home: &Path,
    ) -> Result<Self, ConfigError> {
        let path = component.display().to_string();
        let raw = raw::parse::<raw::RawTested>(text);
        let checked = raw.and_then(|raw| check::config(raw.of_component(&path), home));
        checked.map_err(|problem| problem.in_file(file, text.to_owned()))
    }

    /// Returns the providers that are to be mounted.
    pub(crate) fn enabled(&self) -> impl Iterator<Item = &ProviderConfig> {
        self.providers.iter().filter(|provider| provider.enabled)
    }

    /// Returns the variables that hold secrets of any provider.
    pub(crate) fn secret_variables(&self) -> Vec<String> {
        let secrets = self.providers.iter().flat_map(|provider| &provider.capabilities.secrets);
        let variables = secrets.filter_map(|secret| match &secret.source {
            SecretSource::Environment(variable) => Some(variable.clone()),
            SecretSource::File(_) | SecretSource::Command(_) => None,
        });
        variables.collect()
    }

    fn parse(text: &str, home: &Path) -> Result<Self, problem::Problem> {
        check::config(raw::parse(text)?, home)
    }
}

#[cfg(test)]
mod tests;
