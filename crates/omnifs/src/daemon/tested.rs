//! One provider under test: its component again and again, each time with other upstreams.

use std::sync::Arc;

use omnifs_runtime::http::{Secret, Upstreams};
use omnifs_runtime::{Grants, Provider};
use omnifs_vfs::{Settings, Tree};

use super::compose::{self, Parts, Setup};
use crate::config::{Config, ProviderConfig, SecretGrant};
use crate::control::Trouble;
use crate::exit::Failure;
use crate::places::Places;

/// A runtime of its own with one provider, which neither a disk cache nor read-ahead helps.
pub(crate) struct Bench {
    parts: Parts,
    provider: ProviderConfig,
}

impl Bench {
    /// Returns one for the first provider of a configuration, on the runtime that this is called
    /// on.
    ///
    /// # Errors
    /// When the engine cannot be made.
    pub(crate) fn new(config: Config, places: &Places) -> Result<Self, Failure> {
        let (parts, provider) = compose::alone(config, places, Setup::of_daemon())?;
        Ok(Self { parts, provider })
    }

    /// Loads the component with these upstreams, and made-up secrets: nothing leaves this process.
    ///
    /// # Errors
    /// Why it cannot be loaded, for its author.
    pub(crate) fn replaying(&self, upstreams: Upstreams) -> Result<Arc<Provider>, Trouble> {
        let granted = self.provider.capabilities.secrets.iter();
        let secrets = granted.filter_map(made_up).collect();
        self.load(Grants { upstreams, ..self.parts.granted_with(&self.provider, secrets) })
    }

    /// Loads the component with these upstreams and the user's secrets, and returns both.
    ///
    /// # Errors
    /// Why it cannot be loaded, and which secret cannot be read.
    pub(crate) fn live(
        &self,
        upstreams: Upstreams,
    ) -> Result<(Arc<Provider>, Vec<Secret>), Trouble> {
        let grants = self.parts.granted(&self.provider)?;
        let secrets = grants.secrets.clone();
        Ok((self.load(Grants { upstreams, ..grants })?, secrets))
    }

    fn load(&self, grants: Grants) -> Result<Arc<Provider>, Trouble> {
        Ok(self.parts.load_granted(&self.provider, || Ok(grants))?.provider)
    }

    /// Returns a tree over a provider that was loaded here. What it reads it keeps in memory alone,
    /// and it reads nothing ahead.
    pub(crate) fn tree(&self, provider: Arc<Provider>) -> Arc<Tree> {
        let settings = Settings { answer: self.provider.limits.answer, ..Settings::default() };
        Tree::new(provider, self.parts.clock(), settings)
    }
}

/// Returns a secret that a provider can send and nobody has.
fn made_up(SecretGrant { name, hosts, .. }: &SecretGrant) -> Option<Secret> {
    let value = format!("made-up-value-of-{name}");
    Secret::new(name.clone(), value.as_bytes(), hosts.clone()).ok()
}
