//! `omnifs provider list`.

use anyhow::Context;
use serde::Serialize;

use super::ListArgs;
use crate::cli::output::{self, plain};
use crate::cli::table::aligned;
use crate::config::Config;
use crate::embedded;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// The version of [`List`] as JSON.
const SCHEMA: u32 = 1;

/// What `omnifs provider list --json` prints.
#[derive(Serialize)]
struct List<'a> {
    schema: u32,
    providers: Vec<Configured<'a>>,
    embedded: Vec<Embedded>,
}

#[derive(Serialize)]
struct Configured<'a> {
    name: &'a str,
    path: String,
    mount: String,
    enabled: bool,
}

#[derive(Serialize)]
struct Embedded {
    name: &'static str,
    about: &'static str,
}

/// Prints what is configured, which is nothing without a file, and what could be.
pub(super) fn run(arguments: &ListArgs, places: &Places) -> Result<Exit, Failure> {
    let config = match places.config.try_exists() {
        Ok(false) => Config::of_text("", &places.config, &places.home)?,
        Ok(true) | Err(_) => Config::load(&places.config, &places.home)?,
    };
    if arguments.json {
        let list = serde_json::to_string(&list(&config)).context("cannot write JSON")?;
        output::print(&format!("{list}\n"))?;
        return Ok(Exit::Success);
    }
    if config.providers.is_empty() {
        output::print(&format!("no providers in {}\n", places.config.display()))?;
    } else {
        output::print(&configured(&list(&config)))?;
    }
    let rows = embedded::ALL.iter().map(|one| vec![one.name.to_owned(), one.about.to_owned()]);
    output::print(&format!("\n{}", aligned(&["EMBEDDED", "WHAT IT IS"], rows)))?;
    Ok(Exit::Success)
}

fn list(config: &Config) -> List<'_> {
    let configured = config.providers.iter().map(|provider| Configured {
        name: &provider.name,
        path: provider.component.to_string(),
        mount: provider.mount.display().to_string(),
        enabled: provider.enabled,
    });
    let embedded = embedded::ALL.iter().map(|one| Embedded { name: one.name, about: one.about });
    List { schema: SCHEMA, providers: configured.collect(), embedded: embedded.collect() }
}

fn configured(list: &List<'_>) -> String {
    let rows = list.providers.iter().map(|provider| {
        let enabled = if provider.enabled { "yes" } else { "no" };
        vec![
            provider.name.to_owned(),
            plain(&provider.mount),
            enabled.to_owned(),
            plain(&provider.path),
        ]
    });
    aligned(&["NAME", "MOUNT", "ENABLED", "COMPONENT"], rows)
}
