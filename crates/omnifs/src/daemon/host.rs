//! The providers of a running daemon: which stand, which failed, and why.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use omnifs_fuse::{Session, mounts};
use omnifs_runtime::Provider;
use omnifs_vfs::Tree;
use parking_lot::Mutex;

use super::compose::Parts;
use super::{VERSION, mountpoint};
use crate::config::ProviderConfig;
use crate::control::server::Control;
use crate::control::{CacheStatus, ProviderStatus, SCHEMA, State, Status, Trouble};

/// How long finding out what a mount's path leads to may take: it may lead through somebody
/// else's hanging mount.
const RESOLVE: Duration = Duration::from_secs(5);

/// All providers of the configuration that are enabled.
pub(super) struct Host {
    parts: Parts,
    slots: Vec<Arc<Slot>>,
}

/// One provider, from its configuration to its mount.
struct Slot {
    config: ProviderConfig,
    /// Held while the mount is made, so that closing never misses one. Taken before
    /// `standing`.
    gate: Mutex<Gate>,
    /// Guards what the status shows; held for moments only.
    standing: Mutex<Standing>,
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
    /// The conversation with the kernel.
    pub(super) session: Arc<Session>,
}

impl Host {
    /// Returns a host that has not mounted anything yet.
    pub(super) fn new(providers: Vec<ProviderConfig>, parts: Parts) -> Arc<Self> {
        let enabled = providers.into_iter().filter(|provider| provider.enabled);
        let slot = |config| {
            let standing = Mutex::new(Standing::Loading);
            Arc::new(Slot { config, gate: Mutex::new(Gate::Open), standing })
        };
        Arc::new(Self { parts, slots: enabled.map(slot).collect() })
    }

    /// Loads and mounts every provider, all at once, and returns when each of them serves or
    /// has failed.
    pub(super) async fn bring_up(self: &Arc<Self>) {
        let mut paths: Vec<PathBuf> = Vec::new();
        let mut tasks = Vec::new();
        for slot in &self.slots {
            // One after the other and before the first mount: afterwards such a path may lead
            // through a mount of our own.
            match slot.resolve(&paths).await {
                Ok(path) => {
                    paths.push(path.clone());
                    tasks.push((Arc::clone(slot), path));
                }
                Err(trouble) => slot.fail(trouble),
            }
        }
        let bring_up = |(slot, path)| tokio::spawn(Arc::clone(self).bring_up_one(slot, path));
        for ended in join_all(tasks.into_iter().map(bring_up)).await {
            if let Err(error) = ended {
                tracing::error!(%error, "bringing a provider up failed");
            }
        }
    }

    async fn bring_up_one(self: Arc<Self>, slot: Arc<Slot>, path: PathBuf) {
        let name = slot.config.name.clone();
        tracing::info!(provider = name, grants = %slot.config.capabilities, "loading");
        let (host, working) = (Arc::clone(&self), Arc::clone(&slot));
        let blocking = move || working.mount(&host.parts, &path);
        match tokio::task::spawn_blocking(blocking).await {
            Ok(Ok(Some(serving))) => {
                tracing::info!(provider = name, mount = %slot.config.mount.display(), "mounted");
                tokio::spawn(slot.watch(serving.session));
            }
            Ok(Ok(None)) => {}
            Ok(Err(trouble)) => slot.fail(trouble),
            Err(error) => slot.fail(Trouble {
                reason: format!("loading it failed inside omnifs: {error}"),
                remedy: "`omnifs logs` shows where; please report it".to_owned(),
            }),
        }
    }

    /// Unmounts everything, at once, and lets nothing be mounted any more.
    pub(super) async fn close(&self) {
        let close = |slot: &Arc<Slot>| {
            let slot = Arc::clone(slot);
            tokio::task::spawn_blocking(move || slot.close())
        };
        for ended in join_all(self.slots.iter().map(close)).await {
            if let Err(error) = ended {
                tracing::error!(%error, "unmounting failed");
            }
        }
    }
}

impl Control for Host {
    fn status(&self) -> Status {
        Status {
            schema: SCHEMA,
            pid: rustix::process::getpid().as_raw_pid(),
            version: VERSION.to_owned(),
            providers: self.slots.iter().map(|slot| slot.status()).collect(),
        }
    }
}

impl Slot {
    /// Returns the path that the mount's own leads to, which must be apart from `others`.
    async fn resolve(&self, others: &[PathBuf]) -> Result<PathBuf, Trouble> {
        let mount = self.config.mount.clone();
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
    fn mount(&self, parts: &Parts, path: &Path) -> Result<Option<Serving>, Trouble> {
        mountpoint::prepare(path)?;
        let loaded = parts.load(&self.config)?;
        let gate = self.gate.lock();
        if *gate == Gate::Closed {
            return Ok(None);
        }
        let serving = parts.serve(loaded, &self.config, path)?;
        *self.standing.lock() = Standing::Serving(serving.clone());
        Ok(Some(serving))
    }

    /// Waits for the end of a mount that nobody asked the daemon for.
    async fn watch(self: Arc<Self>, session: Arc<Session>) {
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
        let (provider, mount) = (&self.config.name, self.config.mount.display());
        tracing::warn!(provider, %mount, "unmounted by somebody else");
        *self.standing.lock() = Standing::Unmounted;
    }

    fn fail(&self, trouble: Trouble) {
        let Trouble { reason, remedy } = &trouble;
        tracing::error!(provider = self.config.name, reason, remedy, "does not serve");
        *self.standing.lock() = Standing::Failed(trouble);
    }

    fn close(&self) {
        *self.gate.lock() = Gate::Closed;
        let standing = std::mem::replace(&mut *self.standing.lock(), Standing::Unmounted);
        let Standing::Serving(serving) = standing else { return };
        match serving.session.unmount() {
            Ok(how) => tracing::info!(provider = self.config.name, ?how, "unmounted"),
            Err(error) => tracing::error!(provider = self.config.name, %error, "cannot unmount"),
        }
    }

    fn status(&self) -> ProviderStatus {
        let config = &self.config;
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
                status.state = State::Ready;
                status.face = provider.face().number().into();
                status.instances = counts.instances;
                status.traps = counts.traps;
                status.cache.memory = tree.statistics().memory;
            }
        }
        status
    }
}
