//! One provider's tree in the process of a command, without daemon, mount and disk cache.

use std::sync::Arc;

use anyhow::Context;
use omnifs_vfs::{Source, Tree};

use super::compose;
use crate::config::Config;
use crate::exit::Failure;
use crate::places::Places;

/// Returns the tree of the first provider of a configuration, on the runtime that this is called
/// on.
///
/// # Errors
/// Why it cannot be loaded.
pub(crate) fn tree(config: Config, places: &Places) -> Result<Arc<Tree>, Failure> {
    let (parts, providers) = compose::parts(config, places)?;
    let provider = providers.first().context("there is no provider")?;
    let loaded = parts.load(provider)?;
    let settings = parts.settings(provider, (&loaded.provider, loaded.identity));
    let source: Arc<dyn Source> = loaded.provider;
    Ok(Tree::new(source, parts.clock(), settings))
}
