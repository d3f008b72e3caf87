//! The metrics: known work, and what it counts.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, config_of, mounted};

/// The values of a text in Prometheus' format, by the series as they are written.
#[derive(Debug)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Asks the daemon of a sandbox.
    #[track_caller]
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self::parse(&sandbox.omnifs(["metrics"]).expect_code(0).stdout)
    }

    /// Parses a text as strictly as Prometheus does: each name has its help and its type before the
    /// first of its series, all series of a name are together, none is there twice.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let (mut values, mut kinds) = (BTreeMap::new(), BTreeMap::new());
        let (mut last_help, mut current) = ("", "");
        assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                last_help = help.split_once(' ').unwrap().0;
                continue;
            }
            if let Some(of_type) = line.strip_prefix("# TYPE ") {
                let (name, kind) = of_type.split_once(' ').unwrap();
                assert_eq!(name, last_help, "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(kinds.insert(name, kind).is_none(), "twice: {line}");
                current = name;
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let suffixes: &[&str] = match kinds[current] {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(suffixes.iter().any(|end| name == format!("{current}{end}")), "{line}");
            if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                check_labels(labels);
            }
            let before = values.insert(series.to_owned(), value.parse().unwrap());
            assert_eq!(before, None, "twice: {line}");
        }
        Self(values)
    }

    /// Returns the value of a series; one that has not happened yet is 0.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// Returns the sum of all series that begin so and have all of these in their labels.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let is_one = |series: &&String| {
            series.split('{').next() == Some(name)
                && labels.iter().all(|part| series.contains(part))
        };
        self.0.keys().filter(is_one).map(|series| self.0[series]).sum()
    }

    fn has(&self, part: &str) -> bool {
        self.0.keys().any(|series| series.contains(part))
    }
}

#[track_caller]
fn check_labels(labels: &str) {
    let inside = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
    for pair in inside.split(',') {
        let (name, value) = pair.split_once('=').unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{labels}");
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
        assert!(!value.contains(['"', '\\', '\n']), "{labels}");
    }
}

/// The kernel's name of a request, and the tree's of the question that it is.
const QUESTIONS: [(&str, &str); 4] =
    [("LOOKUP", "lookup"), ("GETATTR", "attributes"), ("OPENDIR", "list"), ("READ", "read")];

/// Checks that each request of the kernel that is a question to the tree was found in one layer.
#[track_caller]
pub(crate) fn check_layers(metrics: &Metrics) {
    for (request, question) in QUESTIONS {
        let asked = metrics.sum("omnifs_requests_total", &[&format!("op=\"{request}\"")]);
        let answered = metrics.sum("omnifs_answers_total", &[&format!("op=\"{question}\"")]);
        assert_eq!(answered, asked, "{request}: {metrics:?}");
    }
}

#[test]
fn the_socket_serves_what_the_command_prints() {
    let sandbox = Sandbox::new(OMNIFS);
    let _mounts = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]);
    // Starting looks at the mount, and the kernel says only later that nobody does any more.
    let is_left = || {
        let now = Metrics::of(&sandbox);
        let came = |op: &str| now.sum("omnifs_requests_total", &[&format!("op=\"{op}\"")]);
        came("OPENDIR") == came("RELEASEDIR")
    };
    assert!(wait_until(LIMIT, is_left));
    let socket = sandbox.root().join("run/omnifs/control.sock");
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/plain; version=0.0.4\r\n"), "{head}");
    let (served, printed) = (Metrics::parse(body), Metrics::of(&sandbox));
    assert!(served.0.keys().eq(printed.0.keys()), "{served:?} {printed:?}");
    assert_eq!(served.value("omnifs_build_info{version=\"1.0.0\"}"), 1.0);
}

#[test]
fn requests_layers_and_errors_are_counted_once_each() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted(&sandbox, &[("slow", guests::SLOW_PATH)]).join("slow");
    let mount = mount.display();
    let before = Metrics::of(&sandbox);
    check_layers(&before);
    let added = |now: &Metrics, series: &str| now.value(series) - before.value(series);

    // Whoever comes first begins the call; the others find it under way, or what it came to.
    let cats = format!("for n in 1 2 3 4 5 6 7 8; do cat {mount}/slow & done; wait");
    assert_eq!(sandbox.shell(&cats).expect_code(0).stdout, "slow\n".repeat(8));
    let now = Metrics::of(&sandbox);
    check_layers(&now);
    let of = |layer: &str| {
        let of = |op: &str| {
            format!("omnifs_answers_total{{provider=\"slow\",op=\"{op}\",layer=\"{layer}\"}}")
        };
        added(&now, &of("attributes")) + added(&now, &of("read"))
    };
    assert_eq!(of("source"), 1.0, "{now:?}");
    assert!(of("joined") >= 1.0, "{now:?}");
    assert_eq!(of("disk"), 0.0, "{now:?}");
    let times = "omnifs_call_duration_seconds";
    let reads = format!("{times}_count{{provider=\"slow\",op=\"read-file\"}}");
    assert_eq!(added(&now, &reads), 1.0);
    let within = |end: &str| {
        added(&now, &format!("{times}_bucket{{provider=\"slow\",op=\"read-file\",le=\"{end}\"}}"))
    };
    assert_eq!((within("2.5"), within("+Inf")), (0.0, 1.0), "it takes three seconds");
    assert!(added(&now, &format!("{times}_sum{{provider=\"slow\",op=\"read-file\"}}")) >= 3.0);
    assert_eq!(now.value("omnifs_calls_in_flight{provider=\"slow\"}"), 0.0);

    let missing = "omnifs_request_errors_total{provider=\"slow\",errno=\"ENOENT\"}";
    let _absent = sandbox.shell(&format!("[ -e {mount}/missing ]")).expect_code(1);
    let refused = sandbox.shell(&format!("touch {mount}/ok")).expect_code(1);
    assert!(refused.stderr.contains("Read-only"), "{}", refused.stderr);
    let after = Metrics::of(&sandbox);
    assert_eq!(after.value(missing) - now.value(missing), 1.0, "{after:?}");
    assert_eq!(after.sum("omnifs_request_errors_total", &["errno=\"EIO\""]), 0.0);
}

#[test]
fn what_the_disk_had_is_not_called_for() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted(&sandbox, &[("hello", guests::HELLO_PATH)]).join("hello");
    let read = format!("cat {}/hello.txt", mount.display());
    let _read = sandbox.shell(&read).expect_code(0);
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    let _read = sandbox.shell(&read).expect_code(0);
    let now = Metrics::of(&sandbox);
    check_layers(&now);
    assert_eq!(
        now.value("omnifs_call_duration_seconds_count{provider=\"hello\",op=\"read-file\"}"),
        0.0
    );
    let disk = now.sum("omnifs_answers_total", &["op=\"attributes\"", "layer=\"disk\""])
        + now.sum("omnifs_answers_total", &["op=\"read\"", "layer=\"disk\""]);
    assert_eq!(disk, 1.0, "{now:?}");
    let hits = now.value("omnifs_disk_lookups_total{provider=\"hello\",outcome=\"hit\"}");
    assert!(hits >= 1.0 && now.value("omnifs_disk_bytes{provider=\"hello\"}") > 0.0, "{now:?}");
}

#[test]
fn a_provider_that_is_removed_or_fails_has_no_series() {
    let sandbox = Sandbox::new(OMNIFS);
    let both = [("hello", guests::HELLO_PATH), ("tree", guests::TREE_PATH)];
    let _mounts = mounted(&sandbox, &both);
    let before = Metrics::of(&sandbox);
    assert!(before.has("omnifs_requests_total{provider=\"tree\"") && before.has("\"hello\""));
    sandbox.configure(&config_of(
        &sandbox,
        &[("hello", guests::HELLO_PATH), ("no", "/none.wasm")],
        "",
    ));
    let _reloaded = sandbox.omnifs(["reload"]);
    let gone = || !Metrics::of(&sandbox).has("\"tree\"");
    assert!(wait_until(Duration::from_secs(60), gone));
    let now = Metrics::of(&sandbox);
    let state = |state: &str| {
        now.value(&format!("omnifs_provider_state{{provider=\"no\",state=\"{state}\"}}"))
    };
    assert_eq!((state("failed"), state("ready")), (1.0, 0.0), "{now:?}");
    let of_no = now.0.keys().filter(|series| series.contains("provider=\"no\""));
    assert_eq!(of_no.count(), 5, "its states, and nothing else: {now:?}");
    assert!(now.has("omnifs_requests_total{provider=\"hello\""));
}
