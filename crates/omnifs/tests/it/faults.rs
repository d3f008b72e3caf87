//! Each single operation on disk and network fails once, made to by strace(1): what a program sees
//! is right, or the failure, and the next try is right.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests, run, wait_until};

use crate::http::mirror;
use crate::{LIMIT, OMNIFS, config_of};

/// How many of one sort of operation fail at most, each in a run of its own: a thread of the daemon
/// makes fewer of most.
const MOST: u32 = 12;

/// A daemon of which one operation is to fail.
struct Faulty<'a> {
    sandbox: &'a Sandbox,
    strace: Child,
    daemon: Pid,
}

impl<'a> Faulty<'a> {
    /// Starts one whose `nth` call of a thread fails like this; none when it ended at once.
    fn start(sandbox: &'a Sandbox, (call, errno): (&str, &str), nth: u32) -> Option<Self> {
        let inject = format!("inject={call}:error={errno}:when={nth}");
        let trace = format!("trace={call}");
        let log = sandbox.root().join("strace");
        let mut strace = sandbox.command("strace");
        strace.args(["-f", "--seccomp-bpf", "-qq", "-e", &trace, "-e", &inject, "-o"]).arg(&log);
        strace.arg(sandbox.root().join("bin/omnifs")).args(["start", "--foreground"]);
        let mut strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (mut ended, mut daemon) = (false, None);
        let settled = wait_until(LIMIT, || {
            ended = strace.try_wait().unwrap().is_some();
            daemon = up(sandbox);
            ended || daemon.is_some()
        });
        assert!(settled, "{call} {nth}");
        Some(Self { sandbox, strace, daemon: daemon.filter(|_| !ended)? })
    }

    /// Ends it by a signal and returns whether the operation failed.
    fn end(mut self, signal: Signal) -> bool {
        kill_process(self.daemon, signal).unwrap();
        let ended = wait_until(LIMIT, || self.strace.try_wait().unwrap().is_some());
        assert!(ended, "it does not end");
        for mount in self.sandbox.mounts() {
            let _gone = run(self.sandbox.command("umount").arg("--lazy").arg(mount));
        }
        happened(self.sandbox)
    }
}

/// Returns the daemon once its one provider is mounted, or has failed to be.
fn up(sandbox: &Sandbox) -> Option<Pid> {
    let status = sandbox.omnifs(["status", "--json"]).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).ok()?;
    status["providers"][0]["state"].as_str().filter(|state| *state != "loading")?;
    Pid::from_raw(i32::try_from(status["pid"].as_i64()?).ok()?)
}

fn happened(sandbox: &Sandbox) -> bool {
    let log = fs::read(sandbox.root().join("strace")).unwrap_or_default();
    String::from_utf8_lossy(&log).contains("(INJECTED)")
}

/// Compares a mount with what it is to hold. Returns whether all of it could be read; whatever
/// could is right.
fn whole(sandbox: &Sandbox, plain: &Path, mount: &Path) -> bool {
    let compare = format!("LC_ALL=C diff -r {} {}", plain.display(), mount.display());
    let output = sandbox.shell(&compare);
    // "Only in" would be an absence, "differ" wrong bytes; errors go to standard error.
    assert_eq!(output.stdout, "", "{}", output.stderr);
    output.code() == 0
}

/// Returns how many operations failed in runs of their own, which end by a signal.
fn each(sandbox: &Sandbox, (fault, end): ((&str, &str), Signal), mut see: impl FnMut(u32)) -> u32 {
    let mut count = 0;
    for nth in 1..=MOST {
        let failed = match Faulty::start(sandbox, fault, nth) {
            Some(faulty) => {
                see(nth);
                faulty.end(end)
            }
            // It said why and left nothing.
            None => happened(sandbox),
        };
        assert!(sandbox.mounts().is_empty(), "{fault:?} {nth}");
        if !failed {
            break;
        }
        count += 1;
    }
    count
}

#[test]
fn each_operation_on_disk_that_fails_is_seen_by_nobody() {
    let sandbox = Sandbox::new(OMNIFS);
    let cache = "cache = { ttl = \"1h\", memory = 0 }\n";
    sandbox.configure(&config_of(&sandbox, &[("tree", guests::TREE_PATH)], cache));
    let (mount, plain) = (sandbox.root().join("mnt/tree"), sandbox.root().join("plain"));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    let copy = format!("cp -r {} {}", mount.display(), plain.display());
    let _copied = sandbox.shell(&copy).expect_code(0);
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    let mut told = Vec::new();
    for fault in [
        // What reads comes first, while there is something to read.
        ("pread64", "EIO"),
        ("preadv2", "EIO"),
        ("pwrite64", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("ftruncate", "EIO"),
        ("unlinkat", "EIO"),
        ("getdents64", "EIO"),
        ("flock", "EIO"),
        ("fchmod", "EROFS"),
        ("mkdir", "ENOSPC"),
        ("openat", "EMFILE"),
    ] {
        let count = each(&sandbox, (fault, Signal::TERM), |nth| {
            // A failure of the disk is never one of what is read.
            let served = mount.read_dir().is_ok_and(|mut entries| entries.next().is_some());
            if served || !sandbox.mounts().is_empty() {
                assert!(whole(&sandbox, &plain, &mount), "{fault:?} {nth}");
            }
            if fault.0 == "pwrite64" {
                // The next one has to write it all again.
                let _cleared = sandbox.omnifs(["cache", "clear"]).expect_code(0);
            }
        });
        told.push(format!("{} {}: {count}", fault.0, fault.1));
    }
    println!("operations on disk that failed: {}", told.join(", "));
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert!(whole(&sandbox, &plain, &mount));
}

#[test]
fn each_operation_on_the_network_that_fails_is_an_error_or_nothing_and_then_right() {
    let content = |d: usize, f: usize| format!("d{d:02} f{f}.txt\n").repeat(200).into_bytes();
    let cache = "disk = false\nttl = \"1h\"\n";
    let (rig, _upstream) = mirror(cache, (2, 4), content, Duration::ZERO);
    let sandbox = &rig.sandbox;
    let (mount, plain) = (sandbox.root().join("mnt/f"), sandbox.root().join("plain"));
    for d in 0..2 {
        let directory = plain.join(format!("d{d:02}"));
        fs::create_dir_all(&directory).unwrap();
        for f in 0..4 {
            fs::write(directory.join(format!("f{f}.txt")), content(d, f)).unwrap();
        }
    }
    let mut told = Vec::new();
    for fault in [
        ("socket", "EMFILE"),
        ("connect", "ENETUNREACH"),
        ("connect", "ECONNREFUSED"),
        ("sendto", "ECONNRESET"),
        ("recvfrom", "ECONNRESET"),
        ("recvfrom", "ETIMEDOUT"),
        ("getsockopt", "ENOBUFS"),
    ] {
        let mut seen = 0;
        // A runtime does not get over a failure of the pipe by which it hears of signals, and no
        // such pipe fails: it need not hear of this one.
        let count = each(sandbox, (fault, Signal::KILL), |nth| {
            if !whole(sandbox, &plain, &mount) {
                seen += 1;
            }
            let right = || whole(sandbox, &plain, &mount);
            let soon = Duration::from_secs(20);
            assert!(wait_until(soon, right), "{fault:?} {nth}");
        });
        told.push(format!("{} {}: {count}, seen {seen}", fault.0, fault.1));
    }
    println!("operations on the network that failed: {}", told.join("; "));
}
