//! The reference model, at the height of a mount: a kernel that caches, and real time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use omnifs_fuse::Notices;
use omnifs_vfs::{NodeKind, Settings};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use rustix::io::Errno;
use vfs_testing::Memory;
use vfs_testing::model::{Bounds, Failure, Height, Listed, Stat, run, steps};

use crate::mounted::{Mounted, Setup, Talk, example};

/// Short, because the model waits for it.
const TTL: Duration = Duration::from_millis(30);
const NEGATIVE: Duration = Duration::from_millis(10);
/// What the kernel's clock ticks and a notice that is under way may add.
const SLACK: Duration = Duration::from_millis(40);
/// For how long the kernel may keep what was served past its freshness.
const STALE_VALID: Duration = Duration::from_secs(1);
/// `d_ino` of a name whose number is not known.
const UNKNOWN_INO: u64 = 0xffff_ffff;

/// How a mount of the model caches.
#[derive(Debug, Clone, Copy)]
struct Caching {
    memory: u64,
    stale: Duration,
    notices: Notices,
}

/// A mount, used by a process of its own.
struct OnAMount {
    hands: Talk,
    mounted: Mounted,
    source: std::sync::Arc<Memory>,
    settings: Settings,
    start: Instant,
    /// How long the slowest answer took: an answer is cached from when it comes.
    slowest: Duration,
}

impl OnAMount {
    fn new(caching: Caching) -> Self {
        let source = Memory::new();
        let settings = Settings {
            ttl: TTL,
            negative: NEGATIVE,
            stale_while_revalidate: caching.stale,
            memory: caching.memory,
            ..Settings::default()
        };
        let notices = caching.notices;
        let setup = Setup { settings: settings.clone(), notices, live: false };
        let mounted = setup.mount(&source);
        let directory: PathBuf = mounted.path();
        let hands =
            mounted.talk(&example("hands").to_string_lossy(), &[&directory.to_string_lossy()]);
        let (start, slowest) = (Instant::now(), Duration::ZERO);
        Self { hands, mounted, source, settings, start, slowest }
    }

    /// Has something done, and returns the words of the answer.
    fn act(&mut self, line: &str) -> Result<Vec<String>, Failure> {
        let asked = Instant::now();
        self.hands.say(line);
        let answer = self.hands.hear();
        self.slowest = self.slowest.max(asked.elapsed());
        let mut words = answer.split(' ').map(str::to_owned);
        match words.next().as_deref() {
            Some("ok") => Ok(words.collect()),
            Some("err") => Err(failure(&words.next().unwrap())),
            _ => panic!("{line:?} was answered {answer:?}"),
        }
    }

    fn bytes(&mut self, line: &str) -> Result<Bytes, Failure> {
        let hexadecimal = self.act(line)?.concat();
        let digits = hexadecimal.as_bytes().chunks(2);
        let bytes = digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16));
        Ok(bytes.collect::<Result<_, _>>().unwrap())
    }
}

impl Height for OnAMount {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn pace(&self) -> Duration {
        TTL + self.settings.stale_while_revalidate + SLACK
    }

    fn bounds(&self) -> Bounds {
        let stale = self.settings.stale_while_revalidate;
        let served_stale = if stale.is_zero() { stale } else { stale + STALE_VALID };
        let slack = SLACK + self.slowest;
        let (found, absent) = (TTL + served_stale + slack, NEGATIVE + slack);
        Bounds { found, absent, since: Duration::ZERO }
    }

    fn stat(&mut self, path: &str) -> Result<Stat, Failure> {
        self.act(&format!("stat {path}")).map(|words| stat(&words))
    }

    fn read(&mut self, path: &str, offset: u64, length: u32) -> Result<Bytes, Failure> {
        self.bytes(&format!("read {path} {offset} {length}"))
    }

    fn list(&mut self, path: &str) -> Result<Vec<Listed>, Failure> {
        let words = self.act(&format!("list {path}"))?;
        let mut listed: Vec<Listed> = words.iter().map(|word| entry(word)).collect();
        let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(names[..2], [".", ".."]);
        Ok(listed.split_off(2))
    }

    fn open(&mut self, path: &str) -> Result<u64, Failure> {
        self.act(&format!("open {path}")).map(|words| words[0].parse().unwrap())
    }

    fn stat_open(&mut self, handle: u64) -> Result<Stat, Failure> {
        self.act(&format!("fstat {handle}")).map(|words| stat(&words))
    }

    fn read_open(&mut self, handle: u64, offset: u64, length: u32) -> Result<Bytes, Failure> {
        self.bytes(&format!("pread {handle} {offset} {length}"))
    }

    fn close(&mut self, handle: u64) {
        self.act(&format!("close {handle}")).unwrap();
    }

    fn forget(&mut self, which: usize) {
        // For the whole machine, so not every time.
        if which == 0 {
            std::fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
        }
    }

    fn reload(&mut self) {
        self.mounted.tree.replace(self.source.clone(), self.settings.clone());
    }
}

fn stat(words: &[String]) -> Stat {
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let modified = Duration::from_secs(number(3)) + Duration::from_nanos(number(4));
    Stat { st_ino: number(0), kind: kind(&words[1]).unwrap(), size: number(2), modified }
}

fn entry(word: &str) -> Listed {
    let parts: Vec<&str> = word.split(':').collect();
    let number: u64 = parts[2].parse().unwrap();
    let st_ino = (number != UNKNOWN_INO).then_some(number);
    Listed { name: parts[0].to_owned(), kind: kind(parts[1]), st_ino }
}

fn kind(letter: &str) -> Option<NodeKind> {
    match letter {
        "f" => Some(NodeKind::File),
        "d" => Some(NodeKind::Directory),
        _ => None,
    }
}

fn failure(number: &str) -> Failure {
    match Errno::from_raw_os_error(number.parse().unwrap()) {
        Errno::NOENT => Failure::Absent,
        Errno::NOTDIR => Failure::NotADirectory,
        Errno::ISDIR => Failure::IsADirectory,
        Errno::STALE => Failure::Stale,
        other => Failure::Other(format!("{other:?}")),
    }
}

/// Takes so many rows of steps, the same ones every time.
fn agrees(seed: u64, cases: u32, caching: Caching) {
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        // Each is a mount, and its waits are real.
        max_shrink_iters: 20,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&steps(35..45), |steps| {
        let mut height = OnAMount::new(caching);
        let source = height.source.clone();
        run(&mut height, &source, &steps)
    });
    if let Err(TestError::Fail(why, steps)) = result {
        panic!("{caching:?}: {why}\nof {steps:#?}");
    }
    result.unwrap();
}

/// Several at a time, since they mostly wait.
fn agree(seed: u64, cases: u32, caching: Caching) {
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || agrees(seed + part, cases / 4, caching));
        }
    });
}

const LARGE: u64 = 1 << 20;
/// Less than a file of the model can have.
const SMALL: u64 = 12_000;

#[test]
fn a_mount_agrees_with_the_naive_tree() {
    let caching = Caching { memory: LARGE, stale: Duration::ZERO, notices: Notices::Auto };
    agree(100, 16, caching);
}

#[test]
fn a_mount_agrees_without_memory() {
    let caching = Caching { memory: SMALL, stale: Duration::ZERO, notices: Notices::Auto };
    agree(200, 12, caching);
}

#[test]
fn a_mount_agrees_with_the_notices_of_an_older_kernel() {
    let notices = Notices::FallbacksOnly;
    agree(300, 12, Caching { memory: LARGE, stale: Duration::ZERO, notices });
}

#[test]
fn a_mount_agrees_when_it_serves_what_is_stale() {
    let stale = Duration::from_millis(200);
    agree(400, 12, Caching { memory: LARGE, stale, notices: Notices::Auto });
}
