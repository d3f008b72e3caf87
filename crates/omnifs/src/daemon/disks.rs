//! The disk caches of the providers: one directory each.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use omnifs_vfs::{Disk, DiskError, Identity};
use parking_lot::Mutex;

use crate::config::ProviderConfig;
use crate::places::Places;

/// All disk caches that are open. They stay so when their provider is exchanged or mounted anew.
pub(super) struct Disks {
    /// Where they are; nowhere in a process that is to keep nothing.
    places: Option<Places>,
    /// By the provider's name. Held for opening one, too: nobody opens one twice.
    open: Mutex<HashMap<String, Disk>>,
}

impl Disks {
    /// Returns the caches in these places, of which none is open.
    pub(super) fn new(places: Places) -> Self {
        Self { places: Some(places), open: Mutex::default() }
    }

    /// Returns no caches, and lets those be that are there: they are the daemon's.
    pub(super) fn nowhere() -> Self {
        Self { places: None, open: Mutex::default() }
    }

    /// Returns the cache of a provider for the answers of `identity`, which may take `budget`
    /// bytes. There is none when it is switched off, and when the directory cannot be used, which
    /// the log tells.
    pub(super) fn of(&self, name: &str, identity: Identity, budget: Option<u64>) -> Option<Disk> {
        let directory = self.places.as_ref()?.kept(name);
        let mut open = self.open.lock();
        let Some(budget) = budget else {
            match open.remove(name) {
                Some(disk) => disk.clear(),
                None => remove(name, &directory),
            }
            return None;
        };
        if let Some(disk) = open.get(name) {
            let next = disk.succeed(identity, budget);
            open.insert(name.to_owned(), next.clone());
            return Some(next);
        }
        match Disk::open(&directory, identity, budget) {
            Ok(disk) => {
                open.insert(name.to_owned(), disk.clone());
                Some(disk)
            }
            Err(error) => {
                let remedy = remedy(&error);
                tracing::warn!(provider = name, %error, remedy, "nothing is kept on disk");
                None
            }
        }
    }

    /// Waits until what was put into the caches is written, but not longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let open: Vec<Disk> = self.open.lock().values().cloned().collect();
        std::thread::scope(|threads| {
            for disk in &open {
                threads.spawn(|| disk.flush(limit));
            }
        });
    }
}

/// Removes what an earlier run kept of a provider that is to keep nothing now.
fn remove(name: &str, directory: &Path) {
    if let Err(error) = Disk::remove_from(directory) {
        tracing::warn!(provider = name, %error, "cannot remove the old disk cache");
    }
}

/// Says what helps when a directory cannot be a cache.
pub(crate) fn remedy(error: &DiskError) -> &'static str {
    match error {
        DiskError::InUse { .. } => {
            "another daemon of yours uses it: give this one its own OMNIFS_CACHE_DIR"
        }
        DiskError::Foreign { .. } | DiskError::Io { .. } => {
            "make it a directory of yours that you may write to, or set OMNIFS_CACHE_DIR"
        }
    }
}

/// Returns whose answers a cache holds: all that can make a difference to them but the secrets'
/// values, which nothing on disk is to depend on.
pub(super) fn identity(config: &ProviderConfig, component: &[u8]) -> Identity {
    let granted = format!("{:?} {:?}", config.capabilities, config.errors);
    let settings = serde_json::Value::Object(config.settings.clone()).to_string();
    Identity::of(&[component, config.name.as_bytes(), granted.as_bytes(), settings.as_bytes()])
}
