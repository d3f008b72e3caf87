//! An HTTP/1.1 server whose behaviour the target of a request chooses.

mod accept;
mod answer;
mod coding;
mod connection;
mod echo;
mod logs;
mod misdeed;
mod received;
mod routes;
mod serve;
mod state;
mod target;

use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use crate::network::{Certificate, Network, listen, parse};

use self::accept::{Acceptor, Listening};
use self::state::State;

pub use self::answer::Answer;
pub use self::coding::Coding;
pub use self::received::Received;

/// As many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A server in threads of the test itself, with its sockets in a [`Network`], so that what it
/// counts is exact and at hand, and nothing of it outlives the test. Dropping it closes the
/// listeners and all connections.
///
/// What a request gets, by its path (`HEAD` gets the same without a body):
///
/// | path | answer |
/// |---|---|
/// | `/json`, `/items` | a JSON array of three objects with `id` and `title` |
/// | `/pages?page=N&last=M` | one object a page, `Link` to the first, next, previous and last page |
/// | `/status/NNN` | that status |
/// | `/count` | how many requests had this very target |
/// | `/etag`, `/modified` | the version (see [`Upstream::set_version`]), with `ETag` and `Last-Modified`, or the latter alone; 304 |
/// | `/echo`, `/echo/FORM/HEADER`, `/echo-header/FORM/HEADER` | the request in JSON; the credential in a header of the request (`authorization`), in the body or in `X-Echo`, as `raw`, `base64`, `base64url`, `percent`, `hex`, `HEX` or `json` |
/// | `/redirect?to=URL&status=302`, `/hops/N`, `/loop` | redirects, N of them to `/json`, without end |
/// | `/big/BYTES` | as many bytes, 0 to 250 over and over |
/// | `/headers/N` | N KiB of headers |
/// | `/gzip`, `/deflate`, `/br`, `/zstd` | `/json` in that coding |
/// | `/bomb/CODING/MIB` | as many MiB of zeros (1024), in `gzip` if no other is named |
/// | `/logs`, `/logs/ID` | the logs in a JSON array of `name`, `id` and `size`, see [`Upstream::append`]; one of them, or by `Range` a part of it, with 206 or 416; all say that they may be kept for ten minutes |
/// | `/slow/MS/PATH` | that path's answer (`/json`), later |
/// | `/early`, `/http10` | `/json` after a status 103; in HTTP/1.0 without a length |
/// | `/switch` | that of the target set by [`Upstream::switch`] (`/json`) |
/// | `/never` | nothing |
/// | `/events` | the lines that [`Upstream::tell`] sends while it is open |
/// | `/drip/MS` | 1000 bytes, one each 1000 ms if not said otherwise |
/// | `/stall` | headers and ten bytes of a hundred, then nothing |
/// | `/endless`, `/endless/chunked` | bytes without end |
/// | `/short`, `/short/chunked` | ten bytes of a hundred, a chunk and no last one, then the end |
/// | `/long` | a body that is longer than it says, by a whole answer with the body `forged` |
/// | `/reset`, `/close`, `/garbage` | a reset connection; a closed one; an answer that is no HTTP |
///
/// What a query adds to any of them that is proper HTTP: `h=NAME:VALUE` a header (again and
/// again), `retry_after=S`, `remaining=N` (`X-RateLimit-Remaining`), `control=TEXT`
/// (`Cache-Control`), `encoding=CODING`, `chunk=N` (chunks of N bytes, a moment apart),
/// `delay=MS`, `close`. Values are percent-encoded. [`Upstream::answer`] sets other paths.
#[derive(Debug)]
pub struct Upstream {
    state: Arc<State>,
    /// One for each address; dropping it waits for its threads.
    acceptors: Vec<Acceptor>,
}

impl Upstream {
    /// Serves HTTPS for a name: at port 443 of all addresses that the network gives it now,
    /// with a certificate of the network's authority.
    ///
    /// # Panics
    ///
    /// When the name has no address, or one is taken.
    #[must_use]
    #[track_caller]
    pub fn https(network: &Network, name: &str) -> Self {
        let certificate = network.certificate(&[name]);
        let addresses = network.addresses(name).into_iter();
        let addresses: Vec<_> = addresses.map(|address| SocketAddr::new(address, 443)).collect();
        Self::at(network, &addresses, Some(&certificate))
    }

    /// Serves HTTPS at addresses with ports, with this certificate, whatever its names.
    ///
    /// # Panics
    ///
    /// When an address is wrong or taken.
    #[must_use]
    #[track_caller]
    pub fn tls(network: &Network, addresses: &[&str], certificate: &Certificate) -> Self {
        let addresses: Vec<_> = addresses.iter().map(|address| parse(address)).collect();
        Self::at(network, &addresses, Some(certificate))
    }

    /// Serves HTTP in plain text at addresses with ports.
    ///
    /// # Panics
    ///
    /// As [`Upstream::tls`].
    #[must_use]
    #[track_caller]
    pub fn http(network: &Network, addresses: &[&str]) -> Self {
        let addresses: Vec<_> = addresses.iter().map(|address| parse(address)).collect();
        Self::at(network, &addresses, None)
    }

    /// Serves HTTP at a socket of the file system, as `/run/docker.sock` is; the file is not
    /// removed with it.
    ///
    /// # Panics
    ///
    /// When the socket cannot be made.
    #[must_use]
    #[track_caller]
    pub fn unix(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let listener = UnixListener::bind(path);
        let listener = listener.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::start(vec![Listening::Unix(listener)], None)
    }

    #[track_caller]
    fn at(network: &Network, addresses: &[SocketAddr], tls: Option<&Certificate>) -> Self {
        assert!(!addresses.is_empty(), "give the name an address first");
        let listen = |address: &SocketAddr| Listening::Tcp(listen(network, *address, BACKLOG));
        Self::start(addresses.iter().map(listen).collect(), tls)
    }

    fn start(listening: Vec<Listening>, tls: Option<&Certificate>) -> Self {
        let tls = tls.map(accept::tls);
        let state = Arc::new(State::default());
        let start = |listening| Acceptor::start(listening, tls.clone(), &state);
        Self { acceptors: listening.into_iter().map(start).collect(), state }
    }

    /// Returns the requests that arrived so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.state.with(|inner| inner.requests.clone())
    }

    /// Returns how many connections were accepted so far, also those whose TLS session failed.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.with(|inner| inner.connections - inner.forgotten)
    }

    /// Returns how many of them are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.acceptors.iter().map(Acceptor::open).sum()
    }

    /// Returns the highest number of requests that waited for their answer at one time.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.state.with(|inner| inner.peak)
    }

    /// Forgets what was counted so far; connections stay open.
    pub fn clear(&self) {
        self.state.with(|inner| {
            inner.requests.clear();
            (inner.forgotten, inner.peak) = (inner.connections, inner.waiting);
        });
    }

    /// Lets a path, or a path with this very query, have this answer from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.state.with(|inner| inner.answers.insert(path.to_owned(), answer));
    }

    /// Lets `/switch` do from now on what this target does: `/status/500`, `/reset`.
    pub fn switch(&self, target: &str) {
        self.state.with(|inner| target.clone_into(&mut inner.switch));
    }

    /// Lets a path have its own answer again.
    pub fn unanswer(&self, path: &str) {
        self.state.with(|inner| inner.answers.remove(path));
    }

    /// Adds bytes to the log that has this name, which is a new one if there is none.
    pub fn append(&self, name: &str, bytes: &[u8]) {
        self.state.with(|inner| inner.logs.append(name, bytes));
    }

    /// Gives a log another name, and its name to a new one, in one step.
    pub fn rotate(&self, name: &str, to: &str) {
        self.state.with(|inner| inner.logs.rotate(name, to));
    }

    /// Takes all bytes of a log away; it stays the same one.
    pub fn truncate(&self, name: &str) {
        self.state.with(|inner| inner.logs.truncate(name));
    }

    /// Sends a line to all that read `/events` now.
    pub fn tell(&self, line: &str) {
        self.state.with(|inner| inner.events.push(format!("{line}\n")));
    }

    /// Returns how many read `/events`.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.state.with(|inner| inner.listeners)
    }

    /// Sets the version that `/etag` and `/modified` have, at first 1; below 60, since it is
    /// the second of `Last-Modified`.
    pub fn set_version(&self, version: u8) {
        self.state.with(|inner| inner.version = version);
    }
}
