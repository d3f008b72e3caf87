//! From the configuration of a provider to what it may use.

use std::sync::Arc;

use omnifs_runtime::Grants;
use omnifs_runtime::http::{Secret, Tls, Upstreams};
use omnifs_vfs::{Clock, VfsError};

use crate::config::ProviderConfig;
use crate::control::Trouble;
use crate::places::Places;
use crate::secrets;

/// What the grants of all providers have in common.
pub(super) struct Common {
    pub(super) tls: Tls,
    pub(super) clock: Arc<dyn Clock>,
    /// The variables that hold secrets of any provider.
    pub(super) variables: Vec<String>,
    pub(super) places: Places,
}

/// Returns what a provider may use; its secrets are read now.
///
/// # Errors
/// The secret that cannot be read, and what to do about it.
pub(super) fn grants(config: &ProviderConfig, common: &Common) -> Result<Grants, Trouble> {
    let capabilities = &config.capabilities;
    let read = |grant| secrets::read(grant, &common.variables);
    let secrets = capabilities.secrets.iter().map(read).collect::<Result<_, _>>()?;
    Ok(with_secrets(config, common, secrets))
}

/// Returns what a provider may use, with these secrets.
pub(super) fn with_secrets(
    config: &ProviderConfig,
    common: &Common,
    secrets: Vec<Secret>,
) -> Grants {
    // Without it downloads go to the machine's temporary directory.
    let scratch = common.places.make_cache().ok();
    Grants {
        http: config.capabilities.http.clone(),
        secrets,
        config: serde_json::Value::Object(config.settings.clone()).to_string(),
        errors: config.errors,
        tls: common.tls.clone(),
        upstreams: Upstreams::Network,
        clock: Arc::clone(&common.clock),
        scratch,
    }
}

/// Says what helps against a failure of a call.
pub(super) fn remedy(error: &VfsError) -> &'static str {
    match error {
        VfsError::Denied(_) => {
            "what the reason names has to be granted in providers.toml; for an answer 401 or 403, \
             check the secret with `omnifs secrets check` and what it permits upstream"
        }
        VfsError::Unreachable(_) => "check the host's name and this machine's network",
        VfsError::Refused(_) | VfsError::Reset(_) => {
            "the upstream may be down or restarting: try again"
        }
        VfsError::Protocol(_) => {
            "check scheme, port and certificate; one that the system does not trust goes into \
             `ca_file` of [host]"
        }
        VfsError::Upstream(_) => "the upstream failed: try again later, or ask its operator",
        VfsError::Busy(_) => "wait for as long as the reason says, or raise the limit it names",
        VfsError::TimedOut(_) => "try again; a result that comes late is kept for the next try",
        VfsError::TooLarge(_)
        | VfsError::FileTooLarge { .. }
        | VfsError::ListingTooLarge { .. } => {
            "raise the limit in [provider.limits], or ask for less at a time"
        }
        VfsError::Trap(_) | VfsError::Contract(_) => {
            "tell the provider's author; `omnifs logs` has its last words"
        }
        VfsError::Stale(_) => "open the file again",
        VfsError::TooDeep => "the provider's tree has a cycle: tell its author",
        VfsError::Internal(_) => "`omnifs logs` shows where; please report it",
        VfsError::NotFound
        | VfsError::NameTooLong
        | VfsError::NotADirectory
        | VfsError::IsADirectory => "check the path",
    }
}
