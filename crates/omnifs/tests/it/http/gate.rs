//! What may not be reached is not reached: no connection is even tried.

use std::thread::sleep;
use std::time::Duration;

use testkit::Listener;

use super::{Rig, allowing};

/// Everything that listens where no connection may come.
fn forbidden(rig: &Rig) -> Vec<Listener> {
    ["0.0.0.0:80", "0.0.0.0:443", "[::]:80", "[::]:443", "0.0.0.0:8443", "169.254.169.254:8080"]
        .iter()
        .map(|address| Listener::new(&rig.network, address))
        .collect()
}

fn reached(listeners: &[Listener]) -> usize {
    listeners.iter().map(Listener::connections).sum()
}

#[test]
fn urls_that_are_not_granted_connect_to_nobody() {
    let rig = Rig::new(&allowing("\"api.example.com\", \"http://plain.example.com\""));
    for name in ["api.example.com", "plain.example.com", "other.example.com"] {
        rig.network.name(name, &["11.22.33.1"]);
    }
    let listeners = forbidden(&rig);
    rig.start();
    let before = rig.network.attempts();
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "https://10.1.2.3/",
        "http://localhost/",
        "https://localhost/",
        "https://other.example.com/",
        "https://api.example.com:8443/",
        "https://api.example.com.other.example.com/",
        "http://api.example.com/",
        "https://plain.example.com/",
        "https://user@api.example.com/",
        "https://user:password@api.example.com/",
        "https://api.example.com@other.example.com/",
        "https://other.example.com\\@api.example.com/",
        "https://api.example.com/#fragment",
        "https://api.example.com:0/",
        "https://api.example.com/ space",
        "file:///etc/passwd",
        "ftp://api.example.com/",
    ] {
        let report = rig.report(url);
        assert!(report.starts_with("error: "), "{url}: {report}");
    }
    let denied = rig.report("https://other.example.com/");
    assert!(
        denied.contains(
            "add \"other.example.com\" to http.allow in [provider.capabilities] of \"f\""
        ),
        "{denied}"
    );
    assert_eq!((rig.network.attempts(), reached(&listeners)), (before, 0));
    let log = rig.log();
    let line =
        log.lines().filter(|line| line.contains("GET https://other.example.com/: add")).count();
    assert_eq!(line, 1, "each refusal is one line:\n{log}");
}

#[test]
fn a_name_is_only_as_good_as_its_addresses() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let listeners = forbidden(&rig);
    rig.start();
    for addresses in [
        &["127.0.0.1"][..],
        &["10.1.2.3"],
        &["192.168.7.7"],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["::1"],
        &["fd00::7"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["2002:7f00:1::1"],
        &["11.22.33.1", "127.0.0.1"],
        &["fd00::7", "2600:1234::7"],
    ] {
        rig.network.name("api.example.com", addresses);
        let before = rig.network.attempts();
        let report = rig.report("https://api.example.com/");
        assert!(
            report.contains("{ host = \"api.example.com\", allow_private = true }"),
            "{report}"
        );
        assert_eq!(rig.network.attempts(), before, "{addresses:?}");
        sleep(Duration::from_millis(120));
    }
    assert_eq!(reached(&listeners), 0);
}

#[test]
fn a_name_that_changes_its_address_is_checked_again() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    let inside = Listener::new(&rig.network, "127.0.0.1:443");
    rig.start();
    let url = "https://api.example.com/json?close";
    assert!(rig.report(url).starts_with("status: 200"));
    rig.network.name("api.example.com", &["127.0.0.1"]);
    sleep(Duration::from_millis(200));
    let report = rig.report(url);
    assert!(report.contains("its address 127.0.0.1 is not on the public internet"), "{report}");
    assert_eq!((upstream.requests().len(), inside.connections()), (1, 0));
}

#[test]
fn private_addresses_are_reached_where_the_user_said_so() {
    let entries = "{ host = \"inside.example.com\", allow_private = true }, \
                   \"http://10.1.2.3:8080\", \"http://localhost:8081\"";
    let rig = Rig::new(&allowing(entries));
    rig.network.name("inside.example.com", &["10.1.2.4"]);
    rig.network.name("localhost", &["127.0.0.1"]);
    let _tls = testkit::Upstream::https(&rig.network, "inside.example.com");
    let _plain = testkit::Upstream::http(&rig.network, &["10.1.2.3:8080", "127.0.0.1:8081"]);
    rig.start();
    for url in [
        "https://inside.example.com/json",
        "http://10.1.2.3:8080/json",
        "http://localhost:8081/json",
    ] {
        let report = rig.report(url);
        assert!(report.starts_with("status: 200"), "{url}: {report}");
    }
}

#[test]
fn redirects_pass_the_gate_hop_by_hop() {
    let rig = Rig::new(&allowing("\"api.example.com\", \"cdn.example.com\""));
    rig.network.name("cdn.example.com", &["11.22.33.2"]);
    let upstream = rig.upstream("api.example.com");
    let cdn = testkit::Upstream::https(&rig.network, "cdn.example.com");
    let inside = [
        Listener::new(&rig.network, "169.254.169.254:80"),
        Listener::new(&rig.network, "127.0.0.1:443"),
        Listener::new(&rig.network, "11.22.33.1:80"),
    ];
    rig.start();
    let follow = |to: &str| {
        let url = format!("https://api.example.com/redirect?to={to}");
        rig.read("get/follow/bearer/KEY", &url, "/report").stdout
    };
    for to in [
        "http://169.254.169.254/",
        "//169.254.169.254/",
        "https://127.0.0.1/",
        "http://api.example.com/json",
        "https://other.example.com/",
        "https://user@api.example.com/",
        "file:///etc/passwd",
    ] {
        let report = follow(to);
        assert!(report.starts_with("error: denied"), "{to}: {report}");
    }
    assert_eq!(reached(&inside), 0);
    // To an allowed host it goes, but the secret does not.
    assert!(follow("https://cdn.example.com/json").starts_with("status: 200"));
    assert!(upstream.requests().iter().all(|request| request.header("authorization").is_some()));
    assert_eq!(cdn.requests()[0].header("authorization"), None);
    let loops = rig.read("get/follow", "https://api.example.com/loop", "/report").stdout;
    assert!(loops.contains("redirects more than 5 times"), "{loops}");
    let hops = |n| format!("https://api.example.com/hops/{n}");
    assert!(rig.read("get/follow", &hops(5), "/report").stdout.starts_with("status: 200"));
    let returned = rig.report("https://api.example.com/redirect?to=/json&status=302");
    assert!(returned.starts_with("status: 302"), "{returned}");
}

#[test]
fn the_environment_has_no_part_in_it() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let _upstream = rig.upstream("api.example.com");
    let proxy = Listener::new(&rig.network, "11.22.33.9:3128");
    let netrc = rig.sandbox.home().join(".netrc");
    std::fs::write(&netrc, "machine api.example.com login me password netrc-password\n").unwrap();
    let mut start = rig.sandbox.command("omnifs");
    start.arg("start").env("KEY", super::VALUE);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"] {
        start.env(variable, "http://11.22.33.9:3128");
    }
    let _started = testkit::run(&mut start).expect_code(0);
    let echoed = rig.report("https://api.example.com/echo");
    assert!(echoed.starts_with("status: 200"), "{echoed}");
    for header in ["authorization", "cookie", "referer", "netrc-password", "proxy"] {
        assert!(!echoed.to_lowercase().contains(header), "{header}: {echoed}");
    }
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_socket_is_reached_by_its_name_and_within_its_filters() {
    let rig = Rig::new("");
    let socket = rig.sandbox.root().join("docker.sock");
    let upstream = testkit::Upstream::unix(&socket);
    let entry = format!(
        "{{ unix = {socket:?}, as = \"docker\", methods = [\"GET\"], paths = [\"/json\"] }}"
    );
    rig.configure(&allowing(&entry));
    rig.start();
    let before = (rig.network.attempts(), rig.network.datagrams());
    assert!(rig.report("http://docker/json").starts_with("status: 200"));
    let denied = rig.report("http://docker/containers");
    assert!(denied.contains("to `paths` of the entry"), "{denied}");
    let denied = rig.read("get/method/POST", "http://docker/json", "/report").stdout;
    assert!(denied.contains("add \"POST\" to `methods`"), "{denied}");
    let secret = rig.read("get/bearer/KEY", "http://docker/json", "/report").stdout;
    assert!(secret.contains("the secret \"KEY\" does not go to http://docker"), "{secret}");
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!((rig.network.attempts(), rig.network.datagrams()), before);
}
