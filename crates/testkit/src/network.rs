//! A private world for a test: a network and mounts that nobody outside sees.

mod authority;
mod holder;
mod names;
mod sockets;

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use self::authority::Authority;
use self::holder::Holder;
use self::names::Names;

pub use self::authority::Certificate;
pub(crate) use self::sockets::{listen, parse};

/// A network namespace and a mount namespace of the test's own, and a certificate authority.
///
/// Every address of the world, IPv4 and IPv6, is this network itself: a server may listen at
/// any of them, and nothing gets out. Names are those that [`Network::name`] gives, and no
/// others. Clones are the same network; it ends with the last of them, or with the test,
/// also when that is killed, and ends every process that was started in it.
///
/// ```no_run
/// # use testkit::{Network, run};
/// let network = Network::new();
/// network.name("api.example.com", &["11.22.33.1", "2600:1234::7"]);
/// let seen = run(network.command("getent").args(["ahosts", "api.example.com"]));
/// ```
#[derive(Debug, Clone)]
pub struct Network(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// First, since fields are dropped in order: its processes use the files of the names.
    holder: Holder,
    names: Mutex<Names>,
    authority: OnceLock<Authority>,
}

impl Network {
    /// Makes one. It needs root, and a kernel and a container that let it have namespaces.
    ///
    /// # Panics
    ///
    /// When they do not, with what unshare(1) said.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let names = Names::new();
        let holder = Holder::start(names.directory());
        Self(Arc::new(Parts { holder, names: Mutex::new(names), authority: OnceLock::new() }))
    }

    /// Lets a name have these addresses, in place of those it had: at once, for every process
    /// in here. Without addresses it does not resolve.
    ///
    /// # Panics
    ///
    /// When an address is none.
    #[track_caller]
    pub fn name(&self, name: &str, addresses: &[&str]) {
        let parse = |text: &&str| text.parse().unwrap_or_else(|_| panic!("{text}: no address"));
        let addresses = addresses.iter().map(parse).collect();
        self.0.names.lock().expect("no panic before").set(name, addresses);
    }

    /// Returns the addresses that a name has.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.0.names.lock().expect("no panic before").get(name)
    }

    /// Returns a command that runs a program in here; environment, directory and arguments are
    /// set as for any other. Its process is the program's own.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.0.holder.command(program.as_ref())
    }

    /// Returns the path by which the test itself, which is outside, sees what is at an absolute
    /// path in here: the files of a mount, for example.
    #[must_use]
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        self.0.holder.root().join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Runs a function of the test in a thread that is in this network, and returns its result.
    /// Sockets that it makes stay in here when they are used elsewhere. Files are those
    /// outside.
    pub fn within<T: Send>(&self, function: impl FnOnce() -> T + Send) -> T {
        let namespace = self.0.holder.network();
        let inside = || {
            // A thread can be in another network than its process, which cannot go wrong for
            // root and a descriptor of a network.
            move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
                .expect("a thread may move into the network");
            function()
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Connects from in here.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::connect`].
    pub fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        self.within(|| TcpStream::connect(address))
    }

    /// Returns how many TCP connections were attempted in here so far, by whomever, to
    /// whatever address and port, answered or not: the kernel's own count.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.counter("snmp", "Tcp:", "ActiveOpens")
    }

    /// Returns how many UDP datagrams were sent in here so far, questions to name servers
    /// among them: the kernel's own count.
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        let six = self.read("snmp6");
        let six = six.lines().find_map(|line| line.strip_prefix("Udp6OutDatagrams"));
        let six: Option<u64> = six.and_then(|count| count.trim().parse().ok());
        self.counter("snmp", "Udp:", "OutDatagrams") + six.expect("the kernel counts")
    }

    /// Returns the file with the certificate of the authority, for `[host] ca_file`.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.authority().file()
    }

    /// Makes a certificate of the authority for these names and addresses.
    ///
    /// # Panics
    ///
    /// When openssl(1) does not.
    #[must_use]
    #[track_caller]
    pub fn certificate(&self, names: &[&str]) -> Certificate {
        self.authority().certificate(names)
    }

    /// As [`Network::certificate`], one that ran out years ago.
    ///
    /// # Panics
    ///
    /// When openssl(1) does not.
    #[must_use]
    #[track_caller]
    pub fn expired_certificate(&self, names: &[&str]) -> Certificate {
        self.authority().expired(names)
    }

    /// The table of mounts in here (proc_pid_mountinfo(5)).
    pub(crate) fn mounts(&self) -> String {
        self.0.holder.mounts()
    }

    fn authority(&self) -> &Authority {
        self.0.authority.get_or_init(Authority::new)
    }

    fn read(&self, name: &str) -> String {
        let file = Path::new("/proc/thread-self/net").join(name);
        self.within(|| std::fs::read_to_string(file)).expect("the kernel counts")
    }

    /// Returns one number of a table of the kernel: a line of names, a line of numbers.
    fn counter(&self, table: &str, row: &str, name: &str) -> u64 {
        let text = self.read(table);
        let mut rows = text.lines().filter_map(|line| line.strip_prefix(row));
        let names = rows.next().unwrap_or_default().split_whitespace();
        let numbers = rows.next().unwrap_or_default().split_whitespace();
        let found = names.zip(numbers).find(|(column, _)| *column == name);
        found.and_then(|(_, number)| number.parse().ok()).expect("the kernel counts")
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}
