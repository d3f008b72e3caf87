//! Items of a JSON API at `base` of the configuration, and a watcher that does what the lines of its
//! `/events` say:
//!
//! | line | what it does |
//! |---|---|
//! | `item ID` | says that the title of this item is outdated |
//! | `items` | says so of the list of items |
//! | `id TEXT` | says so of this identity |
//! | `flood N` | says so of N identities that nobody has |
//! | `again N` | says so of the title of item 1, N times |
//! | `huge` | says so of an identity of 5,000 bytes |
//! | `end`, `fail`, `trap`, `spin` | returns, returns an error, panics, computes without end |

use std::collections::BTreeMap;

use omnifs_provider::router::{Entry, Router};
use omnifs_provider::{cache_control, config, http, Error};

fn url(path: &str) -> Result<String, Error> {
    let config: BTreeMap<String, String> = config::parse()?;
    let base = config.get("base").ok_or_else(|| Error::new("[provider.config] has no base"))?;
    Ok(format!("{base}{path}"))
}

fn items() -> Result<Vec<Entry>, Error> {
    let list: Vec<u64> = http::get(url("/items")?).send()?.error_for_status()?.json()?;
    Ok(list.into_iter().map(|id| Entry::dir(id.to_string())).collect())
}

fn title(id: u64) -> Result<String, Error> {
    http::get(url(&format!("/items/{id}"))?).send()?.error_for_status()?.json()
}

fn app() -> Router {
    Router::new().dir("/items", items).file("/items/{id}/title", title)
}

fn events() -> Result<(), Error> {
    let routes = app();
    let title_of = |id: &dyn ToString| routes.node_id("/items/{id}/title", &[id]);
    let events = http::get(url("/events")?).open()?.error_for_status()?;
    for line in events.lines() {
        let line = line?;
        let (what, of) = line.split_once(' ').unwrap_or((&line, ""));
        let count = || of.parse::<u64>().unwrap_or(0);
        match what {
            "item" => cache_control::invalidate(title_of(&of)?),
            "items" => cache_control::invalidate(routes.node_id("/items", &[])?),
            "id" => cache_control::invalidate(of),
            "flood" => (0..count()).for_each(|n| cache_control::invalidate(n.to_string())),
            "again" => {
                let title = title_of(&1)?;
                (0..count()).for_each(|_| cache_control::invalidate(&title));
            }
            "huge" => cache_control::invalidate("x".repeat(5_000)),
            "end" => return Ok(()),
            "fail" => return Err(Error::new("told to fail")),
            "trap" => panic!("told to panic"),
            "spin" => loop {
                std::hint::spin_loop();
            },
            _ => return Err(Error::new(format!("the line {line:?} means nothing"))),
        }
    }
    Ok(())
}

omnifs_provider::serve!(app, watch = events);
