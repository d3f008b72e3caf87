//! One provider of a running daemon, from its configuration to its mount.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use omnifs_fuse::{Session, mounts};
use omnifs_runtime::http::HostStatistics;
use omnifs_runtime::{FailedCall, Provider, Service, WatchState};
use omnifs_vfs::{Exchange, Made, NodeKind, Source, Timestamp, Tree};
use parking_lot::Mutex;

use super::compose::{Loaded, Parts};
use super::{activity, grants, mountpoint};
use crate::config::{Component, ProviderConfig};
use crate::control::activity::ProviderActivity;
use crate::control::{
    CacheReport, CacheStatus, CallFailure, ExchangeReport, Exchanges, Known, MemoryStatus,
    ProviderStatus, State, Trouble, UpstreamStatus, WatchStatus, Watching,
};

/// How long finding out what a mount's path leads to may take: it may lead through somebody
/// else's hanging mount.
const RESOLVE: Duration = Duration::from_secs(5);

/// What a node takes in memory, in bytes: a test of `omnifs-vfs` has a million of them.
pub(super) const NODE_MEMORY: u64 = 300;

/// One provider, from its configuration to its mount.
pub(super) struct Slot {
    /// The name, which a slot keeps for its life, as it keeps its mount.
    name: String,
    mount: PathBuf,
    /// What serves, or is to serve. Guards the exchange only.
    config: Mutex<Arc<ProviderConfig>>,
    /// What was last tried to load: how it is configured, and which file it was.
    tried: Mutex<Tried>,
    /// Why what serves is not what was last tried.
    behind: Mutex<Option<Trouble>>,
    /// Held while the mount is made, so that closing never misses one. Taken before
    /// `standing`.
    gate: Mutex<Gate>,
    /// Guards what the status shows; held for moments only.
    standing: Mutex<Standing>,
}

/// What was tried to load.
type Tried = (Arc<ProviderConfig>, Option<Stamp>);

/// Tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(component: &Component) -> Option<Self> {
        let Component::File(path) = component else { return None };
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// What came of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchanged {
    /// What could be done under the mount is done.
    Done,
    /// The mount has to be made anew: files may grow in one of the two and not in the other, which
    /// is agreed on with the kernel once.
    NeedsMount,
}

/// Whether a slot may still be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
}

enum Standing {
    Loading,
    Serving(Serving),
    Failed(Trouble),
    Unmounted,
}

/// A provider that is mounted.
#[derive(Clone)]
pub(super) struct Serving {
    /// The component.
    pub(super) provider: Arc<Provider>,
    /// Its tree.
    pub(super) tree: Arc<Tree>,
    /// Keeps its watcher running.
    pub(super) service: Arc<Service>,
    /// The conversation with the kernel, if it is mounted.
    pub(super) session: Option<Arc<Session>>,
}

impl Slot {
    /// Returns a slot that serves nothing yet.
    pub(super) fn new(config: impl Into<Arc<ProviderConfig>>) -> Arc<Self> {
        let config = config.into();
        Arc::new(Self {
            name: config.name.clone(),
            mount: config.mount.clone(),
            tried: Mutex::new((Arc::clone(&config), Stamp::of(&config.component))),
            config: Mutex::new(config),
            behind: Mutex::new(None),
            gate: Mutex::new(Gate::Open),
            standing: Mutex::new(Standing::Loading),
        })
    }

    /// Returns the provider's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the configuration of what serves, or is to serve.
    pub(super) fn config(&self) -> Arc<ProviderConfig> {
        Arc::clone(&self.config.lock())
    }

    /// Returns the path where it is mounted now.
    pub(super) fn mounted_at(&self) -> Option<PathBuf> {
        let at = |session: &Arc<Session>| session.mountpoint().map(Path::to_path_buf);
        self.serving(|serving| serving.session.as_ref().and_then(at)).flatten()
    }

    /// Returns whether it is mounted, or serves without that.
    pub(super) fn stands(&self) -> bool {
        self.serving(|serving| serving.session.is_none()).unwrap_or_default()
            || self.mounted_at().is_some()
    }

    /// Returns what `ask` finds in what serves, if anything does. Held for a moment only.
    fn serving<T>(&self, ask: impl FnOnce(&Serving) -> T) -> Option<T> {
        match &*self.standing.lock() {
            Standing::Serving(serving) => Some(ask(serving)),
            Standing::Loading | Standing::Failed(_) | Standing::Unmounted => None,
        }
    }

    /// Returns whether a change to `new` keeps the mount: the kernel's conversation knows the
    /// mount's path and its deadline.
    pub(super) fn keeps_mount(&self, new: &ProviderConfig) -> bool {
        self.mount == new.mount && self.config().limits.answer == new.limits.answer
    }

    /// Returns whether `new`, or the file that it names, is not what was last tried.
    pub(super) fn differs(&self, new: &ProviderConfig) -> bool {
        let tried = self.tried.lock();
        *tried.0 != *new || tried.1 != Stamp::of(&new.component)
    }

    /// Exchanges what serves for what `new` says and its file holds, if either is not what was
    /// last tried. What does not fit leaves everything as it is, and the status says why.
    ///
    /// # Errors
    /// Why it does not fit.
    pub(super) fn exchange(
        &self,
        parts: &Parts,
        new: Arc<ProviderConfig>,
    ) -> Result<Exchanged, Trouble> {
        let tried = (Arc::clone(&new), Stamp::of(&new.component));
        if std::mem::replace(&mut *self.tried.lock(), tried.clone()) == tried {
            return Ok(Exchanged::Done);
        }
        let Loaded { provider, identity } = match parts.load(&new) {
            Ok(loaded) => loaded,
            Err(trouble) => {
                let Trouble { reason, remedy } = &trouble;
                tracing::error!(provider = self.name, reason, remedy, "the old component stays");
                *self.behind.lock() = Some(trouble.clone());
                return Err(trouble);
            }
        };
        let agreed = self.serving(|serving| serving.provider.is_live());
        if agreed.is_some_and(|live| live != provider.is_live()) {
            return Ok(Exchanged::NeedsMount);
        }
        let gate = self.gate.lock();
        let mut standing = self.standing.lock();
        if let (Gate::Open, Standing::Serving(serving)) = (*gate, &mut *standing) {
            let source: Arc<dyn Source> = Arc::<Provider>::clone(&provider);
            serving.tree.replace(source, parts.settings(&new, (&provider, identity)));
            // The old watcher ends here.
            serving.service = parts.service(&provider, &serving.tree);
            serving.provider = provider;
            *self.config.lock() = new;
            *self.behind.lock() = None;
            tracing::info!(provider = self.name, "exchanged");
        }
        Ok(Exchanged::Done)
    }

    /// Returns the path that the mount's own leads to, which must be apart from `others`.
    pub(super) async fn resolve(&self, others: &[PathBuf]) -> Result<PathBuf, Trouble> {
        let mount = self.mount.clone();
        let shown = mount.display().to_string();
        let found = tokio::task::spawn_blocking(move || mountpoint::resolve(&mount));
        let path = match tokio::time::timeout(RESOLVE, found).await {
            Ok(Ok(path)) => path?,
            Ok(Err(_)) | Err(_) => {
                return Err(Trouble {
                    reason: format!(
                        "{shown} does not answer: a file system on the way to it hangs"
                    ),
                    remedy: "unmount that file system, or choose another `mount`".to_owned(),
                });
            }
        };
        match others.iter().find(|other| path.starts_with(other) || other.starts_with(&path)) {
            None => Ok(path),
            Some(other) => Err(Trouble {
                reason: format!(
                    "{shown} is {} and that does not stay apart from the mount at {}",
                    path.display(),
                    other.display()
                ),
                remedy: "choose another `mount`: mounts do not nest, not by symbolic links either"
                    .to_owned(),
            }),
        }
    }

    /// Loads the component and mounts it; `None` when the daemon is ending meanwhile.
    pub(super) fn mount(&self, parts: &Parts, path: &Path) -> Result<Option<Serving>, Trouble> {
        if parts.mounts {
            mountpoint::prepare(path)?;
        }
        let config = self.config();
        *self.tried.lock() = (Arc::clone(&config), Stamp::of(&config.component));
        let loaded = parts.load(&config)?;
        let gate = self.gate.lock();
        if *gate == Gate::Closed {
            return Ok(None);
        }
        let serving = parts.serve(loaded, &config, path)?;
        *self.standing.lock() = Standing::Serving(serving.clone());
        Ok(Some(serving))
    }

    /// Waits for the end of a mount that nobody asked the daemon for.
    pub(super) async fn watch(self: Arc<Self>, session: Arc<Session>) {
        session.ended().await;
        let Some(path) = session.mountpoint().map(Path::to_path_buf) else { return };
        // Which is quick, but means reading a file and waiting for the gate.
        let settled = tokio::task::spawn_blocking(move || self.settle_end(&path)).await;
        if let Err(error) = settled {
            tracing::error!(%error, "looking at an ended mount failed");
        }
    }

    fn settle_end(&self, path: &Path) {
        let gate = self.gate.lock();
        if *gate == Gate::Closed {
            return;
        }
        if let Ok(Some(_)) = mounts::at(path) {
            self.fail(Trouble {
                reason: format!("the kernel ended the connection of {}", path.display()),
                remedy: "`omnifs restart` mounts it again".to_owned(),
            });
            return;
        }
        let (provider, mount) = (&self.name, self.mount.display());
        tracing::warn!(provider, %mount, "unmounted by somebody else");
        *self.standing.lock() = Standing::Unmounted;
    }

    pub(super) fn fail(&self, trouble: Trouble) {
        let Trouble { reason, remedy } = &trouble;
        tracing::error!(provider = self.name, reason, remedy, "does not serve");
        *self.standing.lock() = Standing::Failed(trouble);
    }

    pub(super) fn close(&self) {
        *self.gate.lock() = Gate::Closed;
        let standing = std::mem::replace(&mut *self.standing.lock(), Standing::Unmounted);
        let Standing::Serving(serving) = standing else { return };
        let Some(session) = serving.session else { return };
        match session.unmount() {
            Ok(how) => tracing::info!(provider = self.name, ?how, "unmounted"),
            Err(error) => tracing::error!(provider = self.name, %error, "cannot unmount"),
        }
    }

    /// Has the provider make new connections from now on.
    pub(super) fn renew_connections(&self) {
        let _none = self.serving(|serving| serving.provider.renew_connections());
    }

    /// Returns the calls that failed lately, the newest last.
    pub(super) fn failures(&self) -> Vec<CallFailure> {
        let failed = self.serving(|serving| serving.provider.failures()).unwrap_or_default();
        let report = |failed: FailedCall| CallFailure {
            at: failed.at.seconds,
            provider: self.name.clone(),
            op: failed.op.to_owned(),
            path: self.mount.join(failed.path.trim_start_matches('/')).display().to_string(),
            inside: failed.path,
            errno: omnifs_fuse::errno_name(&failed.error).to_owned(),
            reason: failed.error.to_string(),
            remedy: grants::remedy(&failed.error).to_owned(),
            partial: failed.partial,
            times: failed.times,
            request: failed.made.request.to_string(),
            exchanges: exchanges(&failed.made),
        };
        failed.into_iter().map(report).collect()
    }

    /// Returns what is known of a path from the provider's root.
    pub(super) fn explain(&self, path: &str) -> Option<Known> {
        let facts = self.tree()?.facts_at(path)?;
        let seconds = |time: Timestamp| time.seconds;
        Some(Known {
            node: facts.node.0,
            directory: facts.kind == NodeKind::Directory,
            size: facts.size,
            target: facts.target,
            source: facts.source,
            fetched_at: facts.fetched_at.map(seconds),
            fresh_until: facts.fresh_until.map(seconds),
            stale: facts.stale,
            partial: facts.partial,
            request: facts.made.as_ref().map(|made| made.request.to_string()),
            exchanges: facts.made.as_deref().map(exchanges).unwrap_or_default(),
        })
    }

    /// Believes nothing any more of a path and what is below it.
    pub(super) fn refresh(&self, path: &str) -> bool {
        self.outdated().is_some_and(|tree| tree.expire(path))
    }

    /// Keeps nothing any more of a path and what is below it. Returns whether anything serves.
    pub(super) fn clear(&self, path: &str) -> bool {
        self.outdated().is_some_and(|tree| {
            tree.clear(path);
            true
        })
    }

    /// Returns what serves, for somebody who wants none of it believed: nor are the answers of
    /// upstreams that it was made of, and they have to be outdated first.
    fn outdated(&self) -> Option<Arc<Tree>> {
        self.serving(|serving| {
            serving.provider.outdate_answers();
            Arc::clone(&serving.tree)
        })
    }

    /// Returns what is kept of its answers, if it serves.
    pub(super) fn cache(&self) -> Option<CacheReport> {
        let kept = self.tree()?.statistics();
        let disk = kept.disk.map(activity::disk);
        Some(CacheReport { provider: self.name.clone(), memory: Some(kept.memory), disk })
    }

    pub(super) fn tree(&self) -> Option<Arc<Tree>> {
        self.serving(|serving| Arc::clone(&serving.tree))
    }

    /// Returns what it did.
    pub(super) fn activity(&self) -> ProviderActivity {
        let counts = self.serving(Serving::clone).map(|serving| activity::counts(&serving));
        ProviderActivity { name: self.name.clone(), state: self.status().state, counts }
    }

    pub(super) fn status(&self) -> ProviderStatus {
        let config = self.config();
        let mut status = ProviderStatus {
            name: config.name.clone(),
            path: config.component.to_string(),
            mount: config.mount.display().to_string(),
            state: State::Loading,
            error: None,
            face: 1,
            instances: 0,
            traps: 0,
            http: Vec::new(),
            cache: CacheStatus::default(),
            memory: MemoryStatus::default(),
            watch: WatchStatus::default(),
        };
        match &*self.standing.lock() {
            Standing::Loading => {}
            Standing::Unmounted => status.state = State::Unmounted,
            Standing::Failed(trouble) => {
                status.state = State::Failed;
                status.error = Some(trouble.clone());
            }
            Standing::Serving(Serving { provider, tree, .. }) => {
                let counts = provider.statistics();
                let trapped = || {
                    let remedy = "tell its author; `omnifs logs` has its last words".to_owned();
                    Some(Trouble { reason: provider.trouble()?, remedy })
                };
                status.error = self.behind.lock().clone().or_else(trapped);
                status.state = if status.error.is_none() { State::Ready } else { State::Degraded };
                status.face = provider.face().number().into();
                status.instances = counts.instances;
                status.traps = counts.traps;
                let kept = tree.statistics();
                let disk = kept.disk.map_or(0, |disk| disk.bytes);
                status.cache = CacheStatus { memory: kept.memory, disk };
                status.memory = MemoryStatus {
                    instances: counts.memory,
                    cache: kept.memory,
                    nodes: kept.nodes * NODE_MEMORY,
                    http: counts.http_cache,
                };
                status.watch = WatchStatus {
                    state: match counts.watch.state {
                        WatchState::None => Watching::None,
                        WatchState::Running => Watching::Running,
                        WatchState::Waiting => Watching::Waiting,
                    },
                    restarts: counts.watch.restarts,
                    outdated: counts.watch.outdated,
                    dropped: counts.watch.dropped,
                };
                let asked = provider.upstreams().into_iter();
                status.http = asked.map(upstream).collect();
            }
        }
        status
    }
}

fn exchanges(made: &Made) -> Exchanges {
    let report = |exchange: &Exchange| ExchangeReport {
        method: exchange.method.clone(),
        url: exchange.url.clone(),
        status: exchange.outcome.as_ref().ok().copied(),
        failure: exchange.outcome.as_ref().err().cloned(),
        milliseconds: u64::try_from(exchange.took.as_millis()).unwrap_or(u64::MAX),
        by: exchange.by,
        etag: exchange.etag.clone(),
    };
    Exchanges { first: made.exchanges.iter().map(report).collect(), more: made.more }
}

fn upstream(asked: HostStatistics) -> UpstreamStatus {
    UpstreamStatus {
        host: asked.host,
        requests: asked.requests,
        errors: asked.errors,
        limited_until: asked.limited_until,
    }
}
