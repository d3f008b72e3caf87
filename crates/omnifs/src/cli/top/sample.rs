//! What happened between two looks at the daemon.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::control::activity::{Activity, CallCounts, Counts, HttpCounts, ProviderActivity};
use crate::control::{SCHEMA, State};

/// How many slow calls are shown, of all providers.
const SLOWEST: usize = 20;

/// Errnos that a healthy mount answers with all day: to shells that probe for names, to tools that
/// ask for attributes or try to write, and to the kernel that tries what is not served.
const ORDINARY: &[&str] =
    &["ENOENT", "ENODATA", "ENOSYS", "ENOTTY", "EOPNOTSUPP", "ERANGE", "EROFS", "EINTR"];

/// What the providers did in some time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Sample {
    schema: u32,
    /// The daemon's version.
    pub(super) version: String,
    /// For how long it has run, in seconds.
    pub(super) uptime: f64,
    /// Which time that is, in seconds.
    pub(super) seconds: f64,
    /// In the order of the configuration.
    pub(super) providers: Vec<Row>,
    /// The slowest calls of the last minutes, the slowest first.
    pub(super) slowest: Vec<SlowCall>,
}

/// What one provider did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// Its name.
    pub(super) name: String,
    /// Whether it serves.
    pub(super) state: State,
    /// What it did, if it serves.
    #[serde(flatten)]
    pub(super) rates: Option<Rates>,
}

/// What a provider that serves did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Rates {
    /// Requests of the kernel a second.
    pub(super) requests_per_second: f64,
    /// Those of them a second that failed, as no healthy mount fails.
    pub(super) errors_per_second: f64,
    /// The part of each layer in the answers; empty when there were none.
    pub(super) layers: BTreeMap<String, f64>,
    /// Calls a second that ended.
    pub(super) calls_per_second: f64,
    /// Calls that are under way.
    pub(super) calls_in_flight: u64,
    /// The part of each layer in the answers to HTTP requests; empty when there were none.
    pub(super) http_layers: BTreeMap<String, f64>,
    /// Requests to upstreams a second.
    pub(super) upstream_requests_per_second: f64,
    /// Those of them a second that failed.
    pub(super) upstream_errors_per_second: f64,
    /// What it takes of the daemon's memory, in bytes.
    pub(super) memory_bytes: u64,
}

/// A slow call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SlowCall {
    /// Whose.
    pub(super) provider: String,
    /// The function of the contract.
    pub(super) op: String,
    /// From the provider's root.
    pub(super) path: String,
    /// How long it took, in seconds.
    pub(super) seconds: f64,
    /// How long ago it ended, in seconds.
    pub(super) age_seconds: f64,
}

impl Sample {
    /// Returns what happened since the daemon started.
    pub(super) fn since_start(now: &Activity) -> Self {
        let nothing = Activity { uptime: 0.0, providers: Vec::new(), ..now.clone() };
        Self::between(&nothing, now)
    }

    /// Returns what happened between two looks.
    pub(super) fn between(before: &Activity, now: &Activity) -> Self {
        // A daemon that was started again since has done all that it did in its time.
        let since = if now.uptime > before.uptime { before.uptime } else { 0.0 };
        let seconds = (now.uptime - since).max(f64::EPSILON);
        let counts = |name: &str| {
            let known = before.providers.iter().find(|provider| provider.name == name);
            known.and_then(|provider| provider.counts.clone()).unwrap_or_default()
        };
        let row = |provider: &ProviderActivity| Row {
            name: provider.name.clone(),
            state: provider.state,
            rates: provider.counts.as_ref().map(|now| {
                let before = counts(&provider.name);
                rates(&before, now, seconds)
            }),
        };
        Self {
            schema: SCHEMA,
            version: now.version.clone(),
            uptime: now.uptime,
            seconds,
            providers: now.providers.iter().map(row).collect(),
            slowest: slowest(now),
        }
    }
}

fn rates(before: &Counts, now: &Counts, seconds: f64) -> Rates {
    let rate = |count: fn(&Counts) -> u64| since(count(before), count(now)) as f64 / seconds;
    Rates {
        requests_per_second: rate(|counts| counts.requests.by_op.values().sum()),
        errors_per_second: rate(failed),
        layers: shares(&layers(before), layers(now)),
        calls_per_second: rate(|counts| counts.calls.by_op.iter().map(CallCounts::count).sum()),
        calls_in_flight: now.calls.in_flight,
        http_layers: shares(&http_layers(&before.http), http_layers(&now.http)),
        upstream_requests_per_second: rate(|counts| counts.http.requests),
        upstream_errors_per_second: rate(|counts| counts.http.errors),
        memory_bytes: now.memory.total(),
    }
}

/// Returns by how much a count grew; one that is smaller than it was has begun anew.
fn since(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

fn failed(counts: &Counts) -> u64 {
    let errors = counts.requests.by_errno.iter();
    errors.filter(|(errno, _)| !ORDINARY.contains(&errno.as_str())).map(|(_, count)| count).sum()
}

fn layers(counts: &Counts) -> BTreeMap<String, u64> {
    let mut layers = BTreeMap::new();
    for answers in &counts.answers {
        *layers.entry(answers.layer.clone()).or_default() += answers.count;
    }
    layers
}

fn http_layers(http: &HttpCounts) -> BTreeMap<String, u64> {
    let HttpCounts { fresh, confirmed, joined, upstream, .. } = *http;
    let layers =
        [("fresh", fresh), ("confirmed", confirmed), ("joined", joined), ("upstream", upstream)];
    layers.into_iter().map(|(layer, count)| (layer.to_owned(), count)).collect()
}

/// Returns which part of what was added each one has.
fn shares(before: &BTreeMap<String, u64>, now: BTreeMap<String, u64>) -> BTreeMap<String, f64> {
    let added: BTreeMap<String, u64> = now
        .into_iter()
        .map(|(layer, count)| {
            let count = since(before.get(&layer).copied().unwrap_or_default(), count);
            (layer, count)
        })
        .collect();
    let all: u64 = added.values().sum();
    if all == 0 {
        return BTreeMap::new();
    }
    added.into_iter().map(|(layer, count)| (layer, count as f64 / all as f64)).collect()
}

fn slowest(now: &Activity) -> Vec<SlowCall> {
    let mut all = Vec::new();
    for provider in &now.providers {
        let calls = provider.counts.iter().flat_map(|counts| &counts.calls.slowest);
        all.extend(calls.map(|call| SlowCall {
            provider: provider.name.clone(),
            op: call.op.clone(),
            path: call.path.clone(),
            seconds: call.took,
            age_seconds: call.age,
        }));
    }
    all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    all.truncate(SLOWEST);
    all
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::control::MemoryStatus;
    use crate::control::activity::{Answers, Calls, Requests, Slow};

    /// Returns an activity of two providers, of which `slow-one` did so much of everything.
    pub(in crate::cli::top) fn activity(uptime: f64, much: u64) -> Activity {
        let named = |names: &[(&str, u64)]| {
            names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let answers =
            |layer: &str, count| Answers { op: "read".to_owned(), layer: layer.to_owned(), count };
        let counts = Counts {
            requests: Requests {
                by_op: named(&[("LOOKUP", 30 * much), ("READ", 10 * much)]),
                by_errno: named(&[("ENOENT", 20 * much), ("EIO", much)]),
                waiting: 2,
            },
            answers: vec![
                answers("memory", 30 * much),
                answers("disk", 5 * much),
                answers("joined", 2 * much),
                answers("source", 3 * much),
            ],
            calls: Calls {
                by_op: vec![CallCounts {
                    op: "read-file".to_owned(),
                    buckets: vec![(Some(0.1), 2 * much), (None, much)],
                    total: 1.0,
                    failed: 0,
                }],
                in_flight: 2,
                slowest: vec![Slow {
                    op: "read-file".to_owned(),
                    path: "/a\x1b[2J\n\u{202e}b".to_owned(),
                    took: 2.3456,
                    age: 75.0,
                }],
                ..Calls::default()
            },
            http: HttpCounts {
                fresh: much,
                confirmed: much,
                joined: 0,
                upstream: 2 * much,
                requests: 3 * much,
                errors: much,
                in_flight: 1,
            },
            memory: MemoryStatus { instances: 1 << 20, ..MemoryStatus::default() },
            ..Counts::default()
        };
        let provider =
            |name: &str, state, counts| ProviderActivity { name: name.to_owned(), state, counts };
        let providers = vec![
            provider("broken", State::Failed, None),
            provider("idle", State::Ready, Some(Counts::default())),
            provider("slow-one", State::Ready, Some(counts)),
        ];
        Activity { schema: SCHEMA, version: "1.0.0".to_owned(), uptime, providers }
    }

    #[test]
    fn what_happened_is_counted_by_the_daemon_s_own_time() {
        let sample = Sample::between(&activity(10.0, 1), &activity(12.0, 3));
        assert_eq!((sample.seconds, sample.uptime), (2.0, 12.0));
        let rates = sample.providers[2].rates.clone().unwrap();
        assert_eq!((rates.requests_per_second, rates.errors_per_second), (40.0, 1.0));
        assert_eq!((rates.calls_per_second, rates.calls_in_flight), (3.0, 2));
        assert_eq!(rates.upstream_requests_per_second, 3.0);
        assert_eq!(rates.upstream_errors_per_second, 1.0);
        assert_eq!(rates.memory_bytes, 1 << 20);
        let parts: Vec<f64> =
            ["memory", "disk", "joined", "source"].map(|layer| rates.layers[layer]).into();
        assert_eq!(parts, [0.75, 0.125, 0.05, 0.075]);
        assert_eq!(rates.http_layers["confirmed"], 0.25);
        assert!(sample.providers[1].rates.as_ref().unwrap().layers.is_empty());
        assert_eq!(sample.providers[0].rates, None);
    }

    #[test]
    fn counts_that_began_anew_count_as_they_are() {
        let rate = |before: &Activity, now: &Activity| {
            let sample = Sample::between(before, now);
            sample.providers[2].rates.as_ref().unwrap().requests_per_second
        };
        assert_eq!(rate(&activity(10.0, 5), &activity(11.0, 1)), 40.0, "exchanged");
        assert_eq!(rate(&activity(10.0, 5), &activity(2.0, 1)), 20.0, "another daemon");
        let sample = Sample::since_start(&activity(4.0, 1));
        assert_eq!(sample.providers[2].rates.as_ref().unwrap().requests_per_second, 10.0);
    }

    #[test]
    fn a_sample_is_one_line_of_json() {
        let line = serde_json::to_string(&Sample::since_start(&activity(1.0, 1))).unwrap();
        assert!(!line.contains(['\n', '\x1b']), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["providers"][0], serde_json::json!({"name": "broken", "state": "failed"}));
        assert_eq!(value["providers"][2]["layers"]["memory"], 0.75);
        assert_eq!(value["slowest"][0]["provider"], "slow-one");
    }
}
