//! Under fire: daemons that are killed, and told to end, while everybody reads.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests, run, wait_until};

use crate::{LIMIT, OMNIFS, memory_of, mounted, mounted_with};

/// Threads that read one file after the other until their input ends, and then tell what was not
/// as in a plain copy. A failure is none of that: there may be no daemon.
const READERS: &str = "
import os, random, sys, threading
mount, plain, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
files = []
for base, _, names in os.walk(plain):
    for name in names:
        path = os.path.join(base, name)
        if os.path.getsize(path) < 1 << 20:
            files.append(os.path.relpath(path, plain))
right, failed, wrong, end = [0] * threads, [0] * threads, [], threading.Event()
def read(root, file):
    with open(os.path.join(root, file), 'rb') as opened:
        return opened.read()
def loop(number):
    chosen = random.Random(number)
    while not end.is_set():
        file = chosen.choice(files)
        try:
            found = read(mount, file)
        except OSError:
            failed[number] += 1
            end.wait(0.01)
            continue
        if found == read(plain, file):
            right[number] += 1
        else:
            wrong.append(file)
all = [threading.Thread(target=loop, args=(number,)) for number in range(threads)]
[thread.start() for thread in all]
sys.stdin.read()
end.set()
[thread.join() for thread in all]
print(sum(right), sum(failed), wrong)
";

/// A mount of `forest` with a disk cache, and a plain copy of it.
struct Scene {
    sandbox: Sandbox,
    mount: String,
    plain: String,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new(OMNIFS);
        let mounts =
            mounted_with(&sandbox, &[("forest", guests::FOREST_PATH)], "cache = { ttl = 2 }\n");
        let plain = sandbox.root().join("plain");
        guests::plant_forest(&plain).unwrap();
        let (mount, plain) = (mounts.join("forest"), plain);
        Self { sandbox, mount: mount.display().to_string(), plain: plain.display().to_string() }
    }

    /// Begins to read with so many threads.
    fn readers(&self, threads: u32) -> Child {
        let mut python = self.sandbox.command("python3");
        python.args(["-c", READERS, &self.mount, &self.plain, &threads.to_string()]);
        python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Ends the readers, and returns how many reads were right and how many failed.
    fn tally(readers: Child) -> (u64, u64) {
        let output = readers.wait_with_output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let mut parts = told.trim().splitn(3, ' ');
        let mut number = || parts.next().unwrap().parse::<u64>().unwrap();
        let counts = (number(), number());
        assert_eq!(parts.next(), Some("[]"), "wrong bytes");
        counts
    }

    fn daemon(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.sandbox.daemon().unwrap()).unwrap()).unwrap()
    }

    /// Returns whether some files are there with their bytes.
    fn serves(&self) -> bool {
        let compare = format!("diff -r {}/plain00 {}/plain00", self.plain, self.mount);
        self.sandbox.shell(&compare).code() == 0
    }
}

/// Returns the states of a process's threads, as letters (proc_pid_stat(5)).
fn states(process: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    stats.filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next()).collect()
}

fn is_gone(process: Pid) -> bool {
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") Z "))
        || !Path::new(&format!("/proc/{}", process.as_raw_nonzero())).exists()
}

#[test]
fn a_hundred_kills_under_load_leave_right_bytes_and_one_mount() {
    let scene = Scene::new();
    let readers = scene.readers(16);
    let mut slowest = Duration::ZERO;
    for round in 0..100_u64 {
        sleep(Duration::from_millis(20 + round * 37 % 150));
        kill_process(scene.daemon(), Signal::KILL).unwrap();
        let begun = Instant::now();
        let _started = scene.sandbox.omnifs(["start"]).expect_code(0);
        assert!(scene.serves(), "round {round}");
        slowest = slowest.max(begun.elapsed());
        assert_eq!(scene.sandbox.mounts().len(), 1, "round {round}");
    }
    let (right, failed) = Scene::tally(readers);
    println!(
        "100 kills: {right} reads right, {failed} failed; right again after {slowest:?} at most"
    );
    assert!(right > 1_000, "{right}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}

/// > A daemon that is told to end does so within five seconds, however many read; nobody waits for
/// > it after that.
#[test]
fn fifty_ends_under_readers_are_quick_and_leave_nobody_waiting() {
    let scene = Scene::new();
    let readers = scene.readers(64);
    let mut slowest = Duration::ZERO;
    for round in 0..50_u64 {
        sleep(Duration::from_millis(50 + round * 31 % 200));
        let (daemon, begun) = (scene.daemon(), Instant::now());
        kill_process(daemon, Signal::TERM).unwrap();
        assert!(wait_until(LIMIT, || is_gone(daemon)), "round {round}");
        slowest = slowest.max(begun.elapsed());
        assert!(scene.sandbox.mounts().is_empty(), "round {round}");
        // One may be reading its plain copy from the disk at this very moment.
        let waiting = || states(readers.id()).contains('D');
        assert!(wait_until(LIMIT, || !waiting()), "round {round}: {}", states(readers.id()));
        let _started = scene.sandbox.omnifs(["start"]).expect_code(0);
    }
    let (right, failed) = Scene::tally(readers);
    println!("50 ends: {right} reads right, {failed} failed; the slowest took {slowest:?}");
    assert!(right > 1_000, "{right}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

/// > One slow name never holds up its siblings, nor one provider another.
#[test]
fn a_slow_provider_does_not_slow_a_fast_one() {
    let sandbox = Sandbox::new(OMNIFS);
    let providers = [("hello", guests::HELLO_PATH), ("slow", guests::SLOW_PATH)];
    // Every read is a call.
    let cache = "cache = { ttl = \"1ms\", stale_while_revalidate = 0 }\n";
    let mounts = mounted_with(&sandbox, &providers, cache);
    // Its four instances are busy until the last of these is answered.
    let mut waiting: Vec<Child> = [6, 7, 8, 9]
        .into_iter()
        .map(|seconds| {
            let mut cat = sandbox.command("cat");
            let file = mounts.join(format!("slow/slow-{seconds}"));
            cat.arg(file).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let mut times = Vec::new();
    while waiting.iter_mut().any(|cat| cat.try_wait().unwrap().is_none()) {
        let begun = Instant::now();
        let text = fs::read_to_string(mounts.join("hello/hello.txt")).unwrap();
        assert_eq!(text, "hello from omnifs\n");
        times.push(begun.elapsed());
        sleep(Duration::from_millis(2));
    }
    times.sort();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "{} reads beside calls of 6 to 9 s: median {median:?}, p99 {p99:?}, most {:?}",
        times.len(),
        times.last().unwrap()
    );
    assert!(p99 < Duration::from_millis(50), "{p99:?}");
    assert!(times.len() > 500, "{}", times.len());
}

/// Returns the CPU time that a process has used, in milliseconds (proc_pid_stat(5)).
fn cpu_of(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    ticks * 1_000 / rustix::param::clock_ticks_per_second()
}

/// What the code of the installed program takes of the memory that is allowed, in KiB, with a sixth to
/// spare (measured: 20,820). Most of this one's is not optimised and takes twice as much, and how much
/// of it is mapped is up to the page cache.
const CODE: u64 = 24 << 10;

#[test]
fn ten_idle_mounts_use_no_cpu_and_little_memory() {
    let sandbox = Sandbox::new(OMNIFS);
    let names: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    let paths = [guests::HELLO_PATH, guests::TREE_PATH, guests::FOREST_PATH, guests::MIRROR_PATH];
    let providers: Vec<_> =
        names.iter().zip(paths.iter().cycle()).map(|(name, path)| (name.as_str(), *path)).collect();
    let mounts = mounted(&sandbox, &providers);
    // The first daemon compiled them, which takes memory that is not all given back.
    let _restarted = sandbox.omnifs(["restart"]).expect_code(0);
    for name in &names {
        let _listed = run(sandbox.command("ls").arg(mounts.join(name))).expect_code(0);
    }
    let daemon = sandbox.daemon().unwrap();
    // What was begun by looking ends.
    sleep(Duration::from_secs(3));
    let (used, begun) = (cpu_of(daemon), Instant::now());
    sleep(Duration::from_secs(20));
    let (used, wall) = (cpu_of(daemon) - used, begun.elapsed());
    let (all, code) = (memory_of(daemon, "VmRSS"), memory_of(daemon, "RssFile"));
    println!(
        "10 idle mounts: {used} ms of CPU in {wall:?}, {all} KiB resident, {code} KiB of files"
    );
    assert!(u128::from(used) * 200 < wall.as_millis(), "{used} ms of CPU in {wall:?}");
    assert!(all - code + CODE <= 60 << 10, "{all} KiB, {code} KiB of them of files");
}
