//! Readers, walks and searches for a while, on what is kept and on what is not: `cargo xtask soak`
//! runs it for as long as it is told, the gate for a minute.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use testkit::{Upstream, wait_until};

use super::{Rig, mirrored};
use crate::{LIMIT, memory_of};

/// How long it lasts, in seconds.
const VARIABLE: &str = "OMNIFS_SOAK";

/// How long it lasts in the gate.
const SHORT: Duration = Duration::from_secs(60);

const DIRECTORIES: usize = 20;
const FILES: usize = 100;
const READERS: usize = 64;
const FINDS: usize = 8;
const SEARCHES: usize = 4;

/// No read may take longer.
const STALL: Duration = Duration::from_secs(2);

/// No walk over everything may, of which each operation is short.
const WALK: Duration = Duration::from_secs(60);

/// Returns the bytes of a file: of many lengths, and of no two files the same.
fn content(directory: usize, file: usize) -> Vec<u8> {
    let line = format!("{directory} {file} is here\n");
    line.repeat(1 + (directory * 7 + file * 13) % 500).into_bytes()
}

/// What was seen so far.
#[derive(Default)]
struct Tally {
    operations: AtomicU64,
    /// The longest operation, in milliseconds.
    longest: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl Tally {
    /// Does one thing, and notes what was wrong with it, and that it took longer than `limit`.
    fn take(&self, what: &str, limit: Duration, operation: impl FnOnce() -> Result<(), String>) {
        let begun = Instant::now();
        let outcome = operation();
        let took = begun.elapsed();
        self.operations.fetch_add(1, Ordering::Relaxed);
        if limit == STALL {
            self.longest.fetch_max(took.as_millis() as u64, Ordering::Relaxed);
        }
        let stalled = (took > limit).then(|| format!("took {} ms", took.as_millis()));
        for fault in outcome.err().into_iter().chain(stalled) {
            self.faults.lock().unwrap().push(format!("{what}: {fault}"));
        }
    }
}

/// A server that takes 5 ms for each answer, and a mount of it that keeps half of the bytes in
/// memory, for two seconds.
fn rig() -> (Rig, Upstream) {
    let cache = "ttl = \"2s\"\nstale_while_revalidate = \"1s\"\nmemory = \"4MiB\"\n";
    mirrored(cache, (DIRECTORIES, FILES), content, Duration::from_millis(5))
}

fn read(mount: &Path, directory: usize, file: usize) -> Result<(), String> {
    let path = mount.join(format!("d{directory:02}/f{file}.txt"));
    match fs::read(&path) {
        Ok(bytes) if bytes == content(directory, file) => Ok(()),
        Ok(bytes) => {
            let right = content(directory, file);
            let same = bytes.iter().zip(&right).take_while(|(a, b)| a == b).count();
            let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
            let (had, wanted) = (bytes.len(), right.len());
            Err(format!("{had} bytes of {wanted}, {same} of them right, {zeros} zeros at the end"))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Reads files in an order of its own.
fn read_for(length: Duration, (tally, mount): (&Tally, &Path), reader: usize) {
    let begun = Instant::now();
    let mut random = reader as u64 * 2 + 1;
    while begun.elapsed() < length {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = (random >> 33) as usize;
        let (directory, file) = (place % DIRECTORIES, place / DIRECTORIES % FILES);
        tally.take("read", STALL, || read(mount, directory, file));
        std::thread::sleep(Duration::from_millis(place as u64 % 20));
    }
}

/// Runs a line of shell that goes through everything, over and over.
fn walk_for(length: Duration, (tally, rig): (&Tally, &Rig), (what, line): (&str, &str)) {
    let (begun, all) = (Instant::now(), format!("{}\n", DIRECTORIES * FILES));
    while begun.elapsed() < length {
        let output = rig.shell(line);
        let right = output.code() == 0 && output.stdout == all;
        let fault = || format!("{} {}", output.stdout.trim(), output.stderr.trim());
        tally.take(what, WALK, || if right { Ok(()) } else { Err(fault()) });
    }
}

fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

/// > Also a program that reads without asking for the size first sees the file to its end and
/// > nothing behind it, whoever else looks at it at the same time.
#[test]
fn readers_walks_and_searches_see_no_error_no_wrong_byte_and_no_stall() {
    let told = std::env::var(VARIABLE).ok().and_then(|seconds| seconds.parse().ok());
    let length = told.map_or(SHORT, Duration::from_secs);
    let (rig, upstream) = rig();
    let mount = rig.sandbox.seen(rig.sandbox.root().join("mnt/f"));
    let daemon = rig.sandbox.daemon().unwrap();
    let tally = Tally::default();
    let begun = Instant::now();
    let mut marks = Vec::new();
    std::thread::scope(|scope| {
        (0..READERS).for_each(|reader| {
            let (tally, mount) = (&tally, &mount);
            scope.spawn(move || read_for(length, (tally, mount), reader));
        });
        let lines = [
            ("find", "find . -type f | wc -l", FINDS),
            ("rg", "rg -l 'is here' | wc -l", SEARCHES),
        ];
        for (what, line, count) in lines {
            for _ in 0..count {
                let (rig, tally) = (&rig, &tally);
                scope.spawn(move || walk_for(length, (tally, rig), (what, line)));
            }
        }
        while begun.elapsed() < length {
            marks.push((begun.elapsed(), memory_of(daemon, "VmRSS"), descriptors(daemon)));
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let settled = marks.iter().find(|(at, ..)| *at >= length / 5).unwrap();
    let last = marks.last().unwrap();
    let grown = last.1.saturating_sub(settled.1);
    println!(
        "{} s: {} operations, the longest read {} ms; {} requests; memory {} MiB, {} KiB more than after a \
         fifth of the time; {} descriptors, {} then; faults: {}",
        length.as_secs(),
        tally.operations.load(Ordering::Relaxed),
        tally.longest.load(Ordering::Relaxed),
        upstream.requests().len(),
        last.1 >> 10,
        grown,
        last.2,
        settled.2,
        tally.faults.lock().unwrap().len(),
    );
    let faults = tally.faults.into_inner().unwrap();
    assert!(
        faults.is_empty(),
        "{} faults: {:?}",
        faults.len(),
        faults.get(..10).unwrap_or(&faults)
    );
    assert!(grown < 32 << 10, "{grown} KiB more");
    // A connection or two may be under way.
    assert!(last.2 <= settled.2 + 16, "{} descriptors, {} before", last.2, settled.2);
    assert_eq!(rig.sandbox.daemon(), Some(daemon));
    assert!(wait_until(LIMIT, || rig.sandbox.omnifs(["stop"]).code() == 0));
}
