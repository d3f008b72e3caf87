//! What providers ask upstreams, counted here and by the server.

use std::thread::sleep;
use std::time::Duration;

use testkit::Upstream;

use super::{Rig, allowing, mirrored};
use crate::metrics::{Metrics, check_layers};

const HOST: &str = "https://api.example.com";

/// Returns how many HTTP answers were found in a layer.
fn answers(metrics: &Metrics, layer: &str) -> f64 {
    metrics.value(&format!("omnifs_http_answers_total{{provider=\"f\",layer=\"{layer}\"}}"))
}

/// Checks that as many requests were sent as came, and returns the counts.
#[track_caller]
fn as_the_server_counts(rig: &Rig, upstream: &Upstream) -> Metrics {
    let metrics = Metrics::of(&rig.sandbox);
    let sent = metrics.value("omnifs_upstream_requests_total{provider=\"f\"}");
    assert_eq!(sent, upstream.requests().len() as f64, "{metrics:?}");
    metrics
}

#[test]
fn upstream_requests_are_those_that_the_server_counts() {
    let content = |directory, file| format!("{directory} {file}\n").into_bytes();
    let (rig, upstream) = mirrored("ttl = \"1h\"\n", (10, 8), content, Duration::ZERO);
    let _one = as_the_server_counts(&rig, &upstream);
    assert_eq!(rig.shell("cat d07/f3.txt").expect_code(0).stdout, "7 3\n");
    let one = as_the_server_counts(&rig, &upstream);
    // Files and directories ahead are asked for as well: what they come to is awaited.
    assert_eq!(rig.shell("cat d*/* | wc -l").expect_code(0).stdout, "80\n");
    let all = 80.0 + 10.0 + 1.0;
    let now = as_the_server_counts(&rig, &upstream);
    check_layers(&now);
    assert_eq!(now.value("omnifs_upstream_requests_total{provider=\"f\"}"), all, "{now:?}");
    assert_eq!(answers(&now, "upstream"), all, "{now:?}");
    let reads = "omnifs_call_duration_seconds_count{provider=\"f\",op=\"read-file\"}";
    assert_eq!((one.value(reads), now.value(reads)), (1.0, 80.0), "each once");
    assert_eq!(now.value("omnifs_upstream_errors_total{provider=\"f\"}"), 0.0);
    assert_eq!(now.value("omnifs_upstream_requests_in_flight{provider=\"f\"}"), 0.0);

    let again = rig.shell("cat d*/* | wc -l").expect_code(0).stdout;
    assert_eq!(again, "80\n");
    let later = as_the_server_counts(&rig, &upstream);
    check_layers(&later);
    let source = |metrics: &Metrics| metrics.sum("omnifs_answers_total", &["layer=\"source\""]);
    assert_eq!(source(&later), source(&now), "all of it is known: {later:?}");
}

#[test]
fn fresh_confirmed_and_failed_requests_are_told_apart() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let read = |target: &str| {
        sleep(Duration::from_millis(150));
        rig.read("get", &format!("{HOST}{target}"), "/body")
    };
    let _twice = (read("/json?control=max-age%3D60"), read("/json?control=max-age%3D60"));
    let fresh = as_the_server_counts(&rig, &upstream);
    assert_eq!((answers(&fresh, "fresh"), answers(&fresh, "upstream")), (1.0, 1.0), "{fresh:?}");
    let _twice = (read("/etag"), read("/etag"));
    let confirmed = as_the_server_counts(&rig, &upstream);
    assert_eq!(answers(&confirmed, "confirmed"), 1.0, "{confirmed:?}");
    assert_eq!(confirmed.value("omnifs_upstream_errors_total{provider=\"f\"}"), 0.0);

    let failed = rig.read("text", &format!("{HOST}/status/500"), "").expect_code(1);
    assert!(failed.stderr.contains("Input/output error"), "{}", failed.stderr);
    let now = as_the_server_counts(&rig, &upstream);
    let of_500 = upstream.requests().iter().filter(|r| r.target == "/status/500").count();
    assert_eq!(now.value("omnifs_upstream_errors_total{provider=\"f\"}"), of_500 as f64);
    assert!(now.value("omnifs_request_errors_total{provider=\"f\",errno=\"EIO\"}") >= 1.0);
    let failures = "omnifs_call_failures_total{provider=\"f\",op=\"read-file\"}";
    assert_eq!(now.value(failures), of_500 as f64, "a call for each: {now:?}");
    check_layers(&now);
}
