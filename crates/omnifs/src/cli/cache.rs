//! `omnifs cache`: what is kept of the providers' answers, and removing it.

use std::path::Path;

use anyhow::Context;
use omnifs_vfs::Disk;

use super::explain;
use super::output::{self, plain, size};
use super::table::aligned;
use crate::config::Config;
use crate::control::client::Daemon;
use crate::control::{CacheReport, Caches, DiskReport, Place, SCHEMA};
use crate::daemon::disks;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Prints what the caches hold; of one provider, if a path below its mount is named.
pub(super) fn stats(places: &Places, path: Option<&Path>, json: bool) -> Result<Exit, Failure> {
    let mut providers = match Daemon::find(places)? {
        Some(daemon) => daemon.caches()?.providers,
        None => at_rest(places)?,
    };
    if let Some(path) = path {
        let name = owner(places, path)?.provider;
        providers.retain(|report| report.provider == name);
    }
    if json {
        let caches = Caches { schema: SCHEMA, providers };
        let text = serde_json::to_string(&caches).context("cannot write JSON")?;
        output::print(&format!("{text}\n"))?;
        return Ok(Exit::Success);
    }
    let heads =
        ["NAME", "MEMORY", "DISK", "LIMIT", "RECORDS", "HITS", "MISSES", "DAMAGED", "DROPPED"];
    output::print(&aligned(&heads, providers.iter().map(row)))?;
    for CacheReport { provider, disk, .. } in &providers {
        if let Some(trouble) = disk.as_ref().and_then(|disk| disk.trouble.as_ref()) {
            let trouble = plain(trouble);
            output::print(&format!("error: {provider}: nothing can be written: {trouble}\n"))?;
        }
    }
    Ok(Exit::Success)
}

fn row(report: &CacheReport) -> Vec<String> {
    let CacheReport { provider, memory, disk } = report;
    let none = || "-".to_owned();
    let memory = memory.map_or_else(none, size);
    let mut cells = vec![provider.clone(), memory];
    match disk {
        None => cells.push("off".to_owned()),
        Some(DiskReport { bytes, budget, counts, .. }) => {
            cells.extend([size(*bytes), budget.map_or_else(none, size)]);
            if let Some(counts) = counts {
                let counts =
                    [counts.records, counts.hits, counts.misses, counts.damaged, counts.dropped];
                cells.extend(counts.map(|count| count.to_string()));
            }
        }
    }
    cells
}

/// Returns what lies on disk while no daemon runs.
fn at_rest(places: &Places) -> Result<Vec<CacheReport>, Failure> {
    let config = Config::load(&places.config, &places.home)?;
    let mut reports = Vec::new();
    for provider in config.enabled() {
        let directory = places.kept(&provider.name);
        let bytes = Disk::size_in(&directory)
            .with_context(|| format!("cannot look at {}", directory.display()))?;
        let disk = DiskReport { bytes, budget: provider.cache.disk, counts: None, trouble: None };
        let disk = provider.cache.disk.map(|_| disk);
        reports.push(CacheReport { provider: provider.name.clone(), memory: None, disk });
    }
    Ok(reports)
}

/// Removes what is kept of all providers, or of what is below a path.
pub(super) fn clear(places: &Places, path: Option<&Path>) -> Result<Exit, Failure> {
    match Daemon::find(places)? {
        Some(daemon) => clear_running(&daemon, path),
        None => match path {
            Some(path) => clear_at_rest(places, &owner(places, path)?.provider),
            None => {
                for name in kept(places)? {
                    clear_at_rest(places, &name)?;
                }
                Ok(Exit::Success)
            }
        },
    }
}

fn clear_running(daemon: &Daemon<'_>, path: Option<&Path>) -> Result<Exit, Failure> {
    if let Some(path) = path {
        let (path, place) = explain::place(daemon, path)?;
        daemon.clear(&place)?;
        output::print(&plain(&format!("nothing is kept of {} any more\n", path.display())))?;
        return Ok(Exit::Success);
    }
    for report in daemon.caches()?.providers {
        let place = Place { provider: report.provider, path: "/".to_owned() };
        daemon.clear(&place)?;
        output::print(&format!("nothing is kept of {} any more\n", place.provider))?;
    }
    Ok(Exit::Success)
}

/// Removes what is kept of a provider; without a daemon its paths cannot be told apart.
fn clear_at_rest(places: &Places, name: &str) -> Result<Exit, Failure> {
    let directory = places.kept(name);
    let bytes = Disk::remove_from(&directory).map_err(|error| {
        Failure::new(format!("cannot clear the cache of {name}: {error}"))
            .remedy(disks::remedy(&error))
    })?;
    output::print(&format!("{name}: {} removed\n", size(bytes)))?;
    Ok(Exit::Success)
}

/// Returns the providers of which something is kept, whether they are configured or not.
fn kept(places: &Places) -> Result<Vec<String>, Failure> {
    let cache = places.cache();
    let failed = || format!("cannot look at {}", cache.display());
    let entries = match std::fs::read_dir(&cache) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(failed)?;
        let is_directory = entry.file_type().with_context(failed)?.is_dir();
        if is_directory && Disk::size_in(&entry.path()).with_context(failed)? > 0 {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Returns whose a path is, by the daemon if one runs and by the configuration otherwise.
fn owner(places: &Places, path: &Path) -> Result<Place, Failure> {
    if let Some(daemon) = Daemon::find(places)? {
        return Ok(explain::place(&daemon, path)?.1);
    }
    let config = Config::load(&places.config, &places.home)?;
    let mounts = config.enabled().map(|known| (known.name.as_str(), known.mount.as_path()));
    Ok(explain::place_among(mounts, path)?.1)
}
