//! `omnifs errors`: what went wrong lately, and why.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;

use super::output::{self, plain};
use super::running;
use crate::control::CallFailure;
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

/// Returns a failure as its reader sees it.
pub(super) fn shown(failure: &CallFailure) -> String {
    let CallFailure { at, path, errno, reason, remedy, partial, times, request, .. } = failure;
    let what = if *partial { format!("partial, {errno}") } else { errno.clone() };
    let often = if *times > 1 { format!(" ({times} times)") } else { String::new() };
    let at = date(*at);
    format!(
        "{at}  {what}  {}{often}  {request}\n  {}\n  help: {}\n",
        plain(path),
        plain(reason),
        plain(remedy)
    )
}

/// Returns a time in seconds since 1970 as a date.
pub(super) fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}
