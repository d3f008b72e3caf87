//! Providers and the network: real names, real TLS and real servers in a network of the test's
//! own, so that nothing of the gate is switched off for it.

mod ahead;
mod answers;
mod configured;
mod failures;
mod gate;
mod limits;
mod metrics;
mod requests;
mod secrets;
mod soak;

use std::fs;
use std::time::Duration;

use testkit::{Answer, Network, Output, Sandbox, Upstream, guests, run};

use crate::OMNIFS;

/// The value of the secret `KEY` in these tests.
pub(crate) const VALUE: &str = "omnifs-s3cr3t/value+of=KEY";

/// A daemon in a network of its own, with a component mounted as `f`.
pub(crate) struct Rig {
    component: String,
    pub(crate) network: Network,
    pub(crate) sandbox: Sandbox,
}

impl Rig {
    /// Returns one with `fetcher`, which has these lines of configuration; nothing runs yet.
    pub(crate) fn new(more: &str) -> Self {
        Self::of(guests::FETCHER_PATH, more)
    }

    /// As [`Rig::new`], with another component.
    pub(crate) fn of(component: &str, more: &str) -> Self {
        let network = Network::new();
        let sandbox = Sandbox::new(OMNIFS).inside(&network);
        let rig = Self { component: component.to_owned(), network, sandbox };
        rig.configure(more);
        rig
    }

    fn configure(&self, more: &str) {
        let (ca, mount) = (self.network.ca_file(), self.sandbox.root().join("mnt/f"));
        self.sandbox.configure(&format!(
            "[host]\nca_file = {ca:?}\n\n\
             [[provider]]\nname = \"f\"\npath = {:?}\nmount = {mount:?}\n{more}\n",
            self.component
        ));
    }

    /// Starts the daemon with the secret in its environment.
    pub(crate) fn start(&self) {
        let mut command = self.sandbox.command("omnifs");
        let _started = run(command.arg("start").env("KEY", VALUE)).expect_code(0);
    }

    /// Runs a line of shell in the directory of the mount.
    pub(crate) fn shell(&self, line: &str) -> Output {
        let mount = self.sandbox.root().join("mnt/f");
        run(self.sandbox.command("sh").args(["-c", line]).current_dir(mount))
    }

    /// Reads a file of the component: its path with the URL as one name.
    fn read(&self, before: &str, url: &str, after: &str) -> Output {
        let path = path(before, url, after);
        self.shell(&format!("cat '{path}'"))
    }

    /// Returns what a `fetch` of a URL came to.
    fn report(&self, url: &str) -> String {
        self.read("get", url, "/report").stdout
    }

    fn log(&self) -> String {
        self.sandbox.omnifs(["logs"]).expect_code(0).stdout
    }

    /// Serves HTTPS for a name at an address of the public internet.
    pub(crate) fn upstream(&self, name: &str) -> Upstream {
        self.network.name(name, &["11.22.33.1"]);
        Upstream::https(&self.network, name)
    }
}

/// Lines of configuration for a component that reads `api.example.com`.
pub(crate) const READING: &str = "[provider.capabilities]\nhttp = { allow = [\"api.example.com\"] }\n\
                                  [provider.config]\nbase = \"https://api.example.com\"\n";

/// A mount of a server with directories of files, `dNN/fN.txt`, each answer of which takes `delay`;
/// `cache` is the provider's own.
fn mirrored(
    cache: &str,
    numbers: (usize, usize),
    content: impl Fn(usize, usize) -> Vec<u8>,
    delay: Duration,
) -> (Rig, Upstream) {
    let mirror = mirror(cache, numbers, content, delay);
    mirror.0.start();
    mirror
}

/// As [`mirrored`], and nothing runs yet.
pub(crate) fn mirror(
    cache: &str,
    (directories, files): (usize, usize),
    content: impl Fn(usize, usize) -> Vec<u8>,
    delay: Duration,
) -> (Rig, Upstream) {
    let rig = Rig::of(guests::MIRROR_PATH, &format!("{READING}[provider.cache]\n{cache}"));
    let upstream = rig.upstream("api.example.com");
    let answer = |target: &str, answer: Answer| upstream.answer(target, answer.after(delay));
    let listing = |names: Vec<String>| {
        let entries: Vec<_> =
            names.iter().map(|name| serde_json::json!({ "name": name })).collect();
        Answer::json(serde_json::to_vec(&entries).unwrap())
    };
    answer("/", listing((0..directories).map(|d| format!("d{d:02}")).collect()));
    for d in 0..directories {
        answer(&format!("/d{d:02}/"), listing((0..files).map(|f| format!("f{f}.txt")).collect()));
        for f in 0..files {
            answer(&format!("/d{d:02}/f{f}.txt"), Answer::new(200, content(d, f)));
        }
    }
    (rig, upstream)
}

pub(crate) fn path(before: &str, url: &str, after: &str) -> String {
    format!("{before}/{}{after}", guests::escape(url))
}

/// Lines of configuration that allow these entries, and the secret `KEY`.
pub(crate) fn allowing(entries: &str) -> String {
    format!(
        "[provider.capabilities]\nhttp = {{ allow = [{entries}] }}\n\
         secrets = {{ KEY = {{ env = \"KEY\" }} }}\n\
         [provider.cache]\nttl = \"100ms\"\nnegative = 0\nstale_while_revalidate = 0\n"
    )
}

/// Returns the files below a directory that hold a text, also binary ones.
fn holding(directory: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(holding(&path, text));
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
