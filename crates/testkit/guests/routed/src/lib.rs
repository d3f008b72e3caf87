//! Repositories and their issues from a JSON API at `base` of the configuration, by the router
//! of the SDK.

use std::collections::BTreeMap;

use omnifs_provider::router::{Collection, Entry, Router};
use omnifs_provider::serde::{Deserialize, Serialize};
use omnifs_provider::{config, http, Error};

#[derive(Deserialize, Serialize)]
#[serde(crate = "omnifs_provider::serde")]
struct Repository {
    id: u64,
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(crate = "omnifs_provider::serde")]
struct Issue {
    number: u64,
    title: String,
}

fn get<T: for<'a> Deserialize<'a>>(path: &str) -> Result<T, Error> {
    let config: BTreeMap<String, String> = config::parse()?;
    let base = config.get("base").ok_or_else(|| Error::new("[provider.config] has no base"))?;
    http::get(format!("{base}{path}")).send()?.error_for_status()?.json()
}

fn repositories() -> Result<Collection, Error> {
    let mut collection = Collection::new();
    for repository in get::<Vec<Repository>>("/repositories")? {
        let entry = Entry::dir(&repository.name).key(repository.id);
        collection.add(entry, &repository)?;
    }
    Ok(collection)
}

fn issues(repository: u64) -> Result<Collection, Error> {
    let mut collection = Collection::new();
    for issue in get::<Vec<Issue>>(&format!("/repositories/{repository}/issues"))? {
        let entry = Entry::text(issue.number.to_string(), &issue.title).version("1");
        collection.add(entry, &issue)?;
    }
    Ok(collection)
}

fn readme(repository: u64) -> Result<String, Error> {
    get(&format!("/repositories/{repository}/readme"))
}

fn app() -> Router {
    Router::new()
        .about("Repositories and their issues.")
        .dir("/repositories", repositories)
        .dir("/repositories/{repository}/issues", issues)
        .file("/repositories/{repository}/README", readme)
}

omnifs_provider::serve!(app);
