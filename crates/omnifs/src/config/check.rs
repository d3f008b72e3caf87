//! From the raw file to the checked one.

use std::ops::Range;
use std::path::{Component as Part, Path, PathBuf};
use std::time::Duration;

use omnifs_runtime::http::HttpLimits;
use omnifs_runtime::{Limits, LogLimits};
use toml::Spanned;

use super::capabilities::capabilities;
use super::problem::Problem;
use super::raw::{RawCache, RawConfig, RawHost, RawLimits, RawProvider};
use super::units::{DURATION, Quantity, SIZE};
use super::{CacheConfig, Component, Config, ErrorRule, HostConfig, LimitsConfig, ProviderConfig};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Checks the whole file; `home` is what `~/` stands for.
pub(super) fn config(raw: RawConfig, home: &Path) -> Result<Config, Problem> {
    let host = host(raw.host, home)?;
    let mut providers: Vec<ProviderConfig> = Vec::new();
    let mut places = Vec::new();
    for raw in raw.provider {
        let place = Place { name: raw.name.span(), path: raw.path.span(), mount: raw.mount.span() };
        let new = provider(raw, home)?;
        for known in &providers {
            apart(known, &new, &place)?;
        }
        providers.push(new);
        places.push(place);
    }
    for (provider, place) in providers.iter().zip(&places) {
        outside_mounts(provider, place, &providers)?;
    }
    Ok(Config { host, providers })
}

/// Where in the file the keys of a provider are.
struct Place {
    name: Range<usize>,
    path: Range<usize>,
    mount: Range<usize>,
}

/// Refuses a second provider of the same name, and a mount at, in or around another's.
fn apart(known: &ProviderConfig, new: &ProviderConfig, place: &Place) -> Result<(), Problem> {
    let (name, mount) = (&known.name, known.mount.display());
    if known.name == new.name {
        let message = format!("two providers are called {name:?}");
        return Err(
            Problem::new(place.name.clone(), message, "the second").help("give one another name")
        );
    }
    let here = new.mount.display();
    let message = if known.mount == new.mount {
        format!("{name:?} is already mounted at {mount}")
    } else if new.mount.starts_with(&known.mount) {
        format!("{here} is inside the mount of {name:?} at {mount}")
    } else if known.mount.starts_with(&new.mount) {
        format!("the mount of {name:?} at {mount} would be inside {here}")
    } else {
        return Ok(());
    };
    Err(Problem::new(place.mount.clone(), message, "mounts do not nest")
        .help("give each provider a directory of its own, side by side"))
}

/// Refuses a component that the daemon would have to read through one of its own mounts.
fn outside_mounts(
    provider: &ProviderConfig,
    place: &Place,
    all: &[ProviderConfig],
) -> Result<(), Problem> {
    let Component::File(path) = &provider.component else { return Ok(()) };
    match all.iter().find(|other| path.starts_with(&other.mount)) {
        None => Ok(()),
        Some(other) => {
            let message = format!("{} is inside the mount of {:?}", path.display(), other.name);
            Err(Problem::new(place.path.clone(), message, "not readable before that mount is")
                .help("put the component outside of all mounts"))
        }
    }
}

fn host(raw: RawHost, home: &Path) -> Result<HostConfig, Problem> {
    Ok(HostConfig {
        ca_file: raw.ca_file.map(|path| absolute(&path, home)).transpose()?,
        allow_other: raw.allow_other,
        memory: size(raw.cache.memory, 64 * MIB)?,
        disk: size(raw.cache.disk, GIB)?,
        stack: usize::try_from(size_within(raw.stack, MIB, 64 * KIB..=64 * MIB)?)
            .unwrap_or(usize::MAX),
    })
}

fn provider(raw: RawProvider, home: &Path) -> Result<ProviderConfig, Problem> {
    let cache = cache(raw.cache)?;
    Ok(ProviderConfig {
        name: name(raw.name)?,
        component: component(&raw.path, home)?,
        mount: mount(&raw.mount, home)?,
        enabled: raw.enabled.unwrap_or(true),
        errors: error_rule(raw.errors.as_ref())?,
        live: raw.live,
        capabilities: capabilities(raw.capabilities, home)?,
        limits: limits(raw.limits, cache.disk)?,
        cache,
        settings: raw.config.unwrap_or_default().into_iter().map(|(k, v)| (k, json(v))).collect(),
    })
}

fn name(raw: Spanned<String>) -> Result<String, Problem> {
    let text = raw.get_ref();
    let start = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let shaped =
        text.bytes().all(|b| start(b) || b == b'-') && text.bytes().next().is_some_and(start);
    if shaped && text.len() <= 63 {
        return Ok(raw.into_inner());
    }
    let message = format!("{text:?} cannot be the name of a provider");
    Err(Problem::new(raw.span(), message, "1 to 63 of a-z, 0-9 and -, not - first")
        .help("for example \"my-provider\""))
}

fn component(raw: &Spanned<String>, home: &Path) -> Result<Component, Problem> {
    match raw.get_ref().strip_prefix("builtin:") {
        None => Ok(Component::File(absolute(raw, home)?)),
        Some(name)
            if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') =>
        {
            Ok(Component::Builtin(name.to_owned()))
        }
        Some(name) => {
            let message = format!("{name:?} is not the name of an embedded provider");
            Err(Problem::new(raw.span(), message, "as in \"builtin:dns\""))
        }
    }
}

fn mount(raw: &Spanned<String>, home: &Path) -> Result<PathBuf, Problem> {
    let path = absolute(raw, home)?;
    if path.parent().is_none() {
        return Err(Problem::new(
            raw.span(),
            "a provider cannot be mounted at /",
            "the root directory",
        )
        .help("for example mount = \"/omnifs/my-provider\""));
    }
    Ok(path)
}

/// Returns the absolute path that the text stands for, with `~/` at its start expanded.
///
/// # Errors
/// A path that is relative, has `..` in it, or holds control characters.
pub(super) fn absolute(raw: &Spanned<String>, home: &Path) -> Result<PathBuf, Problem> {
    let text = raw.get_ref();
    let refuse = |why: &str, help: &str| {
        Err(Problem::new(raw.span(), format!("{text:?} {why}"), "here").help(help))
    };
    let path = match text.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(text),
    };
    if text.chars().any(char::is_control) {
        return refuse("holds a control character", "use a path without it");
    }
    if !path.is_absolute() {
        return refuse("is not an absolute path", "begin it with / or ~/");
    }
    if path.components().any(|part| part == Part::ParentDir) {
        return refuse("goes up by ..", "write the path that it means");
    }
    // Collecting drops doubled slashes, "." and a slash at the end.
    Ok(path.components().collect())
}

fn error_rule(raw: Option<&Spanned<String>>) -> Result<ErrorRule, Problem> {
    match raw.map(|text| (text.get_ref().as_str(), text.span())) {
        None | Some(("strict", _)) => Ok(ErrorRule::Strict),
        Some(("as-provider", _)) => Ok(ErrorRule::AsProvider),
        Some((other, span)) => {
            Err(Problem::new(span, format!("{other:?} is not a rule for errors"), "unknown")
                .help("write \"strict\" or \"as-provider\""))
        }
    }
}

fn cache(raw: RawCache) -> Result<CacheConfig, Problem> {
    let ttl = duration(raw.ttl, Duration::from_secs(60))?;
    let disk = match raw.disk {
        Some(value) if *value.get_ref() == Quantity::Switch(false) => None,
        value => Some(size(value, GIB)?),
    };
    Ok(CacheConfig {
        ttl,
        negative: duration(raw.negative, Duration::from_secs(2))?,
        stale_while_revalidate: duration(raw.stale_while_revalidate, ttl.saturating_mul(10))?,
        stale_if_error: duration(raw.stale_if_error, Duration::from_secs(24 * 60 * 60))?,
        memory: size(raw.memory, 64 * MIB)?,
        disk,
    })
}

fn limits(raw: RawLimits, disk: Option<u64>) -> Result<LimitsConfig, Problem> {
    let default = Limits::default();
    let instances = match raw.instances {
        Some(value) => Some(count(Some(value), 0, 1..=1024)?),
        None => None,
    };
    let log = LogLimits {
        call: size(raw.log_call, default.log.call)?,
        minute: size(raw.log_minute, default.log.minute)?,
    };
    let requests = count(raw.requests_per_minute, 0, 0..=u32::MAX)?;
    let http = HttpLimits {
        in_flight: count(raw.http_in_flight, default.http.in_flight, 1..=10_000)?,
        per_host: count(raw.http_per_host, default.http.per_host, 1..=10_000)?,
        per_call: count(raw.http_per_call, default.http.per_call, 1..=10_000)?,
        per_minute: (requests != 0).then_some(requests),
        connect: positive(raw.http_connect, default.http.connect)?,
        first_byte: positive(raw.http_first_byte, default.http.first_byte)?,
        idle: positive(raw.http_idle, default.http.idle)?,
        total: positive(raw.http_total, default.http.total)?,
        body: size_within(raw.http_body, default.http.body, 1..=4 * GIB)?,
        download: disk.unwrap_or(default.http.download),
        headers: size_within(raw.http_headers, default.http.headers, KIB..=MIB)?,
        request: size_within(raw.http_request, default.http.request, 0..=GIB)?,
        url: size_within(raw.http_url, default.http.url, 16..=MIB)?,
    };
    let provider = Limits {
        call: positive(raw.call, default.call)?,
        cpu: positive(raw.cpu, default.cpu)?,
        memory: size_within(raw.memory, default.memory, MIB..=4 * GIB)?,
        table: count(raw.table, default.table, 1..=100_000_000)?,
        file: size_within(raw.file, default.file, 1..=4 * GIB)?,
        names: u64::from(count(raw.names, 1_000_000, 1..=u32::MAX)?),
        lift: size_within(raw.lift, default.lift, MIB..=8 * GIB)?,
        instances,
        queue: count(raw.queue, default.queue, 1..=1_000_000)?,
        traps: count(raw.traps, default.traps, 1..=1_000_000)?,
        compile: positive(raw.compile, default.compile)?,
        component: size_within(raw.component, default.component, KIB..=GIB)?,
        log,
        http,
    };
    Ok(LimitsConfig { answer: positive(raw.answer, Duration::from_secs(10))?, provider })
}

fn duration(raw: Option<Spanned<Quantity>>, default: Duration) -> Result<Duration, Problem> {
    let Some(raw) = raw else { return Ok(default) };
    raw.get_ref().duration().ok_or_else(|| {
        let message = format!("{} is not a duration", raw.get_ref());
        Problem::new(raw.span(), message, "not understood").help(DURATION)
    })
}

fn positive(raw: Option<Spanned<Quantity>>, default: Duration) -> Result<Duration, Problem> {
    let span = raw.as_ref().map(Spanned::span).unwrap_or_default();
    let duration = duration(raw, default)?;
    if duration.is_zero() {
        return Err(Problem::new(
            span,
            "a limit of no time at all would refuse everything",
            "zero",
        )
        .help(DURATION));
    }
    Ok(duration)
}

fn size(raw: Option<Spanned<Quantity>>, default: u64) -> Result<u64, Problem> {
    let Some(raw) = raw else { return Ok(default) };
    raw.get_ref().size().ok_or_else(|| {
        let message = format!("{} is not a size", raw.get_ref());
        Problem::new(raw.span(), message, "not understood").help(SIZE)
    })
}

fn size_within(
    raw: Option<Spanned<Quantity>>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Problem> {
    let span = raw.as_ref().map(Spanned::span).unwrap_or_default();
    let size = size(raw, default)?;
    if range.contains(&size) {
        return Ok(size);
    }
    let message = format!("{size} bytes is outside of {} to {}", range.start(), range.end());
    Err(Problem::new(span, message, "out of range").help(SIZE))
}

fn count(
    raw: Option<Spanned<i64>>,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<u32, Problem> {
    let Some(raw) = raw else { return Ok(default) };
    let number = u32::try_from(*raw.get_ref()).ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let message =
            format!("{} is outside of {} to {}", raw.get_ref(), range.start(), range.end());
        Problem::new(raw.span(), message, "out of range")
    })
}

/// Returns the value as JSON has it; dates become the text that TOML has for them.
fn json(value: toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(on) => on.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
