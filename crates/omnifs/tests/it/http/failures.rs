//! A failure is never shown as absence: no tool ends with success on a short answer.

use std::thread::sleep;
use std::time::Duration;

use testkit::{Listener, run, wait_until};

use super::{Rig, allowing, path};

const HOST: &str = "https://api.example.com";

/// What an upstream does wrong, and what a reader gets.
const FAILURES: &[(&str, &str)] = &[
    ("/status/500", "Input/output error"),
    ("/status/502", "Input/output error"),
    ("/status/400", "Input/output error"),
    ("/status/429?retry_after=60", "Device or resource busy"),
    ("/status/503?retry_after=60", "Device or resource busy"),
    ("/status/403?remaining=0", "Device or resource busy"),
    ("/status/401", "Permission denied"),
    ("/status/403", "Permission denied"),
    ("/reset", "Connection reset by peer"),
    ("/close", "Connection reset by peer"),
    ("/short", "Input/output error"),
    ("/short/chunked", "Input/output error"),
    ("/garbage", "Protocol error"),
];

/// Programs that read a file `@F` or a directory `@D`, and must not end well.
const READERS: &[&str] = &[
    "ls @D",
    "cat @F",
    "cp @F @O",
    "rsync @F @O",
    "tar cf @O @F",
    "python3 -c 'open(\"@F\", \"rb\").read()'",
    "python3 -c 'import os; os.listdir(\"@D\")'",
    "find @D",
    "wc -c @F",
];

/// > A failure is never shown as absence: no tool ends with success on a short answer.
#[test]
fn each_failure_has_its_errno_in_every_tool() {
    let rig = Rig::new(&allowing("\"*.example.com\""));
    rig.start();
    let mut upstreams = Vec::new();
    for (at, (target, said)) in FAILURES.iter().enumerate() {
        // A host each: what one asks for must not hold up the next.
        let host = format!("n{at}.example.com");
        rig.network.name(&host, &[&format!("11.22.33.{}", at + 10)]);
        upstreams.push(testkit::Upstream::https(&rig.network, &host));
        let url = format!("https://{host}{target}");
        let (directory, file) = (path("list", &url, ""), path("text", &url, ""));
        let out = rig.sandbox.root().join("out").display().to_string();
        let readers = if at == 0 { READERS } else { &READERS[..2] };
        for reader in readers {
            let line = reader.replace("@F", &file).replace("@D", &directory).replace("@O", &out);
            let output = rig.shell(&line);
            assert_ne!(output.code(), 0, "{line}: {}", output.stdout);
            assert!(output.stderr.contains(said), "{line}: {}", output.stderr);
        }
    }
}

#[test]
fn who_cannot_be_reached_is_told_apart() {
    let rig = Rig::new(&allowing("\"*.example.com\", \"granted.example.com\""));
    rig.network.name("refuses.example.com", &["11.22.33.1"]);
    rig.network.name("untrusted.example.com", &["11.22.33.2"]);
    let expired = rig.network.expired_certificate(&["untrusted.example.com"]);
    let _tls = testkit::Upstream::tls(&rig.network, &["11.22.33.2:443"], &expired);
    rig.start();
    for (url, said) in [
        ("https://refuses.example.com/", "Connection refused"),
        ("https://unknown.example.com/", "No route to host"),
        ("https://untrusted.example.com/", "Protocol error"),
        ("https://not-granted.example.org/", "Permission denied"),
    ] {
        let output = rig.read("text", url, "").expect_code(1);
        assert!(output.stderr.contains(said), "{url}: {}", output.stderr);
    }
}

/// > Something that was made while a request failed is shown, and believed for one second.
#[test]
fn absence_is_absence_and_something_is_shown() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    for target in ["/status/404", "/status/410"] {
        let url = format!("{HOST}{target}");
        let read = rig.read("text", &url, "").expect_code(0);
        assert_eq!(read.stdout, "", "an answer is believed");
    }
    // A sentinel file is shown, and only for a moment.
    upstream.switch("/status/500");
    let url = format!("{HOST}/switch");
    assert_eq!(rig.read("sentinel", &url, "").expect_code(0).stdout, "failed\n");
    upstream.switch("/json");
    let healthy = wait_until(Duration::from_secs(3), || {
        rig.read("sentinel", &url, "").stdout.contains("title")
    });
    assert!(healthy, "{}", rig.read("sentinel", &url, "").stdout);
}

#[test]
fn a_healthy_upstream_is_right_again_without_a_restart() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    upstream.switch("/status/500");
    rig.start();
    let url = format!("{HOST}/switch");
    let (list, text) = (path("list", &url, ""), path("text", &url, ""));
    let failing = rig.shell(&format!("ls '{list}'; cat '{text}'"));
    assert_eq!((failing.code(), failing.stdout.as_str()), (1, ""));
    upstream.switch("/json");
    let healthy = wait_until(Duration::from_secs(3), || {
        let output = rig.shell(&format!("ls '{list}' | wc -l && cat '{text}'"));
        output.stdout.starts_with('3') && output.stdout.contains("title")
    });
    assert!(healthy, "{}", rig.shell(&format!("ls '{list}'")).stderr);
}

/// > While asking fails, old answers are served for `stale_if_error`, and after one failure nothing
/// > waits for its own.
#[test]
fn what_was_read_before_outlives_a_failing_upstream() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    upstream.switch("/json");
    rig.start();
    let url = format!("{HOST}/switch");
    let (list, text) = (path("list", &url, ""), path("text", &url, ""));
    let line = format!("ls '{list}' && cat '{text}' && stat -c %s '{text}'");
    let before = rig.shell(&line).expect_code(0).stdout;
    for failure in ["/status/500", "/status/401"] {
        upstream.switch(failure);
        let asked = upstream.requests().len();
        // More than once past the freshness of everything.
        for _ in 0..3 {
            sleep(Duration::from_millis(1200));
            assert_eq!(rig.shell(&line).expect_code(0).stdout, before, "{failure}");
        }
        assert!(upstream.requests().len() > asked, "{failure}: nobody was asked");
    }
    let other = format!("cat '{}'", path("text", &format!("{HOST}/status/500?other"), ""));
    assert_eq!(rig.shell(&other).code(), 1, "what was never read is a failure");
}

#[test]
fn as_provider_believes_what_the_provider_says() {
    let rig = Rig::new(&format!("errors = \"as-provider\"\n{}", allowing("\"api.example.com\"")));
    let _upstream = rig.upstream("api.example.com");
    rig.start();
    let url = format!("{HOST}/status/500");
    let list = rig.shell(&format!("ls '{}'", path("list", &url, ""))).expect_code(0);
    assert_eq!(list.stdout, "");
    assert_eq!(rig.read("text", &url, "").expect_code(0).stdout, "");
}

/// > `omnifs errors`, `omnifs explain PATH` and `getfattr -n user.omnifs.error PATH` say why, and
/// > what helps.
#[test]
fn errors_and_explain_say_why_and_what_helps() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let _upstream = rig.upstream("api.example.com");
    rig.start();
    assert_eq!(rig.sandbox.omnifs(["errors"]).expect_code(0).stdout, "no errors\n");
    let url = format!("{HOST}/status/401?token=hidden");
    let _failed = rig.read("text", &url, "").expect_code(1);
    let errors = rig.sandbox.omnifs(["errors", "f"]).expect_code(0).stdout;
    let reason = "denied: GET https://api.example.com/status/401 answered 401 Unauthorized";
    for part in ["EACCES", reason, "omnifs secrets check"] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    let json = rig.sandbox.omnifs(["errors", "--json"]).expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["errno"], &json[0]["provider"]), (&"EACCES".into(), &"f".into()));
    let mount = rig.sandbox.root().join("mnt/f");
    let file = mount.join(path("text", &url, ""));
    let explained = rig.sandbox.omnifs(["explain", file.to_str().unwrap()]).expect_code(0).stdout;
    assert!(explained.contains("provider: f\n") && explained.contains(reason), "{explained}");
    let python = "import os, sys; print(os.getxattr(sys.argv[1], 'user.omnifs.error').decode())";
    for place in [file.as_path(), &mount.join("config")] {
        let told = run(rig.sandbox.command("python3").args(["-c", python]).arg(place));
        assert_eq!(told.stdout.contains(reason), place == file, "{told:?}");
    }
    let beside = rig.sandbox.omnifs(["explain", mount.join("config").to_str().unwrap()]);
    assert!(beside.expect_code(0).stdout.ends_with("last error: none\n"));
    let elsewhere = rig.sandbox.omnifs(["explain", "/"]).expect_code(1).stderr;
    assert!(elsewhere.contains("not below a mount of omnifs"), "{elsewhere}");
    let unknown = rig.sandbox.omnifs(["errors", "nobody"]).expect_code(1).stderr;
    assert!(unknown.contains("no provider \"nobody\" is mounted"), "{unknown}");
}

#[test]
fn what_never_answers_times_out_and_its_neighbours_do_not() {
    let rig =
        Rig::new(&format!("limits = {{ answer = \"3s\" }}\n{}", allowing("\"*.example.com\"")));
    rig.network.name("silent.example.com", &["11.22.33.7"]);
    let silent = Listener::new(&rig.network, "11.22.33.7:443");
    let _upstream = rig.upstream("api.example.com");
    rig.start();
    let waiting = path("text", "https://silent.example.com/", "");
    let near = path("get", &format!("{HOST}/json"), "/status");
    let line = format!("cat '{waiting}' & slow=$!; cat '{near}'; wait $slow");
    let output = rig.shell(&line).expect_code(1);
    assert_eq!(output.stdout, "200\n");
    assert!(output.stderr.contains("Connection timed out"), "{}", output.stderr);
    assert!(silent.connections() > 0);
}
