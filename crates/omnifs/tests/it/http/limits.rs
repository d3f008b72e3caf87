//! Upstreams that never end, lie or send too much: in time, within memory, sockets closed.

use std::time::Duration;

use testkit::{Deaf, wait_until};

use super::{Rig, allowing};
use crate::memory_of;

const HOST: &str = "https://api.example.com";

/// Returns the most that the daemon took so far in KiB.
fn most_resident(rig: &Rig) -> u64 {
    memory_of(rig.sandbox.daemon().unwrap(), "VmHWM")
}

#[test]
fn hostile_answers_cost_a_call_and_no_memory() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let idle = most_resident(&rig);
    for (target, said) in [
        ("/bomb/gzip/1024", "too-large"),
        ("/bomb/br/1024", "too-large"),
        ("/bomb/zstd/1024", "too-large"),
        ("/endless", "too-large"),
        ("/endless/chunked", "too-large"),
        ("/headers/100", "too-large"),
        ("/big/33554433", "too-large"),
        ("/short", "protocol"),
        ("/garbage", "protocol"),
        ("/reset", "connect"),
    ] {
        let error = rig.read("get", &format!("{HOST}{target}"), "/error").stdout;
        assert!(error.starts_with(said), "{target}: {error}");
    }
    let most = most_resident(&rig).saturating_sub(idle);
    assert!(most < 100 << 10, "{most} KiB more than idle");
    // A body that is longer than it says is not the next answer.
    let long = rig.read("get", &format!("{HOST}/long"), "/body").stdout;
    let next = rig.read("get", &format!("{HOST}/json"), "/body").stdout;
    assert!(!long.contains("forged") && next.contains("title"), "{long}\n{next}");
    let closed = wait_until(Duration::from_secs(5), || upstream.open() <= 2);
    assert!(closed, "{} connections are open", upstream.open());
}

#[test]
fn slow_answers_end_in_time() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    for target in ["/never", "/stall"] {
        let failed = rig.read("text", &format!("{HOST}{target}"), "").expect_code(1);
        assert!(failed.stderr.contains("Connection timed out"), "{target}: {}", failed.stderr);
    }
    let short = rig.read("get/timeout/300", &format!("{HOST}/slow/5000"), "/error").stdout;
    assert_eq!(short, "timeout\n");
    let gone = wait_until(Duration::from_secs(15), || upstream.open() <= 1);
    assert!(gone, "{} connections are open", upstream.open());
}

#[test]
fn a_connection_that_does_not_come_is_a_timeout() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    rig.network.name("api.example.com", &["11.22.33.1"]);
    let _deaf = Deaf::new(&rig.network, "11.22.33.1:443");
    rig.start();
    let error = rig.read("get", &format!("{HOST}/json"), "/error").stdout;
    assert_eq!(error, "timeout\n");
}

#[test]
fn what_a_provider_sends_has_limits_too() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    for (option, said) in [
        ("pad-url/20000", "denied"),
        ("pad-body/9000000/method/POST", "too-large"),
        ("pad-header/X-Long/70000", "too-large"),
        ("header/Host/evil.example", "denied"),
        ("header/Content-Length/5", "denied"),
        ("header/Transfer-Encoding/chunked", "denied"),
        ("header/X-Forwarded-For/1.1.1.1", "denied"),
        ("header/X/a%0D%0Ab", "denied"),
        ("method/TRACE", "denied"),
        ("method/CONNECT", "denied"),
        ("method/get", "denied"),
    ] {
        let error = rig.read(&format!("get/{option}"), &format!("{HOST}/json"), "/error").stdout;
        assert!(error.starts_with(said), "{option}: {error}");
    }
    assert_eq!(upstream.connections(), 0);
}
