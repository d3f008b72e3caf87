//! A real nginx(8) with a configuration of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use crate::network::Network;
use crate::server::{LIMIT, Server, directory, program};
use crate::upstream::Upstream;

const CONFIG: &str = include_str!("nginx.conf");

/// A server in a [`Network`] that serves names at ports 80 and 443 of all their addresses,
/// with TLS, HTTP/1.1 and HTTP/2, in a process of its own that ends when it is dropped.
///
/// | path | answer |
/// |---|---|
/// | `/FILE` | a file of [`Nginx::put`], with `ETag`, `Last-Modified`, ranges, and gzip when asked for |
/// | `/moved/PATH` | 302 to `/PATH` |
/// | `/limited/FILE` | a file once a second, else 429 with `Retry-After: 1` |
/// | `/listed/PATH` | a file, or what is in a directory, in HTML |
/// | `/listed-in-json/PATH` | the same in JSON |
/// | `/rounded/PATH` | the same in HTML, with sizes of over 9,999 bytes rounded |
/// | `/upstream/PATH` | what an [`Upstream`] behind it answers |
///
/// The nginx that the package starts as a service is another one, in another network.
#[derive(Debug)]
pub struct Nginx {
    server: Server,
    upstream: Upstream,
    /// Connections of this type to the process itself.
    own: AtomicUsize,
    /// Last: the process is in it.
    _network: Network,
}

/// A request as the log of nginx has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Logged {
    /// The number of the connection, unique in this server.
    pub connection: u64,
    /// Which request of its connection it is, from 1 on.
    pub sequence: u64,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The method.
    pub method: String,
    /// The target.
    pub target: String,
    /// The header `Host`; empty in HTTP/2, which has none.
    pub host: String,
    /// The status of the answer.
    pub status: u16,
    /// The size of the body that was sent.
    pub bytes: u64,
    /// Whether the request had the header `Authorization`; its value is not logged.
    pub authorized: bool,
    /// The header `Range`, or nothing.
    pub range: String,
    /// The header `Content-Encoding` of the answer, or nothing.
    pub encoding: String,
}

impl Nginx {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    ///
    /// When a name has no address, or nginx does not start.
    #[must_use]
    #[track_caller]
    pub fn new(network: &Network, names: &[&str]) -> Self {
        let directory = directory("nginx");
        for name in ["files", "temporary"] {
            fs::create_dir(directory.path().join(name)).expect("cannot make a directory");
        }
        let upstream = Upstream::unix(directory.path().join("upstream.sock"));
        let config = directory.path().join("nginx.conf");
        fs::write(&config, configuration(network, names, directory.path())).expect("cannot write");
        let mut nginx = network.command(program("nginx"));
        nginx.arg("-p").arg(directory.path()).arg("-c").arg(&config);
        // The error log of the time before the configuration is read.
        nginx.args(["-e", "stderr"]);
        let mut server = Server::start(&mut nginx, directory);
        let own = AtomicUsize::new(0);
        let runs = server.wait(|files| status(files, &own).is_some());
        assert!(runs, "nginx does not run: {}", server.said("error.log"));
        Self { server, upstream, own, _network: network.clone() }
    }

    /// Writes a file that it serves.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[track_caller]
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.files().join(name), bytes).expect("cannot write");
    }

    /// Returns the directory with its files, which goes with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// Returns the directory of the files that it serves.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.directory().join("files")
    }

    /// Returns the upstream behind `/upstream/`.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Returns the requests whose answers are over, in the order of their ends.
    ///
    /// # Panics
    ///
    /// When nginx does not run, or its log is no JSON.
    #[must_use]
    #[track_caller]
    pub fn requests(&self) -> Vec<Logged> {
        // What was answered before this question is in the log when its answer is here.
        assert!(self.status().is_some(), "nginx does not run: {}", self.errors());
        let log = fs::read_to_string(self.directory().join("access.log"));
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("log: {line}"));
        log.expect("nginx has a log").lines().map(parse).collect()
    }

    /// Returns how many connections it accepted so far, also those whose TLS session failed.
    ///
    /// # Panics
    ///
    /// When nginx does not run.
    #[must_use]
    #[track_caller]
    pub fn connections(&self) -> usize {
        let status = self.status();
        let status = status.unwrap_or_else(|| panic!("nginx does not run: {}", self.errors()));
        // ngx_http_stub_status_module: the third line has three numbers.
        let accepted = status.lines().nth(2).and_then(|line| line.split_whitespace().next());
        let accepted: Option<usize> = accepted.and_then(|number| number.parse().ok());
        accepted.expect("nginx counts") - self.own.load(Ordering::Relaxed)
    }

    /// Asks for the counters, if it answers.
    fn status(&self) -> Option<String> {
        status(self.directory(), &self.own)
    }

    fn errors(&self) -> String {
        self.server.said("error.log")
    }
}

/// Asks for the counters, if it answers; a connection that was made for that is one of its `own`.
fn status(directory: &Path, own: &AtomicUsize) -> Option<String> {
    let mut stream = UnixStream::connect(directory.join("control.sock")).ok()?;
    own.fetch_add(1, Ordering::Relaxed);
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

fn configuration(network: &Network, names: &[&str], directory: &Path) -> String {
    let mut listen = String::new();
    for name in names {
        let addresses = network.addresses(name);
        assert!(!addresses.is_empty(), "give {name} an address first");
        for address in addresses {
            for (port, options) in [(80, ""), (443, " ssl http2")] {
                let place = SocketAddr::new(address, port);
                listen.push_str(&format!("listen {place}{options};\n        "));
            }
        }
    }
    let certificate = network.certificate(names);
    CONFIG
        .replace("@listen@", listen.trim_end())
        .replace("@names@", &names.join(" "))
        .replace("@chain@", &certificate.chain.display().to_string())
        .replace("@key@", &certificate.key.display().to_string())
        .replace("@dir@", &directory.display().to_string())
}
