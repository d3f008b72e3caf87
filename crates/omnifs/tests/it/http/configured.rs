//! The limits of HTTP and of the log as a user sets them: each is hit, and says its name.

use testkit::Deaf;

use super::{Rig, allowing};

const HOST: &str = "https://api.example.com";

/// Returns a mount whose provider has these limits.
fn limited(limits: &str) -> Rig {
    Rig::new(&format!(
        "limits = {{ {limits} }}\n{}disk = \"2MiB\"\n",
        allowing("\"api.example.com\", \"deaf.example.com\"")
    ))
}

#[test]
fn each_can_be_set_and_says_its_name() {
    let rig = limited(
        "http_connect = \"300ms\", http_first_byte = \"400ms\", http_idle = \"350ms\", \
         http_total = \"900ms\", http_body = \"1MiB\", http_headers = \"4KiB\", \
         http_request = \"1KiB\", http_url = 256",
    );
    let _upstream = rig.upstream("api.example.com");
    rig.network.name("deaf.example.com", &["11.22.33.2"]);
    let _deaf = Deaf::new(&rig.network, "11.22.33.2:443");
    rig.start();
    let at = |target: &str| format!("{HOST}{target}");
    for (ask, url, said) in [
        ("get", "https://deaf.example.com/".to_owned(), "within 0.3 s (limits.http_connect)"),
        ("get", at("/never"), "within 0.4 s (limits.http_first_byte)"),
        ("get", at("/stall"), "for 0.35 s (limits.http_idle)"),
        ("get", at("/drip/50"), "within 0.9 s (limits.http_total)"),
        ("get", at("/big/1048577"), "over the limit of 1 MiB (limits.http_body)"),
        ("download", at("/big/2097153"), "over the limit of 2 MiB (cache.disk)"),
        ("get", at("/headers/5"), "are over the limit of 4 KiB (limits.http_headers)"),
        (
            "get/pad-header/X-Long/5000",
            at("/json"),
            "headers of the request are over the limit of 4 KiB (limits.http_headers)",
        ),
        ("get/pad-body/1025/method/POST", at("/json"), "limit of 1 KiB (limits.http_request)"),
        ("get/pad-url/300", at("/json"), "limit of 256 bytes (limits.http_url)"),
    ] {
        let errors = || rig.sandbox.omnifs(["errors"]).stdout;
        assert!(!errors().contains(said), "{said}");
        let error = rig.read(ask, &url, "/error").expect_code(0).stdout;
        assert_ne!(error, "none\n", "{ask} {url}");
        let errors = errors();
        assert!(errors.contains(said), "{ask} {url}: {said}\n{errors}");
    }
    // What just fits passes.
    for (ask, target) in [
        ("get", "/big/1048576"),
        ("download", "/big/2097152"),
        ("get", "/headers/2"),
        ("get/pad-body/1024/method/POST", "/json"),
        ("get/pad-url/200", "/json"),
    ] {
        let error = rig.read(ask, &at(target), "/error").expect_code(0).stdout;
        assert_eq!(error, "none\n", "{ask} {target}");
    }
}

#[test]
fn requests_at_a_time_are_as_many_as_is_set() {
    for (limit, most) in
        [("http_per_host = 2", 2), ("http_in_flight = 3", 3), ("http_per_call = 4", 4)]
    {
        let rig = limited(limit);
        let upstream = rig.upstream("api.example.com");
        rig.start();
        let url = format!("{HOST}/slow/150/json?n={{n}}");
        let answers = rig.read("all/12", &url, "").expect_code(0).stdout;
        assert_eq!(answers, "200\n".repeat(12), "{limit}");
        assert_eq!(upstream.peak(), most, "{limit}");
    }
}

#[test]
fn what_it_prints_is_cut_where_it_is_set() {
    let rig = limited("log_call = 100, log_minute = 150");
    rig.start();
    for _ in 0..2 {
        let text = "x".repeat(120);
        let _logged = rig.shell(&format!("cat log/warn/{text}")).expect_code(0);
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    let log = rig.log();
    let printed = |length: usize| log.contains(&format!(" {} provider=", "x".repeat(length)));
    assert!(printed(100) && printed(50), "{log}");
    let said = "a call may print 100 bytes (limits.log_call), a provider 150 bytes a minute \
                (limits.log_minute)";
    for dropped in [20, 70] {
        assert!(log.contains(&format!("dropped {dropped} bytes of output: {said}")), "{log}");
    }
}

#[test]
fn a_component_over_its_limit_is_not_loaded() {
    let rig = limited("component = \"4KiB\"");
    let failed = rig.sandbox.omnifs(["start"]).expect_code(1);
    let all = format!("{}{}", failed.stdout, failed.stderr);
    assert!(all.contains("it may have 4096"), "{all}");
    assert!(all.contains("raise `component` in [provider.limits]"), "{all}");
}
