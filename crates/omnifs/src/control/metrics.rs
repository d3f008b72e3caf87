//! The metrics: every series that `GET /metrics` gives, in Prometheus' text format 0.0.4.
//!
//! Nothing is counted here: an answer is made of the counts of an [`Activity`]. Labels are a
//! provider's name and words of this program, never a path or a host, so that there are as many
//! series as there are providers, whatever they serve. `docs/metrics.md` has them all.

mod families;

use std::collections::BTreeMap;

use prometheus::TEXT_FORMAT;
use prometheus::proto::MetricType;

use super::activity::{Activity, Calls, Counts, HttpCounts, ProviderActivity, Requests};
use super::{DiskReport, MemoryStatus, State};
use families::Families;

/// The type of the answer's content.
pub(crate) const CONTENT: &str = TEXT_FORMAT;

/// Labels besides the provider's, each a name and a value.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// What a name stands for.
#[derive(Clone, Copy)]
struct Described {
    name: &'static str,
    kind: MetricType,
    help: &'static str,
}

/// All numbers of one name that a provider has.
struct Series<'a> {
    is: Described,
    rows: Vec<(Labels<'a>, f64)>,
}

/// Returns the text.
///
/// # Errors
/// When a name is not one that the format allows.
pub(crate) fn text(activity: &Activity) -> anyhow::Result<String> {
    let mut families = Families::default();
    host(activity).into_iter().for_each(|series| families.add(None, series));
    for provider in &activity.providers {
        let name = provider.name.as_str();
        families.add(Some(name), state(provider));
        let Some(counts) = &provider.counts else { continue };
        for series in numbers(counts) {
            families.add(Some(name), series);
        }
        counts.calls.by_op.iter().for_each(|times| families.add_times(name, TIMES, times));
    }
    families.text()
}

/// Returns all numbers of a provider that serves.
fn numbers(counts: &Counts) -> Vec<Series<'_>> {
    let Counts { requests, calls, http, memory, disk, nodes, .. } = counts;
    let mut all: Vec<Series<'_>> = asked(requests).into();
    all.extend(answered(counts));
    all.extend(called(calls));
    all.extend(fetched(http));
    all.extend(held(memory, *nodes));
    if let Some(disk) = disk {
        all.extend(kept(disk));
    }
    all
}

fn host(activity: &Activity) -> [Series<'_>; 2] {
    let version = vec![(vec![("version", activity.version.as_str())], 1.0)];
    [
        gauge("omnifs_build_info", "The daemon's version.", version),
        gauge(
            "omnifs_uptime_seconds",
            "For how long the daemon has run.",
            vec![(Vec::new(), activity.uptime)],
        ),
    ]
}

fn state(provider: &ProviderActivity) -> Series<'_> {
    let row = |state: State| {
        (vec![("state", state.word())], f64::from(u8::from(state == provider.state)))
    };
    gauge(
        "omnifs_provider_state",
        "Whether a provider is in a state: one of them is 1.",
        State::ALL.map(row).into(),
    )
}

/// What the kernel asked.
fn asked(requests: &Requests) -> [Series<'_>; 3] {
    [
        counter(
            "omnifs_requests_total",
            "Requests of the kernel, by its name for what was asked.",
            rows("op", &requests.by_op),
        ),
        counter(
            "omnifs_request_errors_total",
            "Requests of the kernel that were answered with an errno; ENOENT says that there is no \
             such name.",
            rows("errno", &requests.by_errno),
        ),
        gauge(
            "omnifs_requests_waiting",
            "Requests of the kernel that wait for an answer.",
            one(requests.waiting),
        ),
    ]
}

/// Where the tree found what it was asked for.
fn answered(counts: &Counts) -> [Series<'_>; 1] {
    let answers = counts.answers.iter();
    let row = answers.map(|answers| {
        (
            vec![("op", answers.op.as_str()), ("layer", answers.layer.as_str())],
            number(answers.count),
        )
    });
    [counter(
        "omnifs_answers_total",
        "Questions to the tree, by the deepest layer that the answer was looked for in.",
        row.collect(),
    )]
}

/// How long calls of the component took.
const TIMES: Described = Described {
    name: "omnifs_call_duration_seconds",
    kind: MetricType::HISTOGRAM,
    help: "How long calls of the component took, from when they were wanted to their end.",
};

/// Calls of the component; how long they took is in [`TIMES`].
fn called(calls: &Calls) -> [Series<'_>; 4] {
    let failed =
        calls.by_op.iter().map(|call| (vec![("op", call.op.as_str())], number(call.failed)));
    [
        counter(
            "omnifs_call_failures_total",
            "Calls of the component that failed, or were given up.",
            failed.collect(),
        ),
        gauge(
            "omnifs_calls_in_flight",
            "Calls of the component that are under way, or wait for an instance.",
            one(calls.in_flight),
        ),
        counter("omnifs_traps_total", "Calls that cost their instance.", one(calls.traps)),
        gauge("omnifs_instances", "Instances of the component.", one(calls.instances)),
    ]
}

/// Requests of the component.
fn fetched(http: &HttpCounts) -> [Series<'static>; 4] {
    let by = [
        ("fresh", http.fresh),
        ("confirmed", http.confirmed),
        ("joined", http.joined),
        ("upstream", http.upstream),
    ];
    [
        counter(
            "omnifs_http_answers_total",
            "HTTP requests of the component that got an answer, by where it was found.",
            by.map(|(layer, count)| (vec![("layer", layer)], number(count))).into(),
        ),
        counter(
            "omnifs_upstream_requests_total",
            "Requests that were sent to upstreams, redirects and second attempts among them.",
            one(http.requests),
        ),
        counter(
            "omnifs_upstream_errors_total",
            "Requests to upstreams without an answer, or with a status of 400 and more but 404 and \
             410.",
            one(http.errors),
        ),
        gauge(
            "omnifs_upstream_requests_in_flight",
            "Requests to upstreams that are under way.",
            one(http.in_flight),
        ),
    ]
}

/// What a provider takes of the daemon's memory.
fn held(memory: &MemoryStatus, nodes: u64) -> [Series<'static>; 2] {
    let of = [
        ("instances", memory.instances),
        ("cache", memory.cache),
        ("nodes", memory.nodes),
        ("http", memory.http),
    ];
    [
        gauge(
            "omnifs_memory_bytes",
            "What a provider takes of the daemon's memory, by what for.",
            of.map(|(part, bytes)| (vec![("part", part)], number(bytes))).into(),
        ),
        gauge("omnifs_nodes", "Nodes of the tree that the kernel knows.", one(nodes)),
    ]
}

/// What is kept on disk.
fn kept(disk: &DiskReport) -> Vec<Series<'static>> {
    let mut all =
        vec![gauge("omnifs_disk_bytes", "Bytes of the disk cache's files.", one(disk.bytes))];
    if let Some(budget) = disk.budget {
        all.push(gauge("omnifs_disk_limit_bytes", "Bytes that it may have.", one(budget)));
    }
    let Some(counts) = &disk.counts else { return all };
    let lookups = [("hit", counts.hits), ("miss", counts.misses)];
    all.extend([
        gauge("omnifs_disk_records", "Records that can be found on disk.", one(counts.records)),
        counter(
            "omnifs_disk_lookups_total",
            "Records that were looked for on disk.",
            lookups.map(|(outcome, count)| (vec![("outcome", outcome)], number(count))).into(),
        ),
        counter(
            "omnifs_disk_damaged_records_total",
            "Records that were not as they had been written.",
            one(counts.damaged),
        ),
        counter(
            "omnifs_disk_dropped_records_total",
            "Records that were not kept, as the disk was slower than they came, or full.",
            one(counts.dropped),
        ),
    ]);
    all
}

fn counter<'a>(name: &'static str, help: &'static str, rows: Vec<(Labels<'a>, f64)>) -> Series<'a> {
    Series { is: Described { name, kind: MetricType::COUNTER, help }, rows }
}

fn gauge<'a>(name: &'static str, help: &'static str, rows: Vec<(Labels<'a>, f64)>) -> Series<'a> {
    Series { is: Described { name, kind: MetricType::GAUGE, help }, rows }
}

fn one(value: u64) -> Vec<(Labels<'static>, f64)> {
    vec![(Vec::new(), number(value))]
}

fn rows<'a>(label: &'static str, counts: &'a BTreeMap<String, u64>) -> Vec<(Labels<'a>, f64)> {
    let row = |(value, count): (&'a String, &u64)| (vec![(label, value.as_str())], number(*count));
    counts.iter().map(row).collect()
}

/// The format's numbers are these; whole ones are exact up to 2^53.
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
