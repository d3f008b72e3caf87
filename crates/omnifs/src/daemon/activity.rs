//! What a provider did, from the counts of its parts.

use omnifs_fuse::SessionStatistics;
use omnifs_runtime::http::HttpStatistics;
use omnifs_runtime::{BUCKETS, CallTimes, Provider, SlowCall, Statistics};

use super::slot::{NODE_MEMORY, Serving};
use crate::control::activity::{Answers, CallCounts, Calls, Counts, HttpCounts, Requests, Slow};
use crate::control::{DiskCounts, DiskReport, MemoryStatus};

/// Returns what a provider did that serves.
pub(super) fn counts(serving: &Serving) -> Counts {
    let Serving { provider, tree, session, .. } = serving;
    let (did, kept) = (provider.statistics(), tree.statistics());
    let answers = kept.questions.iter().map(|((question, layer), count)| Answers {
        op: question.word().to_owned(),
        layer: layer.word().to_owned(),
        count: *count,
    });
    Counts {
        requests: session.as_ref().map(|s| requests(s.statistics())).unwrap_or_default(),
        answers: answers.collect(),
        calls: calls(provider, &did),
        http: http(provider, did.http),
        memory: MemoryStatus {
            instances: did.memory,
            cache: kept.memory,
            nodes: kept.nodes * NODE_MEMORY,
            http: did.http_cache,
        },
        nodes: kept.nodes,
        disk: kept.disk.map(disk),
    }
}

fn requests(session: SessionStatistics) -> Requests {
    let named = |counts: std::collections::BTreeMap<&str, u64>| {
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    };
    Requests {
        by_op: named(session.requests),
        by_errno: named(session.errors),
        waiting: session.waiting,
    }
}

fn calls(provider: &Provider, did: &Statistics) -> Calls {
    let ends = || BUCKETS.iter().map(|end| Some(end.as_secs_f64())).chain([None]);
    let of_function = |times: CallTimes| CallCounts {
        op: times.op.to_owned(),
        buckets: ends().zip(times.buckets).collect(),
        total: times.total.as_secs_f64(),
        failed: times.failed,
    };
    let slow = |call: SlowCall| Slow {
        op: call.op.to_owned(),
        path: call.path,
        took: call.took.as_secs_f64(),
        age: call.age.as_secs_f64(),
    };
    Calls {
        by_op: provider.times().into_iter().map(of_function).collect(),
        in_flight: did.in_flight,
        traps: did.traps,
        instances: did.instances,
        slowest: provider.slowest().into_iter().map(slow).collect(),
    }
}

fn http(provider: &Provider, answers: HttpStatistics) -> HttpCounts {
    let hosts = provider.upstreams();
    HttpCounts {
        fresh: answers.fresh,
        confirmed: answers.confirmed,
        joined: answers.joined,
        upstream: answers.upstream,
        requests: hosts.iter().map(|host| host.requests).sum(),
        errors: hosts.iter().map(|host| host.errors).sum(),
        in_flight: answers.in_flight,
    }
}

/// Returns what a disk cache holds and did.
pub(super) fn disk(disk: omnifs_vfs::DiskStatistics) -> DiskReport {
    DiskReport {
        bytes: disk.bytes,
        budget: Some(disk.budget),
        trouble: disk.trouble,
        counts: Some(DiskCounts {
            records: disk.records,
            hits: disk.hits,
            misses: disk.misses,
            damaged: disk.damaged,
            dropped: disk.dropped,
        }),
    }
}
