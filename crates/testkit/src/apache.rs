//! A real apache2(8) with a configuration of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::network::Network;
use crate::run::wait_until;
use crate::server::{LIMIT, Server, directory, program};

const CONFIG: &str = include_str!("apache.conf");

/// A server in a [`Network`] that serves a name at port 80 of its first address, in processes of
/// its own that end when it is dropped.
///
/// | path | answer |
/// |---|---|
/// | `/PATH` | a file, or what is in a directory: a table, as Debian configures it |
/// | `/columns/PATH` | the same in columns, with icons that are links, and an `ETag` |
/// | `/names/PATH` | the same with nothing but names |
///
/// The apache2 that the package starts as a service is another one, in another network.
#[derive(Debug)]
pub struct Apache {
    server: Server,
    place: SocketAddr,
    /// Last: the processes are in it.
    network: Network,
}

impl Apache {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    ///
    /// When the name has no address, or apache2 does not start.
    #[must_use]
    #[track_caller]
    pub fn new(network: &Network, name: &str) -> Self {
        let directory = directory("apache");
        let path = directory.path();
        // Its processes are another user's.
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        fs::create_dir(path.join("files")).expect("cannot make a directory");
        let address = network.addresses(name).first().copied();
        let place = SocketAddr::new(address.expect("give the name an address first"), 80);
        let config = CONFIG
            .replace("@dir@", &path.display().to_string())
            .replace("@name@", name)
            .replace("@place@", &place.to_string());
        fs::write(path.join("apache.conf"), config).expect("cannot write");
        let mut apache = network.command(program("apache2"));
        apache.arg("-DFOREGROUND").arg("-f").arg(path.join("apache.conf"));
        let mut server = Server::start(&mut apache, directory);
        let runs = server.wait(|_| get(network, place, "/names/").is_some());
        assert!(runs, "apache2 does not run: {}", server.said("error.log"));
        Self { server, place, network: network.clone() }
    }

    /// Returns the directory of the files that it serves.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.server.directory().join("files")
    }

    /// Returns the requests whose answers are over, in the order of their ends, but for those of
    /// this type: the method, the path, the status and the header `Range`, or `-`.
    ///
    /// # Panics
    ///
    /// When apache2 does not answer, or has no log.
    #[must_use]
    #[track_caller]
    pub fn requests(&self) -> Vec<String> {
        let log = self.server.directory().join("access.log");
        // It writes a line when an answer is over, which may be after its last byte was read: what
        // was asked before this question is in the log when enough lines are.
        let own = "GET /names/ 200 -";
        let count = || {
            let log = fs::read_to_string(&log).expect("apache2 has a log");
            (log.lines().filter(|line| *line == own).count(), log)
        };
        let before = count().0;
        let answer = get(&self.network, self.place, "/names/");
        assert!(answer.is_some(), "apache2 does not answer: {}", self.server.said("error.log"));
        assert!(wait_until(LIMIT, || count().0 > before), "apache2 does not log");
        let log = count().1;
        log.lines().filter(|line| *line != own).map(ToOwned::to_owned).collect()
    }
}

/// Asks for a path, if it answers.
fn get(network: &Network, place: SocketAddr, path: &str) -> Option<String> {
    let mut stream = network.connect(place).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}
