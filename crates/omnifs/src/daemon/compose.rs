//! The composition root: everything concrete is made here and nowhere else.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use omnifs_fuse::{MountOptions, Notices, Observer, Session, SessionOptions};
use omnifs_runtime::http::{Secret, Tls};
use omnifs_runtime::{
    Effort, Engine, EngineOptions, Grants, LoadError, LogLine, LogSource, Outdated, Provider,
    ProviderLog, ProviderOptions, Service, Severity,
};
use omnifs_vfs::{Clock, Identity, Settings, Source, SystemClock, Tree};
use tokio::runtime::Handle;

use super::disks::{self, Disks};
use super::grants::{self, Common};
use super::host::Host;
use super::slot::Serving;
use crate::config::{Config, HostConfig, LimitsConfig, ProviderConfig};
use crate::control::Trouble;
use crate::places::Places;

/// What all providers share.
pub(super) struct Parts {
    engine: Engine,
    common: Common,
    log: Arc<dyn ProviderLog>,
    runtime: Handle,
    host: HostConfig,
    /// Bytes of memory that all caches together were promised; over the host's total, each
    /// gets its part of that.
    promised: u64,
    /// The same of the disk.
    promised_disk: u64,
    pub(super) disks: Disks,
    /// Whether trees are mounted, or read through the control socket alone.
    pub(super) mounts: bool,
    /// Who is told of each request of a mount.
    observer: Option<Arc<dyn Observer>>,
}

/// What differs between the daemon and a command that serves a provider itself.
pub(crate) struct Setup {
    /// What compiling aims at; what is done soon is not kept.
    pub(crate) effort: Effort,
    /// Where the output of providers goes.
    pub(crate) log: Arc<dyn ProviderLog>,
    /// Who is told of each request of a mount.
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Setup {
    /// Returns the daemon's: what it compiles and what providers print is kept, and nobody
    /// watches.
    pub(super) fn of_daemon() -> Self {
        Self { effort: Effort::FastCode, log: Arc::new(LogLines), observer: None }
    }
}

/// A component that can be served, and whose its answers are.
pub(super) struct Loaded {
    pub(super) provider: Arc<Provider>,
    pub(super) identity: Identity,
}

/// Returns the host of a configuration, on the runtime that this is called on.
///
/// # Errors
/// When the engine cannot be made.
pub(super) fn host(config: Config, places: &Places, mounts: bool) -> anyhow::Result<Arc<Host>> {
    let (parts, providers) = parts(config, places, Setup::of_daemon())?;
    let parts = Parts { mounts, ..parts };
    Ok(Host::new(providers, parts, places.clone()))
}

/// Returns what the providers of a configuration share, and their own parts of it.
///
/// # Errors
/// When the engine cannot be made.
fn parts(
    config: Config,
    places: &Places,
    setup: Setup,
) -> anyhow::Result<(Parts, Vec<ProviderConfig>)> {
    let Setup { effort, log, observer } = setup;
    let compiled = (effort == Effort::FastCode).then(|| places.compiled.clone());
    let options = EngineOptions { compiled, stack: config.host.stack, effort };
    let common = Common {
        tls: tls(config.host.ca_file.as_deref())?,
        clock: Arc::new(SystemClock::new()),
        variables: config.secret_variables(),
        places: places.clone(),
    };
    let parts = Parts {
        engine: Engine::new(options).context("cannot run WebAssembly")?,
        common,
        log,
        observer,
        runtime: Handle::current(),
        promised: config.enabled().map(|provider| provider.cache.memory).sum(),
        promised_disk: config.enabled().filter_map(|provider| provider.cache.disk).sum(),
        disks: Disks::new(places.clone()),
        mounts: true,
        host: config.host,
    };
    Ok((parts, config.providers))
}

/// Returns the parts of a process that has nothing but the first provider of a configuration. It
/// keeps nothing on disk, and leaves what is kept there as it is.
///
/// # Errors
/// When the engine cannot be made.
pub(super) fn alone(
    config: Config,
    places: &Places,
    setup: Setup,
) -> anyhow::Result<(Parts, ProviderConfig)> {
    let (parts, providers) = parts(config, places, setup)?;
    let provider = providers.into_iter().next().context("there is no provider")?;
    Ok((Parts { disks: Disks::nowhere(), ..parts }, provider))
}

impl Parts {
    /// Returns the clock of all trees.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.common.clock)
    }

    /// Returns what a provider may use; its secrets are read now.
    ///
    /// # Errors
    /// The secret that cannot be read, and what to do about it.
    pub(super) fn granted(&self, config: &ProviderConfig) -> Result<Grants, Trouble> {
        grants::grants(config, &self.common)
    }

    /// Returns what a provider may use when these are its secrets.
    pub(super) fn granted_with(&self, config: &ProviderConfig, secrets: Vec<Secret>) -> Grants {
        grants::with_secrets(config, &self.common, secrets)
    }

    /// Reads, checks and compiles a provider's component.
    ///
    /// # Errors
    /// Why it cannot be used, for the user.
    pub(super) fn load(&self, config: &ProviderConfig) -> Result<Loaded, Trouble> {
        self.load_granted(config, || self.granted(config))
    }

    /// As [`Parts::load`], with these grants, which are asked for when its bytes are there.
    pub(super) fn load_granted(
        &self,
        config: &ProviderConfig,
        grants: impl FnOnce() -> Result<Grants, Trouble>,
    ) -> Result<Loaded, Trouble> {
        let component = config.component.bytes(config.limits.provider.component)?;
        let identity = disks::identity(config, &component);
        let options = ProviderOptions {
            name: config.name.clone(),
            limits: config.limits.provider.clone(),
            log: Arc::clone(&self.log),
            grants: grants()?,
            live: config.live,
        };
        let loaded = Provider::load(&self.engine, &component, options);
        let provider = loaded.map_err(|LoadError { reason, remedy }| Trouble {
            reason,
            remedy: remedy.unwrap_or_else(|| {
                "build it again with `omnifs build`, then `omnifs restart`".to_owned()
            }),
        })?;
        Ok(Loaded { provider, identity })
    }

    /// Mounts a provider at `path`, if that is wanted, and serves it.
    ///
    /// # Errors
    /// Why it cannot be mounted, for the user.
    pub(super) fn serve(
        &self,
        Loaded { provider, identity }: Loaded,
        config: &ProviderConfig,
        path: &Path,
    ) -> Result<Serving, Trouble> {
        let source: Arc<dyn Source> = Arc::<Provider>::clone(&provider);
        let settings = self.settings(config, (&provider, identity));
        let tree = Tree::new(source, Arc::clone(&self.common.clock), settings);
        if !self.mounts {
            let service = self.service(&provider, &tree);
            return Ok(Serving { provider, tree, service, session: None });
        }
        let options = MountOptions {
            mountpoint: path.to_path_buf(),
            name: config.name.clone(),
            allow_other: self.host.allow_other,
        };
        let connection = omnifs_fuse::mount(&options).map_err(|error| refused(&error.into()))?;
        let options = SessionOptions {
            answer: config.limits.answer,
            notices: Notices::Auto,
            live: provider.is_live(),
            observer: self.observer.clone(),
        };
        let session = Session::serve(connection, Arc::clone(&tree), self.runtime.clone(), options)
            .map_err(|error| refused(&error.into()))?;
        let service = self.service(&provider, &tree);
        Ok(Serving { provider, tree, service, session: Some(Arc::new(session)) })
    }

    /// Has a provider's watcher run, and its tree told of what is outdated, for as long as the result
    /// lives.
    pub(super) fn service(&self, provider: &Arc<Provider>, tree: &Arc<Tree>) -> Arc<Service> {
        let tree = Arc::downgrade(tree);
        let tell = move |outdated| match (tree.upgrade(), outdated) {
            (Some(tree), Outdated::Objects(objects)) => tree.invalidate(&objects),
            (Some(tree), Outdated::Everything) => {
                tree.expire("/");
            }
            (None, _) => {}
        };
        Arc::new(provider.serve(&self.runtime, tell))
    }

    /// Returns how a provider's tree caches.
    pub(super) fn settings(
        &self,
        config: &ProviderConfig,
        (provider, identity): (&Provider, Identity),
    ) -> Settings {
        let disk = config.cache.disk;
        let disk = disk.map(|bytes| part(bytes, self.host.disk, self.promised_disk));
        Settings {
            provider: config.name.clone(),
            answer: config.limits.answer,
            ttl: config.cache.ttl,
            negative: config.cache.negative,
            stale_while_revalidate: config.cache.stale_while_revalidate,
            stale_if_error: config.cache.stale_if_error,
            outside: config.limits.provider.http.download,
            names: config.limits.provider.names,
            listing: config.limits.provider.lift,
            memory: part(config.cache.memory, self.host.memory, self.promised),
            disk: self.disks.of(&config.name, identity, disk),
            outdates: provider.outdates(),
            read_ahead: read_ahead(provider, &config.limits),
            watched: self.observer.is_some(),
        }
    }
}

/// Returns what a cache that was promised `bytes` gets of the host's total, when all together were
/// promised so much.
fn part(bytes: u64, total: u64, promised: u64) -> u64 {
    if promised <= total {
        return bytes;
    }
    let part = u128::from(bytes) * u128::from(total) / u128::from(promised.max(1));
    u64::try_from(part).unwrap_or(bytes)
}

/// Returns how many files may be read ahead at once: an instance stays free for what is asked for,
/// and where requests are counted none is spent on what may not be wanted.
fn read_ahead(provider: &Provider, limits: &LimitsConfig) -> usize {
    match limits.provider.http.per_minute {
        None => usize::try_from(provider.instances().saturating_sub(1)).unwrap_or(usize::MAX),
        Some(_) => 0,
    }
}

/// Returns whom connections trust.
fn tls(ca_file: Option<&Path>) -> anyhow::Result<Tls> {
    let Some(file) = ca_file else { return Ok(Tls::default()) };
    let failed = || format!("cannot use `ca_file` of [host], {}", file.display());
    let pem = std::fs::read(file).with_context(failed)?;
    Tls::trusting(&pem).with_context(failed)
}

/// Explains why the kernel took no mount; the texts of `omnifs-fuse` hold the remedy.
fn refused(error: &anyhow::Error) -> Trouble {
    Trouble { reason: format!("{error:#}"), remedy: "then run `omnifs restart`".to_owned() }
}

/// Puts what providers print into the daemon's log.
struct LogLines;

impl ProviderLog for LogLines {
    fn line(&self, line: LogLine<'_>) {
        let LogLine { provider, source, text } = line;
        match source {
            LogSource::Message(Severity::Error) => {
                tracing::error!(target: "provider", provider, "{text}");
            }
            LogSource::Stdout | LogSource::Message(Severity::Info) => {
                tracing::info!(target: "provider", provider, "{text}");
            }
            LogSource::Message(Severity::Debug) => {
                tracing::debug!(target: "provider", provider, "{text}");
            }
            LogSource::Message(Severity::Trace) => {
                tracing::trace!(target: "provider", provider, "{text}");
            }
            LogSource::Stderr | LogSource::Host | LogSource::Message(Severity::Warn) => {
                tracing::warn!(target: "provider", provider, "{text}");
            }
        }
    }
}
