//! The logs of an upstream at `base` of the configuration, which grow while they are open, in three
//! ways: `told/NAME` says how large it is, `parts/NAME` is read in parts and does not say it, and
//! `whole/NAME` can only be read as a whole.

use std::collections::BTreeMap;

use omnifs_provider::router::{Entry, Range, Router};
use omnifs_provider::serde::Deserialize;
use omnifs_provider::{config, http, Error};

#[derive(Deserialize)]
#[serde(crate = "omnifs_provider::serde")]
struct Log {
    name: String,
    id: u64,
    size: u64,
}

fn base() -> Result<String, Error> {
    let mut config: BTreeMap<String, String> = config::parse()?;
    config.remove("base").ok_or_else(|| Error::new("[provider.config] has no base"))
}

fn logs() -> Result<Vec<Log>, Error> {
    http::get(format!("{}/logs", base()?)).send()?.error_for_status()?.json()
}

fn url(id: u64) -> Result<String, Error> {
    Ok(format!("{}/logs/{id}", base()?))
}

fn told() -> Result<Vec<Entry>, Error> {
    let entry = |log: Log| Entry::file(log.name).key(log.id).size(log.size).live();
    Ok(logs()?.into_iter().map(entry).collect())
}

fn untold() -> Result<Vec<Entry>, Error> {
    Ok(logs()?.into_iter().map(|log| Entry::file(log.name).key(log.id).live()).collect())
}

fn part(id: u64, range: Range) -> Result<Vec<u8>, Error> {
    range.fetch(http::get(url(id)?))
}

fn whole(id: u64) -> Result<Vec<u8>, Error> {
    Ok(http::get(url(id)?).send()?.error_for_status()?.body)
}

fn app() -> Router {
    Router::new()
        .dir("/told", told)
        .file("/told/{log}", part)
        .dir("/parts", untold)
        .file("/parts/{log}", part)
        .dir("/whole", untold)
        .file("/whole/{log}", whole)
}

omnifs_provider::needs! { live: true }
omnifs_provider::serve!(app);
