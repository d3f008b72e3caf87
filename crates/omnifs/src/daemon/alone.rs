//! One provider in the process of a command, without daemon and disk cache.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use omnifs_fuse::Session;
use omnifs_vfs::{Source, Tree};

use super::compose::{self, Parts, Setup};
use super::slot::{Exchanged, Slot};
use crate::config::{Config, ProviderConfig};
use crate::control::Trouble;
use crate::exit::Failure;
use crate::places::Places;

/// Returns the tree of the first provider of a configuration, on the runtime that this is called
/// on.
///
/// # Errors
/// Why it cannot be loaded.
pub(crate) fn tree(config: Config, places: &Places) -> Result<Arc<Tree>, Failure> {
    let (parts, provider) = compose::alone(config, places, Setup::of_daemon())?;
    let loaded = parts.load(&provider)?;
    let settings = parts.settings(&provider, (&loaded.provider, loaded.identity));
    let source: Arc<dyn Source> = loaded.provider;
    Ok(Tree::new(source, parts.clock(), settings))
}

/// A provider that this process has mounted.
pub(crate) struct Mounted {
    slot: Arc<Slot>,
    parts: Parts,
    session: Arc<Session>,
}

impl Mounted {
    /// Mounts the first provider of a configuration at the path `at`, which is where its `mount`
    /// leads, on the runtime that this is called on. Blocks while it is compiled and mounted.
    ///
    /// # Errors
    /// Why it cannot be loaded or mounted.
    pub(crate) fn new(
        config: Config,
        places: &Places,
        (setup, at): (Setup, &Path),
    ) -> Result<Self, Failure> {
        let (parts, provider) = compose::alone(config, places, setup)?;
        let slot = Slot::new(provider);
        let serving = slot.mount(&parts, at)?.context("it was closed before it was mounted")?;
        let session = serving.session.context("it is not mounted")?;
        Ok(Self { slot, parts, session })
    }

    /// Serves what the component's file holds now under the mount that there is. Blocks while it
    /// is compiled.
    ///
    /// # Errors
    /// Why it does not fit; what served before goes on then.
    pub(crate) fn exchange(&self) -> Result<(), Trouble> {
        match self.slot.exchange(&self.parts, self.slot.config())? {
            Exchanged::Done => Ok(()),
            Exchanged::NeedsMount => Err(Trouble {
                reason: "it has live files now, or no longer, and mounts differ in that".to_owned(),
                remedy: "end this and start it again".to_owned(),
            }),
        }
    }

    /// Has everything asked for anew at its next use.
    pub(crate) fn refresh(&self) {
        // The root is always known.
        let _known = self.slot.refresh("/");
    }

    /// Returns what it may do.
    pub(crate) fn granted(&self) -> Arc<ProviderConfig> {
        self.slot.config()
    }

    /// Returns when it is not mounted any more.
    pub(crate) async fn ended(&self) {
        self.session.ended().await;
    }

    /// Unmounts it. Blocks while the kernel does.
    pub(crate) fn close(&self) {
        self.slot.close();
    }
}
