//! A real named(8) of BIND 9 with zones of its own.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::network::Network;
use crate::run::run;
use crate::server::{Server, directory, program, read};

const CONFIG: &str = include_str!("bind.conf");

/// The address of the server that knows the zones, which every network has.
const AUTHORITY: &str = "11.22.33.254";

/// A zone of the world that a [`Bind`] resolves in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone<'a> {
    /// Its name, without a dot at its end.
    pub name: &'a str,
    /// Its records, as a master file has them, with a time to live of 300 s and relative to the
    /// name. Start of authority (an absence is believed for 60 s) and name server are there already.
    pub records: &'a str,
    /// What is special about it.
    pub kind: Kind,
}

/// What is special about a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// It is signed, and the resolver has its key.
    Signed,
    /// It is signed, and the resolver has another key: it is not believed.
    Forged,
    /// Its server does not know it.
    Lame,
}

/// A resolver in a [`Network`] that answers over HTTPS (RFC 8484) at `/dns-query`, port 443 of its
/// addresses, and the server behind it that has all zones there are; in a process of its own that
/// ends when it is dropped. Every other name is absent.
#[derive(Debug)]
pub struct Bind {
    server: Server,
    /// Last: the process is in it.
    _network: Network,
}

impl Bind {
    /// Starts it for resolvers with these names, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When a name has no address of IPv4, a zone is none, or named does not start.
    #[must_use]
    #[track_caller]
    pub fn new(network: &Network, names: &[&str], zones: &[Zone<'_>]) -> Self {
        let directory = directory("bind");
        let world = World::make(directory.path(), zones);
        let config = directory.path().join("named.conf");
        fs::write(&config, world.configuration(network, names)).expect("cannot write");
        let mut named = network.command(program("named"));
        named.args(["-f", "-4", "-n", "1", "-c"]).arg(&config);
        let mut server = Server::start(&mut named, directory);
        let runs = server.wait(|files| read(files, "named.log").contains("all zones loaded"));
        assert!(runs, "named does not run: {}", server.said("named.log"));
        Self { server, _network: network.clone() }
    }

    /// Returns what it was asked over HTTPS so far, in order: `example.com A`.
    #[must_use]
    pub fn questions(&self) -> Vec<String> {
        // A question is in the log before it is answered.
        read(self.directory(), "questions.log").lines().filter_map(question).collect()
    }

    /// Returns the directory with its files, which goes with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }
}

/// Returns the question in a line of the log, if the resolver was asked.
fn question(line: &str) -> Option<String> {
    let (_, question) = line.split_once("view resolver: query: ")?;
    let mut words = question.split(' ');
    let (name, _class, kind) = (words.next()?, words.next()?, words.next()?);
    Some(format!("{name} {kind}"))
}

/// The files of all zones.
struct World<'a> {
    directory: &'a Path,
    /// What the server's view has of them.
    zones: String,
    /// The keys that the resolver has.
    anchors: String,
}

impl<'a> World<'a> {
    #[track_caller]
    fn make(directory: &'a Path, zones: &[Zone<'_>]) -> Self {
        let server = format!("ns. 3600 IN A {AUTHORITY}\n");
        let hints = format!(". 3600 IN NS ns.\n{server}");
        let mut root = format!(". 3600 IN SOA ns. admin. 1 3600 600 86400 60\n{hints}");
        for zone in zones {
            root.push_str(&format!("{}. 3600 IN NS ns.\n", zone.name));
        }
        fs::write(directory.join("hints"), hints).expect("cannot write");
        fs::write(directory.join("root.zone"), root).expect("cannot write");
        let mut world = Self { directory, zones: String::new(), anchors: String::new() };
        world.serve(".", &directory.join("root.zone"));
        for (number, zone) in zones.iter().enumerate() {
            world.add(number, zone);
        }
        world
    }

    #[track_caller]
    fn add(&mut self, number: usize, zone: &Zone<'_>) {
        let Zone { name, records, kind } = zone;
        let file = self.directory.join(format!("{number}.zone"));
        let start = format!("@ SOA ns. admin.{name}. 1 3600 600 86400 60\n@ NS ns.");
        let text = format!("$ORIGIN {name}.\n$TTL 300\n{start}\n{records}\n");
        fs::write(&file, text).expect("cannot write");
        match kind {
            Kind::Plain => self.serve(name, &file),
            Kind::Lame => {}
            Kind::Signed | Kind::Forged => {
                let mut anchor = self.key(name);
                let signed = self.sign(name, &file);
                self.serve(name, &signed);
                if *kind == Kind::Forged {
                    anchor = self.key(name);
                }
                self.anchors.push_str(&anchor);
            }
        }
    }

    fn serve(&mut self, name: &str, file: &Path) {
        self.zones.push_str(&format!("zone \"{name}\" {{ type primary; file {file:?}; }};\n    "));
    }

    /// Makes a key for a zone and returns it as what a resolver trusts.
    #[track_caller]
    fn key(&self, zone: &str) -> String {
        let mut keygen = Command::new("dnssec-keygen");
        keygen.current_dir(self.directory).args(["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone]);
        let made = run(&mut keygen).expect_code(0).stdout;
        let file = self.directory.join(format!("{}.key", made.trim()));
        let key = fs::read_to_string(file).expect("the key was made");
        let (_, key) = key.split_once("DNSKEY ").expect("a key has its record");
        // Flags, protocol and algorithm; the rest is one text.
        let words: Vec<&str> = key.split_whitespace().collect();
        let (head, tail) = words.split_at(3);
        format!("\"{zone}.\" static-key {} {:?};\n        ", head.join(" "), tail.concat())
    }

    /// Signs a zone with the keys that there are of it.
    #[track_caller]
    fn sign(&self, zone: &str, file: &Path) -> PathBuf {
        let mut signzone = Command::new("dnssec-signzone");
        signzone.current_dir(self.directory).args(["-S", "-z", "-o", zone]).arg(file);
        let _signed = run(&mut signzone).expect_code(0);
        file.with_extension("zone.signed")
    }

    #[track_caller]
    fn configuration(&self, network: &Network, names: &[&str]) -> String {
        let mut addresses = String::new();
        for name in names {
            let four: Vec<IpAddr> =
                network.addresses(name).into_iter().filter(IpAddr::is_ipv4).collect();
            assert!(!four.is_empty(), "give {name} an address of IPv4 first");
            for address in four {
                // It listens at addresses of interfaces alone.
                let place = format!("{address}/32");
                let mut ip = network.command("ip");
                let _there =
                    run(ip.args(["address", "replace", &place, "dev", "lo"])).expect_code(0);
                addresses.push_str(&format!("{address}; "));
            }
        }
        let certificate = network.certificate(names);
        CONFIG
            .replace("@authority@", AUTHORITY)
            .replace("@addresses@", addresses.trim_end())
            .replace("@zones@", self.zones.trim_end())
            .replace("@anchors@", self.anchors.trim_end())
            .replace("@chain@", &certificate.chain.display().to_string())
            .replace("@key@", &certificate.key.display().to_string())
            .replace("@dir@", &self.directory.display().to_string())
    }
}
