//! `omnifs errors` and `omnifs explain`: what went wrong lately, and why.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;

use super::output::{self, plain};
use super::running;
use crate::control::{CallFailure, Status};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Prints what went wrong lately, the newest last; of one provider, if one is named.
pub(super) fn list(places: &Places, provider: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let daemon = running::daemon(places)?;
    if let Some(name) = provider
        && !daemon.status()?.providers.iter().any(|known| known.name == name)
    {
        return Err(Failure::new(format!("no provider {name:?} is mounted"))
            .remedy("`omnifs status` shows those that are"));
    }
    let mut failures = daemon.errors()?;
    failures.retain(|failure| provider.is_none_or(|name| failure.provider == name));
    if json {
        let text = serde_json::to_string(&failures).context("cannot write JSON")?;
        output::print(&format!("{text}\n"))?;
        return Ok(Exit::Success);
    }
    if failures.is_empty() {
        output::print("no errors\n")?;
    }
    for failure in &failures {
        output::print(&shown(failure))?;
    }
    Ok(Exit::Success)
}

fn shown(failure: &CallFailure) -> String {
    let CallFailure { at, path, errno, reason, remedy, partial, times, .. } = failure;
    let what = if *partial { format!("partial, {errno}") } else { errno.clone() };
    let often = if *times > 1 { format!(" ({times} times)") } else { String::new() };
    let at = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(*at));
    format!(
        "{at}  {what}  {}{often}\n  {}\n  help: {}\n",
        plain(path),
        plain(reason),
        plain(remedy)
    )
}

/// Prints what is known of a path below a mount: whose it is, and what went wrong there last.
pub(super) fn explain(places: &Places, path: &Path) -> Result<Exit, Failure> {
    let daemon = running::daemon(places)?;
    let path = resolved(path)?;
    let status = daemon.status()?;
    let (provider, inside) = owner(&status, &path).ok_or_else(|| {
        Failure::new(format!("{} is not below a mount of omnifs", path.display()))
            .remedy("`omnifs status` shows the mounts")
    })?;
    let inside = format!("/{}", inside.display());
    output::print(&plain(&format!("path: {}\nprovider: {provider}\n", path.display())))?;
    let failures = daemon.errors()?;
    let last = failures
        .iter()
        .rev()
        .filter(|failure| failure.provider == provider)
        .find(|failure| is_about(&failure.inside, &inside));
    match last {
        Some(failure) => output::print(&format!("last error:\n{}", shown(failure)))?,
        None => output::print("last error: none\n")?,
    }
    Ok(Exit::Success)
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

fn owner(status: &Status, path: &Path) -> Option<(String, PathBuf)> {
    status.providers.iter().find_map(|provider| {
        let inside = path.strip_prefix(&provider.mount).ok()?;
        Some((provider.name.clone(), inside.to_owned()))
    })
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
