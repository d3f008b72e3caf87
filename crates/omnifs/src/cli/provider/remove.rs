//! `omnifs provider remove`.

use anyhow::Context;

use super::{PICKED_UP, daemon_runs, open, save};
use crate::cli::output::{self, plain};
use crate::config::edit;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Takes a provider out of the file.
pub(super) fn run(name: &str, places: &Places) -> Result<Exit, Failure> {
    let (file, config) = open(places)?;
    let Some(provider) = config.providers.iter().find(|provider| provider.name == name) else {
        let names: Vec<&str> = config.providers.iter().map(|known| known.name.as_str()).collect();
        let remedy = match names.as_slice() {
            [] => format!("there are no providers in {}", places.config.display()),
            names => format!("there are {}", names.join(", ")),
        };
        return Err(Failure::new(format!("no provider is called {name:?}")).remedy(remedy));
    };
    let failed = || format!("cannot take {name:?} out of {}", places.config.display());
    let text = edit::remove(&file.text, name).with_context(failed)?.with_context(failed)?;
    save(file, &text, places)?;
    let mut said =
        format!("removed {name}: {}, mount {}\n", provider.component, provider.mount.display());
    if daemon_runs(places)? {
        said.push_str(&format!("{PICKED_UP}\n"));
    }
    output::print(&plain(&said))?;
    Ok(Exit::Success)
}
