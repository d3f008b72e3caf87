//! What comes back is right, and the upstream is asked no more than it must.

use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::{Answer, Nginx, wait_until};

use super::{Rig, allowing, path};
use crate::LIMIT;

const HOST: &str = "https://api.example.com";

#[test]
fn every_coding_is_decoded() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let _upstream = rig.upstream("api.example.com");
    rig.start();
    let plain = rig.read("get", &format!("{HOST}/json"), "/body").expect_code(0).bytes;
    assert!(!plain.is_empty());
    for target in ["/gzip", "/deflate", "/br", "/zstd", "/http10", "/early", "/json?chunk=2"] {
        let read = rig.read("get", &format!("{HOST}{target}"), "/body").expect_code(0);
        assert_eq!(read.bytes, plain, "{target}");
    }
    let headers = rig.read("get", &format!("{HOST}/gzip"), "/headers").stdout;
    assert!(!headers.contains("content-encoding"), "{headers}");
}

#[test]
fn downloads_and_open_bodies_are_whole() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let url = format!("{HOST}/big/8000000");
    let sum = rig.shell(&format!("sha256sum < '{}'", path("download", &url, "/body")));
    let expected = rig.sandbox.shell(
        "python3 -c 'import hashlib; b = bytes(range(251)); print(hashlib.sha256((b * 32000)[:8000000]).hexdigest())'",
    );
    assert_eq!(sum.stderr, "");
    assert_eq!(sum.stdout.split(' ').next(), expected.stdout.split('\n').next());
    assert_eq!(rig.read("download", &url, "/range-251-3").bytes, [0, 1, 2]);
    assert_eq!(rig.read("open", &format!("{HOST}/drip/1"), "/first-7").bytes.len(), 7);
    let short = rig.read("download", &format!("{HOST}/short"), "/error").stdout;
    assert!(short.contains("protocol"), "{short}");
    assert!(upstream.requests().len() < 10);
}

#[test]
fn what_has_not_changed_is_confirmed_and_what_holds_is_not_asked_for() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let read = |target: &str| {
        sleep(Duration::from_millis(150));
        rig.read("get", &format!("{HOST}{target}"), "/body").expect_code(0).stdout
    };
    for target in ["/etag", "/modified"] {
        upstream.set_version(1);
        upstream.clear();
        let first = read(target);
        assert_eq!(read(target), first);
        let conditional = upstream.requests().iter().any(|request| {
            request.header("if-none-match").is_some()
                || request.header("if-modified-since").is_some()
        });
        assert!(conditional, "{target}: {:?}", upstream.requests());
        upstream.set_version(2);
        assert_ne!(read(target), first, "{target}");
    }
    upstream.clear();
    let _same = (read("/json?control=max-age%3D60"), read("/json?control=max-age%3D60"));
    assert_eq!(upstream.requests().len(), 1);
    upstream.clear();
    let _same = (read("/json?control=no-store"), read("/json?control=no-store"));
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn a_refresh_goes_past_what_an_upstream_calls_fresh() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let held = |body: &str| {
        let answer = Answer::json(body.to_owned()).header("Cache-Control", "max-age=3600");
        upstream.answer("/held", answer);
    };
    let url = format!("{HOST}/held");
    let read = || rig.read("get", &url, "/body").expect_code(0).stdout;

    held("\"old\"");
    assert_eq!(read(), "\"old\"");
    held("\"new\"");
    sleep(Duration::from_millis(150));
    assert_eq!(read(), "\"old\"", "it holds for an hour");
    assert_eq!(upstream.requests().len(), 1);
    let mount = rig.sandbox.root().join("mnt/f").display().to_string();
    let _said = rig.sandbox.omnifs(["refresh", &mount]).expect_code(0);
    // The kernel is told behind the answer.
    assert!(wait_until(LIMIT, || read() == "\"new\""), "{:?}", upstream.requests());
}

#[test]
fn equal_requests_at_one_time_are_one() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let answers = rig.read("all/20", &format!("{HOST}/slow/300"), "").expect_code(0).stdout;
    assert_eq!(answers, "200\n".repeat(20));
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn many_requests_share_connections_and_run_together() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let url = format!("{HOST}/slow/300/json?n={{n}}");
    let answers = rig.read("all/64", &url, "").expect_code(0).stdout;
    assert_eq!(answers, "200\n".repeat(64));
    // Together, and never more at a time than one host may have; how many of a round meet
    // depends on how fast this machine makes sessions.
    assert_eq!(upstream.requests().len(), 64);
    assert!((8..=32).contains(&upstream.peak()), "{}", upstream.peak());
    // A figure, and no limit: this machine may have other things to do.
    let url = format!("{HOST}/slow/100/json?k={{n}}");
    let begun = Instant::now();
    let answers = rig.read("all/64", &url, "").expect_code(0).stdout;
    println!("64 requests to a server that takes 100 ms: {:?}, `cat` included", begun.elapsed());
    assert_eq!(answers, "200\n".repeat(64));
    upstream.clear();
    let url = format!("{HOST}/json?m={{n}}");
    let answers = rig.read("all/1000", &url, "").expect_code(0).stdout;
    assert_eq!(answers, "200\n".repeat(1000));
    let connections = upstream.connections();
    assert!(connections <= 32, "{connections} new connections for 1000 requests");
    let status = rig.sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let host = &status["providers"][0]["http"][0];
    assert_eq!((&host["host"], &host["errors"]), (&HOST.into(), &0.into()));
    assert_eq!(host["requests"], 1128);
}

#[test]
fn a_host_that_asks_for_a_pause_gets_it() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    upstream.switch("/status/429?retry_after=60");
    rig.start();
    let failed = rig.read("text", &format!("{HOST}/switch"), "").expect_code(1);
    assert!(failed.stderr.contains("Device or resource busy"), "{}", failed.stderr);
    let asked = upstream.requests().len();
    let other = rig.read("text", &format!("{HOST}/json"), "").expect_code(1);
    assert!(other.stderr.contains("Device or resource busy"), "{}", other.stderr);
    assert_eq!(upstream.requests().len(), asked, "a pause holds for the whole host");
    let status = rig.sandbox.omnifs(["status", "--json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(status["providers"][0]["http"][0]["limited_until"].as_u64().is_some(), "{status}");
}

#[test]
fn a_passing_failure_is_tried_once_more() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    for (target, times) in [("/status/503", 2), ("/reset", 2), ("/short", 2), ("/status/500", 1)] {
        upstream.clear();
        let _failed = rig.read("text", &format!("{HOST}{target}"), "").expect_code(1);
        assert_eq!(upstream.requests().len(), times, "{target}");
    }
    upstream.clear();
    let _failed = rig.read("text/method/POST", &format!("{HOST}/status/503"), "").expect_code(1);
    assert_eq!(upstream.requests().len(), 1, "a POST is not repeated");
}

#[test]
fn the_brake_of_requests_a_minute_says_so() {
    let rig = Rig::new(&format!(
        "limits = {{ requests_per_minute = 3 }}\n{}",
        allowing("\"api.example.com\"")
    ));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let answers = rig.read("all/8/timeout/500", &format!("{HOST}/json?n={{n}}"), "").stdout;
    assert_eq!(answers.matches("200\n").count(), 3, "{answers}");
    assert_eq!(upstream.requests().len(), 3);
    let errors = rig.sandbox.omnifs(["errors"]).stdout;
    assert!(errors.contains("limits.requests_per_minute"), "{errors}");
}

#[test]
fn nginx_serves_it_over_http2() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    rig.network.name("api.example.com", &["11.22.33.1"]);
    let nginx = Nginx::new(&rig.network, &["api.example.com"]);
    nginx.put("a.json", "[\"one\", \"two\", \"three\", \"four\", \"five\"]\n");
    rig.start();
    for _ in 0..2 {
        let read = rig.read("get", &format!("{HOST}/a.json"), "/body").expect_code(0).stdout;
        assert_eq!(read, "[\"one\", \"two\", \"three\", \"four\", \"five\"]\n");
        sleep(Duration::from_millis(150));
    }
    let moved = rig.read("get/follow", &format!("{HOST}/moved/a.json"), "/url").stdout;
    assert_eq!(moved, format!("{HOST}/a.json\n"));
    let part = rig.read("get/header/Range/bytes%3D1-5", &format!("{HOST}/a.json"), "/body");
    assert_eq!(part.stdout, "\"one\"");
    let logged = nginx.requests();
    assert!(logged.iter().all(|request| request.protocol == "HTTP/2.0"), "{logged:?}");
    assert!(logged.iter().any(|request| request.status == 304), "{logged:?}");
    assert_eq!(nginx.connections(), 1);
}
