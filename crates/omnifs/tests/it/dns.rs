//! The embedded provider `dns`, over a real mount and against a real resolver (BIND 9) that answers
//! over HTTPS for zones of the test's own, under the names of the public resolvers.

mod hostile;

use std::fs;

use testkit::{Bind, Kind, Network, Output, Sandbox, Zone, guests, run};

use crate::OMNIFS;

/// The name of the resolver that answers where none is named, and of the other one.
const NAMES: [&str; 2] = ["cloudflare-dns.com", "dns.google"];

/// The records of `example.com`.
const EXAMPLE: &str = r#"
@ A 192.0.2.10
@ A 192.0.2.1
@ AAAA 2001:db8::1
@ MX 20 mail2
@ MX 5 mail
@ TXT "v=spf1 -all"
@ CAA 0 issue "ca.example"
www CNAME web
web CNAME @
mail A 192.0.2.2
mail HTTPS 1 . alpn=h2
_sip._tcp SRV 1 2 5060 mail
below.empty A 192.0.2.3
dangling CNAME nowhere
odd TXT "a\"b\\c;\010\027[2J\255" "two"
short 1 A 192.0.2.4
"#;

/// A resolver and a daemon in a network of their own.
struct World {
    network: Network,
    bind: Bind,
    sandbox: Sandbox,
}

/// What `big.example.com` has as text: more than fits into any packet.
fn big() -> String {
    (0..80).map(|number| format!(" \"{number:02}{}\"", "x".repeat(240))).collect()
}

impl World {
    /// Returns one in which the daemon trusts the resolver's certificate and nothing is mounted.
    fn new() -> Self {
        let network = Network::new();
        let addresses = ["11.22.33.53", "11.22.33.54"];
        for (name, address) in NAMES.into_iter().zip(addresses) {
            network.name(name, &[address]);
        }
        let example = format!("{EXAMPLE}big TXT{}\n", big());
        let zone = |name, records, kind| Zone { name, records, kind };
        let six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR host.example.com.";
        let zones = [
            zone("example.com", example.as_str(), Kind::Plain),
            zone("xn--mnchen-3ya.example", "@ A 192.0.2.5", Kind::Plain),
            zone("signed.example", "@ A 192.0.2.6", Kind::Signed),
            zone("forged.example", "@ A 192.0.2.7", Kind::Forged),
            zone("lame.example", "", Kind::Lame),
            zone("2.0.192.in-addr.arpa", "1 PTR example.com.\n1 PTR a.example.", Kind::Plain),
            zone("8.b.d.0.1.0.0.2.ip6.arpa", six, Kind::Plain),
        ];
        let bind = Bind::new(&network, &NAMES, &zones);
        let sandbox = Sandbox::new(OMNIFS).inside(&network);
        sandbox.configure(&format!("[host]\nca_file = {:?}\n", network.ca_file()));
        Self { network, bind, sandbox }
    }

    /// As [`World::new`], with the provider added, these lines of configuration, and started.
    fn started(more: &str) -> Self {
        let world = Self::new();
        world.add();
        let file = world.sandbox.config_file();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{text}{more}\n")).unwrap();
        let _started = world.sandbox.omnifs(["start"]).expect_code(0);
        world
    }

    fn add(&self) -> Output {
        let add = ["provider", "add", "dns", "--grant", "--mount", "~/omnifs/dns"];
        self.sandbox.omnifs(add).expect_code(0)
    }

    /// Runs a line of shell in the directory of the mount.
    fn shell(&self, line: &str) -> Output {
        let mut shell = self.sandbox.command("sh");
        shell.args(["-c", line]).env("LC_ALL", "C.UTF-8");
        run(shell.current_dir(self.sandbox.home().join("omnifs/dns")))
    }

    /// Returns what a line of shell prints, which has to succeed.
    #[track_caller]
    fn says(&self, line: &str) -> String {
        self.shell(line).expect_code(0).stdout
    }

    /// Returns what it is asked meanwhile.
    fn asked(&self, line: &str) -> (Output, Vec<String>) {
        let before = self.bind.questions().len();
        let output = self.shell(line);
        (output, self.bind.questions().split_off(before))
    }
}

/// The questions that listing a domain asks.
fn all(name: &str) -> Vec<String> {
    let types = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"];
    types.iter().map(|kind| format!("{name} {kind}")).collect()
}

#[test]
fn it_is_added_started_and_listed_without_any_configuration() {
    let world = World::new();
    let added = world.add().stdout;
    let asked = "asks for: http cloudflare-dns.com, http dns.google\n";
    assert!(added.contains(asked), "{added}");
    let _started = world.sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(world.says("ls"), "@cloudflare\n@google\nREADME.md\nresolvers\nreverse\n");
    assert_eq!(world.bind.questions(), Vec::<String>::new(), "nobody is told of a start");
    assert_eq!(world.says("ls example.com"), "A\nAAAA\nCAA\nMX\nNS\nSOA\nTXT\nall\nraw\n");
    assert_eq!(world.says("cat example.com/A"), "192.0.2.1\n192.0.2.10\n");
    let resolvers = "cloudflare\thttps://cloudflare-dns.com/dns-query\tdefault\n\
                     google\thttps://dns.google/dns-query\n";
    assert_eq!(world.says("cat resolvers"), resolvers);
    assert!(world.says("cat README.md").contains("| `/{domain}/{file}` | a file |"));
}

#[test]
fn a_walk_has_the_bytes_of_the_zones_and_costs_nothing_when_it_is_repeated() {
    let world = World::started(
        "[provider.cache]\nttl = \"1h\"\n[provider.config]\ndomains = [\"Example.COM\", \"www.example.com\"]",
    );
    let walk = "find . | sort && grep -r . . | sort | sha256sum && tar cf - . | tar tf - | wc -l";
    let (first, mut asked) = world.asked(walk);
    let mut expected = [all("example.com"), all("www.example.com")].concat();
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected, "what is listed is asked for once");
    let (again, asked) = world.asked(walk);
    assert_eq!(first.expect_code(0).stdout, again.expect_code(0).stdout);
    assert_eq!(asked, Vec::<String>::new(), "and never again");

    let copy = "mkdir ~/copy && tar cf - . | tar xf - -C ~/copy && diff -r . ~/copy && cd ~/copy && \
                chmod -R u+w . && rm -r README.md resolvers reverse @* */all */raw && \
                find . -type f | sort | while read f; do echo \"$f:\"; cat \"$f\"; done";
    let (copied, asked) = world.asked(copy);
    let mut expected = String::new();
    for (name, alias) in
        [("Example.COM", ""), ("www.example.com", "./www.example.com/CNAME:\nweb.example.com.\n")]
    {
        expected.push_str(&format!(
            "./{name}/A:\n192.0.2.1\n192.0.2.10\n./{name}/AAAA:\n2001:db8::1\n\
             ./{name}/CAA:\n0 issue \"ca.example\"\n{alias}\
             ./{name}/MX:\n5 mail.example.com.\n20 mail2.example.com.\n./{name}/NS:\nns.\n\
             ./{name}/SOA:\nns. admin.example.com. 1 3600 600 86400 60\n\
             ./{name}/TXT:\n\"v=spf1 -all\"\n"
        ));
    }
    assert_eq!(copied.expect_code(0).stdout, expected);
    assert_eq!(asked, Vec::<String>::new());
    let all = world.says("sed 's/ [0-9]* IN / TTL IN /' www.example.com/all | sort");
    let lines = "example.com. TTL IN A 192.0.2.1\nexample.com. TTL IN A 192.0.2.10\n\
                 example.com. TTL IN AAAA 2001:db8::1\nexample.com. TTL IN CAA 0 issue \"ca.example\"\n\
                 example.com. TTL IN MX 20 mail2.example.com.\nexample.com. TTL IN MX 5 mail.example.com.\n\
                 example.com. TTL IN NS ns.\n\
                 example.com. TTL IN SOA ns. admin.example.com. 1 3600 600 86400 60\n\
                 example.com. TTL IN TXT \"v=spf1 -all\"\n\
                 web.example.com. TTL IN CNAME example.com.\n\
                 www.example.com. TTL IN CNAME web.example.com.\n";
    assert_eq!(all, lines);
}

#[test]
fn one_file_costs_one_question_besides_that_for_the_name() {
    let world = World::started("");
    let (read, asked) = world.asked("cat mail.example.com/A && stat -c %s mail.example.com/A");
    assert_eq!(read.expect_code(0).stdout, "192.0.2.2\n10\n");
    assert_eq!(asked, ["mail.example.com A"], "the address answers for the name as well");
    let (read, asked) = world.asked("cat big.example.com/TXT | wc -c");
    assert_eq!(read.expect_code(0).stdout.trim(), big().len().to_string());
    assert_eq!(asked, ["big.example.com A", "big.example.com TXT"]);
    let (read, asked) = world.asked("cat _sip._tcp.example.com/SRV mail.example.com/HTTPS");
    assert_eq!(read.expect_code(0).stdout, "1 2 5060 mail.example.com.\n1 . alpn=h2\n");
    assert_eq!(asked.len(), 3, "{asked:?}");
    let (read, asked) =
        world.asked("cat reverse/192.0.2.1 reverse/2001:db8::1 reverse/2001:DB8:0::1");
    assert_eq!(
        read.expect_code(0).stdout,
        "a.example.\nexample.com.\nhost.example.com.\nhost.example.com.\n"
    );
    assert_eq!(asked.len(), 2, "{asked:?}");
    let (read, asked) = world.asked("cat @google/mail.example.com/A @google/reverse/192.0.2.1");
    assert_eq!(read.expect_code(0).stdout, "192.0.2.2\na.example.\nexample.com.\n");
    assert_eq!(asked.len(), 2, "another resolver is asked anew: {asked:?}");
}

#[test]
fn what_there_is_not_is_absent_and_what_is_not_known_is_an_error() {
    let world = World::started("");
    for path in [
        "none.example.com",
        "none.example.com/A",
        "elsewhere.test",
        "mail.example.com/MX",
        "reverse/192.0.2.77",
        "@nobody",
        "@google/none.example.com",
    ] {
        let failed = world.shell(&format!("cat {path}")).expect_code(1);
        assert!(failed.stderr.contains("No such file or directory"), "{path}: {}", failed.stderr);
    }
    let (failed, asked) = world.asked("ls .git a..b .example.com @ reverse/x mail.example.com/mx");
    assert_eq!(failed.stderr.matches("No such file").count(), 6, "{}", failed.stderr);
    assert!(asked.iter().all(|question| question == "mail.example.com A"), "{asked:?}");
    for domain in ["lame.example", "forged.example"] {
        for line in [format!("ls {domain}"), format!("cat {domain}/A"), format!("stat {domain}")] {
            let failed = world.shell(&line);
            assert!(failed.stderr.contains("Input/output error"), "{line}: {}", failed.stderr);
        }
    }
    let why = world.sandbox.omnifs(["errors"]).stdout;
    assert!(why.contains("lame.example A: SERVFAIL"), "{why}");
    // An alias is there, whatever becomes of where it leads.
    assert_eq!(world.says("ls dangling.example.com"), "CNAME\nall\nraw\n");
    assert_eq!(
        world.says("ls below.empty.example.com/A empty.example.com"),
        "below.empty.example.com/A\n\nempty.example.com:\nall\nraw\n"
    );
}

#[test]
fn every_spelling_of_a_name_is_one_object() {
    let world = World::started("");
    let spelled = "stat -c %i münchen.example MÜNCHEN.example XN--MNCHEN-3YA.Example. | uniq | wc -l && \
                   cat MÜNCHEN.EXAMPLE/A";
    assert_eq!(world.says(spelled), "1\n192.0.2.5\n");
    assert_eq!(world.bind.questions(), ["xn--mnchen-3ya.example A"]);
    assert_eq!(world.says("cat %2E/NS"), "ns.\n", "the root");
    let old = "cd example.com && cmp all _all && cmp raw _raw && stat -c %i all _all | uniq | wc -l && \
               ls | grep -c _ || true";
    assert_eq!(world.says(old), "1\n0\n");
}

#[test]
fn raw_says_how_it_was_answered_and_nothing_of_it_reaches_a_terminal() {
    let world = World::started("");
    let raw = world.says("cat signed.example/raw");
    assert!(raw.starts_with(";; https://cloudflare-dns.com/dns-query answered\n"), "{raw}");
    assert!(
        raw.contains("status: NOERROR, id: 0\n;; flags: qr rd ra ad; QUERY: 1, ANSWER: 1"),
        "{raw}"
    );
    assert!(raw.contains("\n;; ANSWER SECTION:\nsigned.example. 300 IN A 192.0.2.6\n"), "{raw}");
    let flags =
        world.says("grep -h flags: example.com/raw mail.example.com/raw | grep -c ' ad' || true");
    assert_eq!(flags, "0\n", "what is not signed is not authentic");
    let raw = world.says("cat dangling.example.com/raw");
    assert!(raw.contains("status: NXDOMAIN"), "{raw}");
    assert_eq!(
        world.says("cat odd.example.com/TXT"),
        "\"a\\\"b\\\\c;\\010\\027[2J\\255\" \"two\"\n"
    );
    let control = "cat odd.example.com/* | tr -d '[:print:]\\n' | wc -c";
    assert_eq!(world.says(control).trim(), "0");
}

#[test]
fn a_resolver_of_ones_own_is_asked_once_it_is_granted() {
    let own = "[provider.config]\nresolver = \"home\"\n\
               resolvers = { home = \"https://dns.home.example/dns-query\" }";
    let world = World::started(own);
    let denied = world.shell("cat example.com/A").expect_code(1);
    assert!(denied.stderr.contains("Permission denied"), "{}", denied.stderr);
    let remedy = "add \"dns.home.example\" to http.allow in [provider.capabilities] of \"dns\"";
    let why = world.sandbox.omnifs(["errors"]).stdout;
    assert!(why.contains(remedy), "{why}");
    assert_eq!(world.says("cat @google/mail.example.com/A"), "192.0.2.2\n");

    let file = world.sandbox.config_file();
    let text = fs::read_to_string(&file).unwrap();
    let granted = text.replace("\"dns.google\"", "\"dns.google\", \"dns.home.example\"");
    assert_ne!(granted, text);
    fs::write(&file, granted).unwrap();
    world.network.name("dns.home.example", &["11.22.33.60"]);
    let _home = hostile::upstream(&world, "dns.home.example", "example.com");
    let _restarted = world.sandbox.omnifs(["restart"]).expect_code(0);
    assert_eq!(world.says("cat example.com/A"), "192.0.2.99\n");
}

/// The pipelines of its README, with two domains that there are here.
#[test]
fn its_pipelines_do_what_they_say() {
    let world = World::started("");
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../providers/dns/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, shown) = readme.split_once("$ cd ~/omnifs/dns\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let lines = shown.lines().map(|line| line.strip_prefix("$ ").unwrap());
    let lines = lines.map(|line| line.replace("example.org", "signed.example"));
    let printed: Vec<String> = lines.map(|line| world.says(&line)).collect();
    let mail = "example.com 5 mail.example.com.\nsigned.example \n";
    assert_eq!(printed, [mail, "they agree\n", "example.com/raw\n"]);
}

#[test]
fn it_keeps_the_contract() {
    let sandbox = Sandbox::new(OMNIFS);
    let mut test = sandbox.command("omnifs");
    test.args(["test", "--provider", guests::DNS_PATH]);
    test.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../providers/dns"));
    let output = run(&mut test).expect_code(0);
    assert!(output.stdout.ends_with("all 15 rules are kept\n"), "{}", output.stdout);
}
