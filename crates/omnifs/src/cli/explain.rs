//! `omnifs explain` and `omnifs refresh`: what is known of a path, and believing it no more.

use std::path::{Path, PathBuf};

use anyhow::Context;
use omnifs_vfs::AnsweredBy;

use super::errors::{date, shown};
use super::output::{self, plain};
use super::running;
use crate::control::client::Daemon;
use crate::control::{ExchangeReport, Exchanges, Known, Place};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Prints what is known of a path below a mount: whose it is, how old, and what went wrong there
/// last.
pub(super) fn explain(places: &Places, path: &Path) -> Result<Exit, Failure> {
    let daemon = running::daemon(places)?;
    let (path, place) = place(&daemon, path)?;
    let mut text = format!("path: {}\nprovider: {}\n", path.display(), place.provider);
    match daemon.explain(&place)? {
        Some(known) => text.push_str(&told(&known)),
        None => text.push_str("node: none, nobody has looked it up\n"),
    }
    output::print(&plain(&text))?;
    let failures = daemon.errors()?;
    let last = failures
        .iter()
        .rev()
        .filter(|failure| failure.provider == place.provider)
        .find(|failure| is_about(&failure.inside, &place.path));
    match last {
        Some(failure) => {
            let made = plain(&made(&failure.request, &failure.exchanges));
            output::print(&format!("last error:\n{}{made}", shown(failure)))?;
        }
        None => output::print("last error: none\n")?,
    }
    Ok(Exit::Success)
}

fn told(known: &Known) -> String {
    let Known { node, directory, size, fetched_at, fresh_until, stale, partial, .. } = known;
    let what = match (directory, &known.target, size) {
        (true, ..) => "a directory".to_owned(),
        (false, Some(target), _) => format!("a symbolic link to {target}"),
        (false, None, Some(size)) => format!("a file of {size} bytes"),
        (false, None, None) => "a file, not read yet".to_owned(),
    };
    let mut text = format!("node: {node}, {what}\n");
    if let Some(url) = &known.source {
        text.push_str(&format!("source: {url}\n"));
    }
    match fetched_at {
        Some(at) => text.push_str(&format!("fetched: {}\n", date(*at))),
        None => text.push_str("fetched: nothing of it is kept\n"),
    }
    match fresh_until {
        Some(until) if *stale => {
            text.push_str(&format!("fresh until: {}, served stale since\n", date(*until)));
        }
        Some(until) => text.push_str(&format!("fresh until: {}\n", date(*until))),
        None => text.push_str("fresh until: asked for anew at its next use\n"),
    }
    if *partial {
        text.push_str("partial: something failed while it was made, so it may not be all\n");
    }
    if let Some(request) = &known.request {
        text.push_str(&made(request, &known.exchanges));
    }
    text
}

/// Returns which call it was, and what that asked upstream.
fn made(request: &str, exchanges: &Exchanges) -> String {
    if exchanges.first.is_empty() {
        return format!("requests: none ({request})\n");
    }
    let mut text = format!("requests: ({request})\n");
    for exchange in &exchanges.first {
        let ExchangeReport { method, url, milliseconds, by, .. } = exchange;
        let outcome = match (exchange.status, &exchange.failure) {
            (Some(status), _) => status.to_string(),
            (None, Some(failure)) => format!("failed ({failure})"),
            (None, None) => "unknown".to_owned(),
        };
        let by = match by {
            AnsweredBy::Upstream => "",
            AnsweredBy::Confirmation => ", confirmed by 304",
            AnsweredBy::Cache => ", from the cache",
            AnsweredBy::Another => ", by another call's request",
        };
        text.push_str(&format!("  {method} {url} {outcome} in {milliseconds} ms{by}\n"));
    }
    if exchanges.more > 0 {
        text.push_str(&format!("  and {} more\n", exchanges.more));
    }
    text
}

/// Has everything that is known of a path, and of what is below it, asked for anew.
pub(super) fn refresh(places: &Places, path: &Path) -> Result<Exit, Failure> {
    let daemon = running::daemon(places)?;
    let (path, place) = place(&daemon, path)?;
    let path = path.display();
    let text = if daemon.refresh(&place)?.known {
        format!("{path} is asked for anew at its next use\n")
    } else {
        format!("nothing was known of {path}\n")
    };
    output::print(&plain(&text))?;
    Ok(Exit::Success)
}

/// Returns a path in full, and what it is to its provider.
pub(super) fn place(daemon: &Daemon<'_>, path: &Path) -> Result<(PathBuf, Place), Failure> {
    let status = daemon.status()?;
    let mounts =
        status.providers.iter().map(|known| (known.name.as_str(), Path::new(&known.mount)));
    place_among(mounts, path)
}

/// Returns the same, by the names of providers and their mounts.
pub(super) fn place_among<'a>(
    mut mounts: impl Iterator<Item = (&'a str, &'a Path)>,
    path: &Path,
) -> Result<(PathBuf, Place), Failure> {
    let path = resolved(path)?;
    let place = mounts.find_map(|(name, mount)| {
        let inside = path.strip_prefix(mount).ok()?;
        Some(Place { provider: name.to_owned(), path: format!("/{}", inside.display()) })
    });
    match place {
        Some(place) => Ok((path, place)),
        None => {
            let reason = format!("{} is not below a mount of omnifs", path.display());
            Err(Failure::new(reason).remedy("`omnifs status` shows the mounts"))
        }
    }
}

/// Makes a path absolute without asking the mount that it leads to: `..` is taken as text.
fn resolved(path: &Path) -> Result<PathBuf, Failure> {
    let absolute =
        std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
    let mut resolved = PathBuf::new();
    for part in absolute.components() {
        match part {
            std::path::Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    Ok(resolved)
}

/// Returns whether a failure at `failed` explains `asked`: the same path, or a directory on the
/// way to it.
fn is_about(failed: &str, asked: &str) -> bool {
    Path::new(asked).starts_with(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_on_the_way_explains_what_is_below() {
        assert!(is_about("/a", "/a"));
        assert!(is_about("/a", "/a/b"));
        assert!(is_about("/", "/a/b"));
        assert!(!is_about("/a/b", "/a"));
        assert!(!is_about("/a", "/ab"));
    }

    #[test]
    fn parents_are_taken_as_text() {
        assert_eq!(resolved(Path::new("/a/b/../c/.")).unwrap(), Path::new("/a/c"));
    }
}
