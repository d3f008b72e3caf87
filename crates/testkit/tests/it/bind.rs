//! The resolver of a test is a real one with its own zones, and ends with the test.

use std::fs;

use testkit::{Bind, Kind, Network, Zone, run};

const NAME: &str = "dns.example.net";

fn zones() -> [Zone<'static>; 4] {
    let zone = |name, records, kind| Zone { name, records, kind };
    [
        zone("example.com", "@ A 192.0.2.1\nwww CNAME example.com.", Kind::Plain),
        zone("signed.example", "@ A 192.0.2.2", Kind::Signed),
        zone("forged.example", "@ A 192.0.2.3", Kind::Forged),
        zone("lame.example", "", Kind::Lame),
    ]
}

#[test]
fn it_resolves_its_own_zones_and_tells_what_it_was_asked() {
    let network = Network::new();
    network.name(NAME, &["11.22.33.53"]);
    let bind = Bind::new(&network, &[NAME], &zones());
    let questions = [
        "example.com A",
        "www.example.com A",
        "example.com TXT",
        "signed.example A",
        "none.example.com A",
        "elsewhere.test SOA",
        "forged.example A",
        "lame.example A",
    ];
    let trust = format!("+tls-ca={}", network.ca_file().display());
    let mut output = String::new();
    for question in questions {
        let mut dig = network.command("dig");
        dig.args([&format!("@{NAME}"), "+https", &trust, "+tls-hostname=dns.example.net"]);
        dig.args(["+noedns", "+adflag"]).args(question.split(' '));
        output.push_str(&run(&mut dig).expect_code(0).stdout);
    }
    let seen = |line: &&str| line.contains("status: ") || line.contains(";; flags: ");
    let lines: Vec<&str> = output.lines().filter(seen).collect();
    let expected = [
        ("NOERROR", "qr rd ra; QUERY: 1, ANSWER: 1"),
        ("NOERROR", "qr rd ra; QUERY: 1, ANSWER: 2"),
        ("NOERROR", "qr rd ra; QUERY: 1, ANSWER: 0"),
        ("NOERROR", "qr rd ra ad; QUERY: 1, ANSWER: 1"),
        ("NXDOMAIN", "qr rd ra; QUERY: 1, ANSWER: 0"),
        ("NXDOMAIN", "qr rd ra; QUERY: 1, ANSWER: 0"),
        ("SERVFAIL", "qr rd ra; QUERY: 1, ANSWER: 0"),
        ("SERVFAIL", "qr rd ra; QUERY: 1, ANSWER: 0"),
    ];
    assert_eq!(lines.len(), 2 * expected.len(), "{output}");
    for (pair, (status, flags)) in lines.chunks(2).zip(expected) {
        assert!(pair[0].contains(status) && pair[1].contains(flags), "{pair:?}: {status} {flags}");
    }
    assert_eq!(bind.questions(), questions);
}

#[test]
fn it_leaves_nothing() {
    let network = Network::new();
    network.name(NAME, &["11.22.33.53"]);
    let bind = Bind::new(&network, &[NAME], &[]);
    let directory = bind.directory().to_owned();
    let mark = directory.display().to_string();
    let processes = || {
        let lines = fs::read_dir("/proc").expect("proc").flatten();
        lines
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .filter(|line| String::from_utf8_lossy(line).contains(&mark))
            .count()
    };
    assert_eq!((processes(), bind.questions().len()), (1, 0));
    drop(bind);
    assert_eq!(processes(), 0);
    assert!(!directory.exists());
}
