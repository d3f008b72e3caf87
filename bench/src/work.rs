//! What is done to a tree, and checked: calls of the kernel in a loop, tools, and readers.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{Advice, AtFlags, Mode, OFlags, fadvise, open, openat, statat};

use crate::figure::Wrong;
use crate::tree::{self, LARGE, Random, SMALL};

/// When a contender has taken too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    begun: Instant,
    time: Duration,
}

impl Limit {
    /// Returns a limit that begins now.
    pub(crate) fn new(time: Duration) -> Self {
        Self { begun: Instant::now(), time }
    }

    fn check(self) -> Result<()> {
        ensure!(self.begun.elapsed() < self.time, "over {} s", self.time.as_secs());
        Ok(())
    }
}

/// Opens the root of a tree, so that paths in it are walked from there.
pub(crate) fn root(at: &Path) -> Result<OwnedFd> {
    open(at, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .with_context(|| format!("cannot open {}", at.display()))
}

/// Asks for the attributes of every path.
pub(crate) fn stat_all(root: &OwnedFd, paths: &[String]) -> Result<()> {
    for path in paths {
        let found = statat(root, path.as_str(), AtFlags::empty()).with_context(|| path.clone())?;
        if found.st_size != i64::try_from(SMALL)? {
            return Err(Wrong(format!("{path}: a size of {}", found.st_size)).into());
        }
    }
    Ok(())
}

/// Opens, reads and closes every path; the buffer is left with what the last one had.
pub(crate) fn read_all(root: &OwnedFd, paths: &[String], limit: Limit) -> Result<()> {
    let mut buffer = [0; 2 * SMALL];
    for path in paths {
        let count = read_one(root, path, &mut buffer).with_context(|| path.clone())?;
        if count != SMALL {
            return Err(Wrong(format!("{path}: {count} bytes")).into());
        }
        limit.check()?;
    }
    Ok(())
}

fn read_one(root: &OwnedFd, path: &str, buffer: &mut [u8]) -> Result<usize> {
    let file = openat(root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::io::read(&file, buffer)?)
}

/// Reads every path, and compares its bytes with those that were made.
pub(crate) fn verify(root: &OwnedFd, paths: &[String], limit: Limit) -> Result<()> {
    let mut buffer = [0; 2 * SMALL];
    for path in paths {
        let count = read_one(root, path, &mut buffer).with_context(|| path.clone())?;
        tree::check(path, buffer.get(..count).unwrap_or_default())?;
        limit.check()?;
    }
    Ok(())
}

/// Has so many threads read all paths, each the next one that nobody has begun, and compare them.
/// Returns how long they took.
pub(crate) fn readers(
    at: &Path,
    paths: &[String],
    (threads, limit): (usize, Limit),
) -> Result<Duration> {
    let root = root(at)?;
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let barrier = std::sync::Barrier::new(threads + 1);
    let begun = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                barrier.wait();
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = verify(&root, std::slice::from_ref(path), limit) {
                        next.store(paths.len(), Ordering::Relaxed);
                        if let Ok(mut failure) = failure.lock() {
                            failure.get_or_insert(error);
                        }
                    }
                }
            });
        }
        barrier.wait();
        Instant::now()
    });
    let took = begun.elapsed();
    match failure.into_inner() {
        Ok(Some(error)) => Err(error),
        Ok(None) => Ok(took),
        Err(_) => bail!("a reader panicked"),
    }
}

/// What a tool printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
}

/// Runs a tool in a directory, reads all that it prints, and says how long that took.
pub(crate) fn tool(at: &Path, words: &[&str], limit: Duration) -> Result<(Printed, Duration)> {
    let (program, arguments) = words.split_first().context("no program")?;
    let shown = words.join(" ");
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(at)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let id = child.id();
    let (ended, end) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || end_after(id, limit, &end));
    let mut printed = Printed { lines: 0, bytes: 0 };
    let mut buffer = vec![0; 1 << 16];
    if let Some(output) = &mut child.stdout {
        loop {
            let count = output.read(&mut buffer)?;
            let piece = buffer.get(..count).unwrap_or_default();
            printed.bytes += count;
            printed.lines += piece.iter().filter(|byte| **byte == b'\n').count();
            if count == 0 {
                break;
            }
        }
    }
    let output = child.wait_with_output()?;
    let took = begun.elapsed();
    drop(ended);
    ensure!(watch.join().is_ok_and(|late| !late), "over {} s", limit.as_secs());
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{shown}: {}: {}", output.status, said.trim());
    Ok((printed, took))
}

/// Ends a process that is still there after a time; returns whether it was.
fn end_after(id: u32, limit: Duration, end: &mpsc::Receiver<()>) -> bool {
    if end.recv_timeout(limit) != Err(mpsc::RecvTimeoutError::Timeout) {
        return false;
    }
    let process = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(process) = process {
        // It is still a child that nobody has waited for, so the number is its own.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
    true
}

/// Reads a file from its begin to its end, and says how long that took.
pub(crate) fn sequential(at: &Path, limit: Limit) -> Result<Duration> {
    let begun = Instant::now();
    let mut file = File::open(at).with_context(|| at.display().to_string())?;
    let (mut bytes, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        bytes += u64::try_from(count)?;
        limit.check()?;
    }
    let took = begun.elapsed();
    if bytes != LARGE {
        return Err(Wrong(format!("{}: {bytes} bytes", at.display())).into());
    }
    Ok(took)
}

/// Compares two files, byte by byte.
pub(crate) fn compare(left: &Path, right: &Path) -> Result<()> {
    let (mut a, mut b) = (File::open(left)?, File::open(right)?);
    let (mut ours, mut theirs) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let count = a.read(&mut ours)?;
        if count == 0 {
            break;
        }
        let piece = theirs.get_mut(..count).unwrap_or_default();
        b.read_exact(piece)?;
        if ours.get(..count) != Some(piece) {
            return Err(Wrong(format!("{}: wrong bytes", left.display())).into());
        }
    }
    ensure!(b.read(&mut theirs)? == 0, "{} is too short", left.display());
    Ok(())
}

/// Returns so many offsets of 4 KiB each in the large file, each at another place.
pub(crate) fn offsets(count: usize, seed: u64) -> Vec<u64> {
    let mut random = Random::new(seed);
    let mut found = std::collections::BTreeSet::new();
    let mut offsets = Vec::with_capacity(count);
    while offsets.len() < count {
        let offset = random.next() % (LARGE / 4096) * 4096;
        if found.insert(offset) {
            offsets.push(offset);
        }
    }
    offsets
}

/// Has threads read 4 KiB at each offset, compares with `truth`, and says how long that took.
pub(crate) fn random(
    (at, truth): (&Path, &Path),
    offsets: &[u64],
    (threads, limit): (usize, Limit),
) -> Result<Duration> {
    let file = File::open(at).with_context(|| at.display().to_string())?;
    fadvise(&file, 0, None, Advice::Random)?;
    let begun = Instant::now();
    let one = |first: usize| -> Result<Vec<(u64, [u8; 4096])>> {
        let mut read = Vec::new();
        for offset in offsets.iter().skip(first).step_by(threads) {
            let mut block = [0; 4096];
            file.read_exact_at(&mut block, *offset)?;
            read.push((*offset, block));
            limit.check()?;
        }
        Ok(read)
    };
    let one = &one;
    let read = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|first| scope.spawn(move || one(first))).collect();
        let ends =
            all.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("it panicked")));
        ends.collect::<Result<Vec<_>>>()
    })?;
    let took = begun.elapsed();
    let truth = File::open(truth)?;
    for (offset, block) in read.into_iter().flatten() {
        let mut right = [0; 4096];
        truth.read_exact_at(&mut right, offset)?;
        if block != right {
            return Err(Wrong(format!("wrong bytes at {offset}")).into());
        }
    }
    Ok(took)
}

/// Has the kernel gather its free memory, so that pages that are read into it lie side by side as
/// far as it can: where they lie in pieces that others left, reading them is slower by a third.
/// Needs root.
pub(crate) fn gather_free_memory() -> Result<()> {
    drop_kernel_caches()?;
    tell_kernel("compact_memory", "1")
}

/// How much memory is touched: the pages of a gibibyte in the kernel, as many for a disk cache, and
/// what programs take.
const TOUCHED: usize = 3 << 30;

/// Touches free memory and gives it back, so that it costs everybody the same: a virtual machine
/// leaves what is free to its host, and has to ask for each page when it is wanted again, which
/// makes reading a gibibyte take up to four times as long.
pub(crate) fn touch_free_memory() {
    const PAGE: usize = 4096;
    let mut memory = vec![0_u8; TOUCHED];
    for byte in memory.iter_mut().step_by(PAGE) {
        *byte = 1;
    }
    std::hint::black_box(&memory);
}

/// Has the kernel drop names, attributes and pages of all file systems. Needs root.
pub(crate) fn drop_kernel_caches() -> Result<()> {
    rustix::fs::sync();
    tell_kernel("drop_caches", "3")
}

/// Writes one of the switches of proc_sys_vm(5).
fn tell_kernel(switch: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys/vm").join(switch);
    std::fs::write(&path, value).with_context(|| format!("cannot write {}", path.display()))
}
