//! The providers of a running daemon: which stand, which failed, and why.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;

use super::VERSION;
use super::compose::Parts;
use super::slot::{Exchanged, Slot};
use crate::config::{Component, Config, ConfigError, ProviderConfig};
use crate::control::activity::Activity;
use crate::control::server::Control;
use crate::control::{Caches, CallFailure, Known, Place, Refusal, SCHEMA, Status, Trouble};
use crate::places::Places;
use crate::walk::Walk;

/// How long the end waits for what is to be kept on disk.
const FLUSH: Duration = Duration::from_secs(2);

/// Why the configuration is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The user asked: what does not serve is tried again.
    Asked,
    /// A file may have changed.
    Noticed,
}

/// All providers of the configuration that are enabled.
pub(super) struct Host {
    parts: Arc<Parts>,
    places: Places,
    /// On the clock of all trees.
    begun: Duration,
    /// Guards the list only.
    slots: Mutex<Slots>,
    /// Held while the configuration is applied, one change after the other; holds what was
    /// wrong with the file the last time.
    applying: tokio::sync::Mutex<Option<String>>,
}

#[derive(Default)]
struct Slots {
    /// In the order of the configuration.
    list: Vec<Arc<Slot>>,
    /// Nothing is mounted any more, and no list takes the place of this one.
    closed: bool,
}

impl Host {
    /// Returns a host that has not mounted anything yet.
    pub(super) fn new(providers: Vec<ProviderConfig>, parts: Parts, places: Places) -> Arc<Self> {
        let enabled = providers.into_iter().filter(|provider| provider.enabled);
        let slots = Slots { list: enabled.map(Slot::new).collect(), closed: false };
        let (slots, applying) = (Mutex::new(slots), tokio::sync::Mutex::default());
        let begun = parts.clock().monotonic();
        Arc::new(Self { parts: Arc::new(parts), places, begun, slots, applying })
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.lock().list.clone()
    }

    fn slot(&self, provider: &str) -> Option<Arc<Slot>> {
        self.slots().into_iter().find(|slot| slot.name() == provider)
    }

    /// Loads and mounts every provider, all at once, and returns when each of them serves or
    /// has failed.
    pub(super) async fn bring_up(self: &Arc<Self>) {
        let _applying = self.applying.lock().await;
        self.mount_all(&self.slots()).await;
    }

    async fn mount_all(self: &Arc<Self>, slots: &[Arc<Slot>]) {
        let mut paths: Vec<PathBuf> =
            self.slots().iter().filter_map(|slot| slot.mounted_at()).collect();
        let mut tasks = Vec::new();
        for slot in slots {
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
        let (name, config) = (slot.name().to_owned(), slot.config());
        tracing::info!(provider = name, grants = %config.capabilities, "loading");
        let (host, working) = (Arc::clone(&self), Arc::clone(&slot));
        let blocking = move || working.mount(&host.parts, &path);
        match tokio::task::spawn_blocking(blocking).await {
            Ok(Ok(Some(serving))) => {
                tracing::info!(provider = name, mount = %config.mount.display(), "mounted");
                if let Some(session) = serving.session {
                    tokio::spawn(slot.watch(session));
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(trouble)) => slot.fail(trouble),
            Err(error) => slot.fail(Trouble {
                reason: format!("loading it failed inside omnifs: {error}"),
                remedy: "`omnifs logs` shows where; please report it".to_owned(),
            }),
        }
    }

    /// Has every provider make new connections from now on.
    pub(super) fn renew_connections(&self) {
        for slot in self.slots() {
            slot.renew_connections();
        }
    }

    /// Returns the directories of the files that the providers come from and are configured in.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        let slots = self.slots();
        let components = slots.iter().filter_map(|slot| match &slot.config().component {
            Component::File(path) => Some(path.clone()),
            Component::Builtin(_) => None,
        });
        let files = components.chain([self.places.config.clone()]);
        files.filter_map(|file| Some(file.parent()?.to_path_buf())).collect()
    }

    /// Applies the file as it is now: what did not change goes on, a provider that did is
    /// exchanged under its mount where that is possible, and mounted anew otherwise.
    ///
    /// # Errors
    /// What is wrong with the file; nothing changes then.
    pub(super) async fn apply(self: &Arc<Self>, occasion: Occasion) -> Result<(), ConfigError> {
        let mut last_mistake = self.applying.lock().await;
        let config = match Config::load(&self.places.config, &self.places.home) {
            Ok(config) => config,
            Err(error) => {
                let mistake = error.render();
                if last_mistake.as_ref() != Some(&mistake) {
                    tracing::error!(%mistake, "the configuration stays as it was");
                    *last_mistake = Some(mistake);
                }
                return Err(error);
            }
        };
        *last_mistake = None;
        let mut old = self.slots();
        let (mut slots, mut exchanges, mut mounts) = (Vec::new(), Vec::new(), Vec::new());
        for new in config.providers.into_iter().filter(|provider| provider.enabled) {
            let known =
                old.iter().position(|slot| slot.name() == new.name && slot.keeps_mount(&new));
            let standing = known.map(|at| old.swap_remove(at));
            match standing {
                Some(slot) if slot.stands() => {
                    exchanges.push((Arc::clone(&slot), Arc::new(new)));
                    slots.push(slot);
                }
                // What failed, or was unmounted, stays so until it is another or somebody asks.
                Some(slot) if occasion == Occasion::Noticed && !slot.differs(&new) => {
                    slots.push(slot);
                }
                Some(_) | None => {
                    let slot = Slot::new(new);
                    mounts.push(Arc::clone(&slot));
                    slots.push(slot);
                }
            }
        }
        {
            let mut current = self.slots.lock();
            if current.closed {
                return Ok(());
            }
            current.list = slots;
        }
        self.close_all(old).await;
        let outlived = self.exchange_all(exchanges).await;
        mounts.extend(self.replace(&outlived));
        self.close_all(outlived.into_iter().map(|(slot, _)| slot).collect()).await;
        self.mount_all(&mounts).await;
        Ok(())
    }

    /// Exchanges what serves, and returns what has to be mounted anew for that.
    async fn exchange_all(
        self: &Arc<Self>,
        exchanges: Vec<(Arc<Slot>, Arc<ProviderConfig>)>,
    ) -> Vec<(Arc<Slot>, Arc<ProviderConfig>)> {
        let exchange = |(slot, config): (Arc<Slot>, Arc<ProviderConfig>)| {
            let host = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                // The slot has told the log, and tells the status.
                let exchanged = slot.exchange(&host.parts, Arc::clone(&config));
                matches!(exchanged, Ok(Exchanged::NeedsMount)).then_some((slot, config))
            })
        };
        let mut outlived = Vec::new();
        for ended in join_all(exchanges.into_iter().map(exchange)).await {
            match ended {
                Ok(needs_mount) => outlived.extend(needs_mount),
                Err(error) => tracing::error!(%error, "exchanging a component failed"),
            }
        }
        outlived
    }

    /// Puts new slots in the place of these, and returns them.
    fn replace(&self, outlived: &[(Arc<Slot>, Arc<ProviderConfig>)]) -> Vec<Arc<Slot>> {
        let mut slots = self.slots.lock();
        if slots.closed {
            return Vec::new();
        }
        let mut new = Vec::new();
        for slot in &mut slots.list {
            if let Some((_, config)) = outlived.iter().find(|(old, _)| Arc::ptr_eq(old, slot)) {
                *slot = Slot::new(Arc::clone(config));
                new.push(Arc::clone(slot));
            }
        }
        new
    }

    /// Unmounts everything, at once, and lets nothing be mounted any more.
    pub(super) async fn close(&self) {
        // A change that is being applied is not waited for: the end has a deadline.
        let slots = {
            let mut slots = self.slots.lock();
            slots.closed = true;
            slots.list.clone()
        };
        self.close_all(slots).await;
        let parts = Arc::clone(&self.parts);
        let flushed = tokio::task::spawn_blocking(move || parts.disks.flush(FLUSH)).await;
        if let Err(error) = flushed {
            tracing::error!(%error, "writing the caches failed");
        }
    }

    async fn close_all(&self, slots: Vec<Arc<Slot>>) {
        let close = |slot: &Arc<Slot>| {
            let slot = Arc::clone(slot);
            tokio::task::spawn_blocking(move || slot.close())
        };
        for ended in join_all(slots.iter().map(close)).await {
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
            providers: self.slots().iter().map(|slot| slot.status()).collect(),
            no_mount: !self.parts.mounts,
        }
    }

    fn errors(&self) -> Vec<CallFailure> {
        let mut failures: Vec<_> = self.slots().iter().flat_map(|slot| slot.failures()).collect();
        failures.sort_by_key(|failure| failure.at);
        failures
    }

    fn activity(&self) -> Activity {
        let uptime = self.parts.clock().monotonic().saturating_sub(self.begun);
        Activity {
            schema: SCHEMA,
            version: VERSION.to_owned(),
            uptime: uptime.as_secs_f64(),
            providers: self.slots().iter().map(|slot| slot.activity()).collect(),
        }
    }

    fn explain(&self, place: &Place) -> Option<Known> {
        self.slot(&place.provider)?.explain(&place.path)
    }

    fn refresh(&self, place: &Place) -> bool {
        self.slot(&place.provider).is_some_and(|slot| slot.refresh(&place.path))
    }

    fn caches(&self) -> Caches {
        let providers = self.slots().iter().filter_map(|slot| slot.cache()).collect();
        Caches { schema: SCHEMA, providers }
    }

    fn clear(&self, place: &Place) -> bool {
        self.slot(&place.provider).is_some_and(|slot| slot.clear(&place.path))
    }

    fn walk(&self, place: &Place) -> Result<Walk, Refusal> {
        let tree = self.slot(&place.provider).and_then(|slot| slot.tree());
        tree.map(Walk::new).ok_or_else(|| Refusal {
            errno: "ENODEV".to_owned(),
            reason: format!("{} is not served", place.provider),
        })
    }

    fn reload(self: Arc<Self>) -> BoxFuture<'static, Result<(), String>> {
        async move { Self::apply(&self, Occasion::Asked).await.map_err(|error| error.render()) }
            .boxed()
    }
}
