//! Directory listings of real servers as files: `builtin:httpdir`.

mod added;
mod changes;
mod hostile;
mod large;
mod names;
mod rounded;

use std::fs;
use std::path::Path;

use testkit::{Network, Nginx, Sandbox, run};

use crate::OMNIFS;
use crate::http::Rig;

const NAME: &str = "files.example.com";

/// A mount of a server, at `mnt/f`.
struct Scene {
    rig: Rig,
    nginx: Nginx,
}

impl Scene {
    /// Returns one of the listings at this path, with these lines of configuration; nothing runs
    /// yet but the server.
    fn new(path: &str, more: &str) -> Self {
        let rig = rig(&format!("https://{NAME}{path}"), more);
        rig.network.name(NAME, &["11.22.33.1"]);
        let nginx = Nginx::new(&rig.network, &[NAME]);
        Self { rig, nginx }
    }

    /// Runs a line of shell in the directory of the mount.
    fn shell(&self, line: &str) -> String {
        self.rig.shell(line).expect_code(0).stdout
    }

    /// Runs a line of shell in the directory of the server's files.
    fn upstream(&self, line: &str) -> String {
        let mut shell = self.rig.sandbox.command("sh");
        run(shell.args(["-c", line]).current_dir(self.nginx.files())).expect_code(0).stdout
    }

    /// Returns how many requests the server has answered, by their method.
    fn requests(&self) -> (usize, usize) {
        let requests = self.nginx.requests();
        let gets = requests.iter().filter(|request| request.method == "GET").count();
        (gets, requests.len() - gets)
    }
}

/// A mount of a URL, which may be reached; nothing runs yet.
fn rig(url: &str, more: &str) -> Rig {
    let host = url.strip_prefix("https://").unwrap_or(url);
    let origin = match url.strip_prefix("http://") {
        Some(rest) => format!("http://{}", rest.split('/').next().unwrap()),
        None => host.split('/').next().unwrap().to_owned(),
    };
    let lines = format!(
        "[provider.capabilities]\nhttp = {{ allow = [{origin:?}] }}\n\
         [provider.config]\nurl = {url:?}\n{more}\n"
    );
    Rig::of("builtin:httpdir", &lines)
}

/// Makes everything in a directory so old that its times are settled.
fn age(directory: &Path) {
    let line = "find . -exec touch -h -d '2026-01-02 03:04:05 UTC' {} +";
    let _aged = run(std::process::Command::new("sh").args(["-c", line]).current_dir(directory))
        .expect_code(0);
}

/// Prints the sum of every file, one a line; `tar` sees the same with names, kinds and sizes.
const SUMS: &str = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum";
const TAR: &str = "tar c --format=ustar --sort=name --owner=0 --group=0 --numeric-owner \
                   --mtime=@0 --mode=u=r,go= . | sha256sum";

/// The walks that are promised to be right and, when they are repeated, free.
const WALKS: [&str; 4] =
    [SUMS, TAR, "grep -r 'file 7' . | LC_ALL=C sort | sha256sum", "find . | LC_ALL=C sort"];

/// A hundred directories of a hundred files.
fn many(files: &Path) {
    for directory in 0..100 {
        let path = files.join(format!("d{directory:02}"));
        fs::create_dir(&path).unwrap();
        for file in 0..100 {
            let line = format!("file {file} of directory {directory}\n");
            fs::write(path.join(format!("f{file:02}.txt")), line.repeat(40)).unwrap();
        }
    }
    age(files);
}

/// A walk of each provider's tree with find, grep -r, tar c is byte-checked and, repeated warm,
/// costs 0 upstream calls.
///
/// Ten thousand files in a hundred directories cost a request a directory to be found, and one a
/// file to be read.
#[test]
fn ten_thousand_files_cost_a_request_each_and_then_nothing() {
    let scene = Scene::new("/listed/", "[provider.cache]\nttl = \"1h\"\n");
    many(&scene.nginx.files());
    scene.rig.start();
    assert_eq!(scene.shell("find . -type f | wc -l"), "10000\n");
    assert_eq!(scene.requests(), (101, 0), "a request a directory");
    assert_eq!(scene.shell("ls -lR . | grep -c ' f[0-9]*.txt'"), "10000\n");
    assert_eq!(scene.requests(), (101, 0), "sizes and times come with the listings");
    assert_eq!(scene.shell("grep -r 'file 7 of' . | wc -l"), "4000\n");
    assert_eq!(scene.requests(), (10_101, 0), "and one a file");
    for walk in WALKS {
        assert_eq!(scene.shell(walk), scene.upstream(walk), "{walk}");
    }
    assert_eq!(scene.requests(), (10_101, 0), "and nothing more");
}

/// The listing of a directory is all that looking names up in it costs, however many they are; to
/// read files ahead the host lists it once more, and the one above it.
#[test]
fn names_that_are_looked_up_cost_one_listing_a_directory() {
    let scene = Scene::new("/listed/", "");
    let files = scene.nginx.files();
    fs::create_dir_all(files.join("a/b")).unwrap();
    for file in 0..20 {
        fs::write(files.join(format!("a/b/{file}")), format!("{file}\n")).unwrap();
    }
    age(&files);
    scene.rig.start();
    let before = scene.requests().0;
    let line = "for n in $(seq 0 19); do cat a/b/$n; done; cat a/b/none || true";
    let read = scene.shell(line);
    assert_eq!(read.lines().count(), 20, "{read}");
    // Starting may list the root, and whether the next directory is wanted depends on how far reading
    // ahead has come.
    let asked = scene.requests().0 - before;
    assert!((23..=25).contains(&asked), "{asked} requests for 20 files and 3 to 5 listings");
}

/// The contract suite, in the host, with what `tests/exchanges` has.
#[test]
fn it_keeps_the_contract() {
    let sandbox = Sandbox::new(OMNIFS);
    let component = concat!(env!("OUT_DIR"), "/httpdir.wasm");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers/httpdir");
    let mut test = sandbox.command("omnifs");
    let test = test.args(["test", "--provider", component]).current_dir(directory);
    let output = run(test);
    assert_eq!(output.code(), 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.ends_with("all 15 rules are kept\n"), "{}", output.stdout);
}

/// A network and a daemon without a provider.
fn bare() -> (Network, Sandbox) {
    let network = Network::new();
    let sandbox = Sandbox::new(OMNIFS).inside(&network);
    (network, sandbox)
}
