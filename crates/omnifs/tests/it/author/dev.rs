//! `omnifs dev`: what is saved is served, and what is asked is shown.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Answer, Network, Upstream, guests, wait_until};

use super::Project;
use crate::config_of;

/// Longer than building a provider and all that it needs takes, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(300);

/// A program that runs until it is told to end; what it says goes to a file.
struct Running {
    child: Child,
    said: PathBuf,
}

impl Running {
    fn start(command: &mut Command, said: PathBuf) -> Self {
        let out = File::create(&said).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        // A Ctrl-C of the terminal that runs the test is not meant for it.
        let child = command.process_group(0).spawn().unwrap();
        Self { child, said }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Waits until it has said something.
    #[track_caller]
    fn says(&self, what: &str) {
        assert!(wait_until(LIMIT, || self.said().contains(what)), "{what}: {}", self.said());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it, and returns its exit code; none when a signal ended it.
    fn end(&mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Project {
    fn dev(&self, arguments: &[&str]) -> Running {
        let number = fs::read_dir(self.sandbox.root()).unwrap().count();
        let mut command = self.command("omnifs");
        command.args(["dev", "--offline"]).args(arguments);
        Running::start(&mut command, self.sandbox.root().join(format!("dev-{number}")))
    }

    fn replace(&self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert!(text.contains(old), "{text}");
        self.write(file, &text.replace(old, new));
    }
}

/// Reads a file again and again, as watch(1) does.
fn watch(project: &Project, file: &Path) -> Running {
    let line = format!("while :; do cat {} || echo FAILED; sleep 0.01; done", file.display());
    let mut shell = project.sandbox.command("sh");
    Running::start(shell.args(["-c", &line]), project.sandbox.root().join("watched"))
}

#[test]
fn a_saved_handler_is_served_and_a_broken_one_leaves_the_old() {
    let project = Project::new();
    let mount = project.sandbox.root().join("new/mnt");
    let mut dev = project.dev(&["--mount", mount.to_str().unwrap()]);
    dev.says(&format!("\nmounted at {}; Ctrl-C ends\n", mount.display()));
    let watched = watch(&project, &mount.join("hello.txt"));
    watched.says("hello from omnifs\n");

    project.replace("src/lib.rs", "hello from omnifs", "saved");
    watched.says("saved\n");
    dev.says("built in ");
    let good = project.read("src/lib.rs");

    // What the compiler says is there, and the old bytes go on.
    let goes_on = |why: &str| {
        dev.says(why);
        let told = || {
            let said = dev.said();
            let (_, after) = said.split_once(why).unwrap();
            after.contains("note: the one before goes on serving\n")
        };
        assert!(wait_until(LIMIT, told), "{}", dev.said());
        let read = watched.said().len();
        assert!(wait_until(LIMIT, || watched.said().len() > read + 100));
        let lines = watched.said();
        let mut lines = lines.get(read..).unwrap().lines();
        assert!(lines.all(|line| "saved".starts_with(line) || "saved".ends_with(line)));
    };
    project.replace("src/lib.rs", "Some(LookupResult", "Sum(LookupResult");
    goes_on("error[E0425]: cannot find function, tuple struct or tuple variant `Sum`");
    assert!(dev.said().contains("--> src/lib.rs:"), "{}", dev.said());
    project.write("src/lib.rs", "#[unsafe(no_mangle)]\npub extern \"C\" fn f() {}\n");
    goes_on("it does not export omnifs:provider/filesystem@1.0.0");
    project.write("src/lib.rs", &good.replace("\"hello.txt\"", "\"other.txt\""));
    dev.says("/hello.txt");
    assert!(wait_until(LIMIT, || mount.join("other.txt").exists()));
    project.write("src/lib.rs", &good.replace("saved", "mended"));
    watched.says("mended\n");

    for line in ["LOOKUP      ok  ", "READ        ok  ", "  0 upstream  /hello.txt\n"] {
        assert!(dev.said().contains(line), "{line}: {}", dev.said());
    }
    assert_eq!(dev.end(Signal::INT), Some(0), "{}", dev.said());
    assert!(project.sandbox.mounts().is_empty());
    assert!(!project.sandbox.root().join("new").exists(), "what it made is gone");
}

#[test]
fn requests_are_shown_with_what_went_out_for_them() {
    let network = Network::new();
    network.name("api.example.com", &["11.22.33.1"]);
    let upstream = Upstream::http(&network, &["11.22.33.1:80"]);
    let (project, _) = Project::begin("http");
    let project = Project { sandbox: project.sandbox.inside(&network), ..project };
    let mount = project.sandbox.root().join("mnt");
    let at = mount.to_str().unwrap();
    let config = r#"{"base_url":"http://api.example.com"}"#;
    let options = ["--mount", at, "--allow", "http://api.example.com", "--config-json", config];
    let mut dev = project.dev(&options);
    dev.says("note: it asks for the secret MY_API_KEY, which it has not: --secret MY_API_KEY\n");

    upstream.answer("/items", Answer::json(r#"[{"id":1,"title":"one"}]"#));
    let types = |line: &str| project.sandbox.shell(&format!("cd {at} && {line}"));
    assert_eq!(types("ls items").expect_code(0).stdout, "1\n");
    // The line of the request that a line of the upstream's belongs to.
    let of_items = |op: &str| {
        let said = dev.said();
        let line = said.lines().find(|line| line.contains(op) && line.contains("  /items"));
        line.map(str::to_owned).unwrap_or_default()
    };
    assert!(wait_until(LIMIT, || !of_items("OPENDIR").is_empty()), "{}", dev.said());
    let told = of_items("OPENDIR");
    let went_out = "  1 upstream  /items  GET http://api.example.com/items 200";
    assert!(told.contains(" ok ") && told.ends_with(went_out), "{told}");
    let time = told.split_once("Z  ").unwrap().0;
    assert!(time.len() == "12:34:56.789".len() && time.matches(':').count() == 2, "{told}");
    let read_once = upstream.requests().len();
    assert_eq!(types("cat items/1/title").expect_code(0).stdout, "one\n");
    dev.says("/items/1/title");
    assert_eq!(upstream.requests().len(), read_once);

    // Saved without a change, it is asked for anew.
    upstream.answer("/items", Answer::new(500, ""));
    project.replace("src/lib.rs", "struct MyProvider;", "struct MyProvider; // as before");
    dev.says(", and is the same: everything is asked for anew\n");
    // The kernel is told behind what is said.
    let fails = || types("ls items").stderr.contains("Input/output error");
    assert!(wait_until(LIMIT, fails), "{}", dev.said());
    let failed = |line: &str| line.contains("OPENDIR     EIO ") && line.contains(" 1 upstream  ");
    let shown = || {
        let said = dev.said();
        said.lines().any(|line| failed(line) && line.ends_with("api.example.com/items 500"))
    };
    assert!(wait_until(LIMIT, shown), "{}", dev.said());
    assert_eq!(dev.end(Signal::TERM), Some(0), "{}", dev.said());
    assert!(project.sandbox.mounts().is_empty());
}

#[test]
fn it_stands_beside_a_daemon_and_itself_and_mends_what_was_killed() {
    let project = Project::new();
    let sandbox = &project.sandbox;
    sandbox.configure(&config_of(sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    let daemon = sandbox.daemon();
    let mount = sandbox.root().join("given");
    fs::create_dir(&mount).unwrap();
    let arguments = ["--quiet", "--mount", mount.to_str().unwrap()];
    let mut first = project.dev(&arguments);
    first.says("; Ctrl-C ends\n");

    let temporary = sandbox.root().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let beside = |name: &str| {
        let mut command = project.command("omnifs");
        command.args(["dev", "--offline"]).env("TMPDIR", &temporary);
        let running = Running::start(&mut command, sandbox.root().join(name));
        running.says("; Ctrl-C ends\n");
        running
    };
    let mut killed = beside("killed");
    assert_eq!(killed.end(Signal::KILL), None);
    let mut second = beside("second");
    let own: Vec<_> = fs::read_dir(&temporary).unwrap().map(|own| own.unwrap().path()).collect();
    assert_eq!(own.len(), 1, "what was left of the one before is gone: {own:?}");
    let own = own[0].clone();
    let mounts = [own.as_path(), &mount, &sandbox.root().join("mnt/hello")];
    for mount in mounts {
        let text = fs::read_to_string(mount.join("hello.txt")).unwrap();
        assert_eq!(text, "hello from omnifs\n");
    }
    let text = first.said();
    assert!(!text.contains("LOOKUP"), "quiet: {text}");

    // Whoever is killed leaves a mount that nobody serves.
    assert_eq!(first.end(Signal::KILL), None);
    let dead = fs::metadata(mount.join("hello.txt")).unwrap_err();
    assert_eq!(dead.raw_os_error(), Some(rustix::io::Errno::NOTCONN.raw_os_error()));
    let mut again = project.dev(&arguments);
    again.says("; Ctrl-C ends\n");
    assert!(mount.join("hello.txt").exists());
    let refused = project.dev(&arguments);
    refused.says("another omnifs serves");
    assert_eq!(again.end(Signal::TERM), Some(0), "{}", again.said());
    assert_eq!(second.end(Signal::INT), Some(0), "{}", second.said());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(fs::read_dir(&mount).unwrap().next().is_none(), "what was there stays");
    assert_eq!((sandbox.mounts().len(), sandbox.daemon()), (1, daemon));
}

#[test]
fn a_mistake_at_the_start_is_mended_by_saving_and_one_in_the_options_is_told_at_once() {
    let project = Project::new();
    let mount = project.sandbox.root().join("mnt");
    let at = mount.to_str().unwrap();
    let bad = project.dev(&["--mount", at, "--config-json", "["]);
    bad.says("error: --config-json: ");
    assert!(!project.directory.join("target").exists(), "nothing was built");
    project.replace("src/lib.rs", "Some(LookupResult", "Sum(LookupResult");
    let mut dev = project.dev(&["--mount", at]);
    dev.says("note: nothing is mounted yet: save a file to try again\n");
    assert!(project.sandbox.mounts().is_empty());
    project.replace("src/lib.rs", "Sum(LookupResult", "Some(LookupResult");
    dev.says(&format!("mounted at {at}"));
    let _unmounted = project.sandbox.shell(&format!("umount {at}")).expect_code(0);
    dev.says("was unmounted by somebody else");
    assert_eq!(dev.child.wait().unwrap().code(), Some(1));
    assert!(!mount.exists());
}
