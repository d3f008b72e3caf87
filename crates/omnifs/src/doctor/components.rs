//! The components of the configuration: can they be read, and would they run?

use omnifs_runtime::LoadError;
use omnifs_runtime::artifact::{self, Face};

use super::Finding;
use crate::config::{Config, ProviderConfig};
use crate::control::Trouble;

const TOPIC: &str = "component";

/// Looks at the component of every provider that is enabled.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    config.enabled().map(component).collect()
}

fn component(provider: &ProviderConfig) -> Finding {
    let name = &provider.name;
    let component = &provider.component;
    let bytes = match component.bytes(provider.limits.provider.component) {
        Ok(bytes) => bytes,
        Err(Trouble { reason, remedy }) => {
            return Finding::error(TOPIC, format!("{name}: {reason}"), remedy);
        }
    };
    match artifact::check(&bytes) {
        Ok(artifact) => {
            let face = artifact.face.map_or(0, Face::number);
            let text = format!("{name}: {component} is a provider (face {face})");
            Finding::ok(TOPIC, text)
        }
        Err(LoadError { reason, remedy }) => Finding::error(
            TOPIC,
            format!("{name}: {component}: {reason}"),
            remedy.unwrap_or_else(|| "build it again with `omnifs build`".to_owned()),
        ),
    }
}
