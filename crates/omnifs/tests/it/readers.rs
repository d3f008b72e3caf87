//! Many readers for a minute, while the kernel forgets and components are exchanged.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, mounted};

const READERS: usize = 64;

const DURATION: Duration = Duration::from_secs(60);

/// How often the component is exchanged, and the kernel's caches are dropped in their turn.
const STEP: Duration = Duration::from_secs(2);

/// What is to be found.
struct Known {
    files: Vec<(PathBuf, Vec<u8>)>,
    directories: Vec<(PathBuf, BTreeSet<OsString>)>,
    big: (PathBuf, Vec<u8>),
}

impl Known {
    fn new(mounts: &Path) -> Self {
        let entries = guests::sample::entries();
        let at = |path: &str| mounts.join("tree").join(path);
        let names_in = |directory: &Path| -> BTreeSet<OsString> {
            let paths = entries.iter().map(|entry| at(&entry.path));
            let children = paths.filter(|path| path.parent() == Some(directory));
            children.map(|path| path.file_name().unwrap().to_owned()).collect()
        };
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for entry in &entries {
            let path = at(&entry.path);
            match entry.bytes() {
                Some(bytes) => files.push((path, bytes)),
                None => directories.push((path.clone(), names_in(&path))),
            }
        }
        let big = (mounts.join("big/big"), guests::pseudo_random(60 << 20));
        Self { files, directories, big }
    }
}

/// A generator of numbers, xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

/// Does one thing and compares; the error says what was wrong.
fn read_something(known: &Known, random: &mut Random) -> Result<(), String> {
    let failed = |path: &Path, what: &str| format!("{}: {what}", path.display());
    match random.below(8) {
        0 => {
            let (path, names) = &known.directories[random.below(known.directories.len())];
            let entries = fs::read_dir(path).map_err(|error| failed(path, &error.to_string()))?;
            let found: Result<BTreeSet<_>, _> =
                entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
            match found {
                Ok(found) if found == *names => Ok(()),
                other => Err(failed(path, &format!("{other:?}"))),
            }
        }
        1 | 2 => {
            let (path, bytes) = &known.big;
            let file = File::open(path).map_err(|error| failed(path, &error.to_string()))?;
            let mut part = vec![0; 1 + random.below(128 << 10)];
            let offset = random.below(bytes.len() - part.len());
            let read = file.read_exact_at(&mut part, offset as u64);
            read.map_err(|error| failed(path, &format!("at {offset}: {error}")))?;
            let right = part == bytes[offset..offset + part.len()];
            right.then_some(()).ok_or_else(|| failed(path, &format!("wrong bytes at {offset}")))
        }
        3 => {
            let (path, bytes) = &known.files[random.below(known.files.len())];
            let found = fs::metadata(path).map_err(|error| failed(path, &error.to_string()))?;
            let size = found.len();
            (size == bytes.len() as u64).then_some(()).ok_or_else(|| failed(path, "wrong size"))
        }
        kind => {
            let (path, bytes) = &known.files[random.below(known.files.len())];
            if kind == 4 {
                // Of this one file the kernel keeps nothing.
                let file = File::open(path).map_err(|error| failed(path, &error.to_string()))?;
                fadvise(&file, 0, None, Advice::DontNeed).map_err(|error| error.to_string())?;
            }
            let found = fs::read(path).map_err(|error| failed(path, &error.to_string()))?;
            (found == *bytes).then_some(()).ok_or_else(|| failed(path, "wrong bytes"))
        }
    }
}

/// Puts the same component in the place of the one that serves.
fn install(sandbox: &Sandbox, name: &str, component: &[u8]) -> PathBuf {
    let (new, at) = (sandbox.root().join("new"), sandbox.root().join(format!("{name}.wasm")));
    fs::write(&new, component).unwrap();
    fs::rename(new, &at).unwrap();
    at
}

/// Disturbs the readers until the time is over.
fn disturb(sandbox: &Sandbox) {
    let end = Instant::now() + DURATION;
    let mut turn = 0_u32;
    while Instant::now() < end {
        install(sandbox, "tree", guests::TREE);
        // Making its 60 MiB anew each time would be most of what the machine does.
        if turn.is_multiple_of(4) {
            install(sandbox, "big", guests::BIG);
        }
        // Ten seconds with what the kernel remembers, ten without.
        if turn / 5 % 2 == 1 {
            fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
        }
        turn += 1;
        std::thread::sleep(STEP);
    }
}

#[test]
fn sixty_four_for_a_minute_see_no_wrong_byte() {
    let sandbox = Sandbox::new(OMNIFS);
    let components = [("tree", guests::TREE), ("big", guests::BIG)]
        .map(|(name, bytes)| (name, install(&sandbox, name, bytes)));
    let providers = components.each_ref().map(|(name, path)| (*name, path.to_str().unwrap()));
    let known = Known::new(&mounted(&sandbox, &providers));
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let faults = Mutex::new(Vec::new());
    let (ended, ends) = channel();
    let exchanges = || sandbox.omnifs(["logs"]).stdout.matches("exchanged").count();

    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (known, stop, done, faults, ended) = (&known, &stop, &done, &faults, ended.clone());
            scope.spawn(move || {
                let mut random = Random(0x9e37_79b9 + reader as u64);
                while !stop.load(Ordering::Relaxed) {
                    if let Err(fault) = read_something(known, &mut random) {
                        faults.lock().unwrap().push(fault);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20 + random.below(60) as u64));
                }
                ended.send(()).unwrap();
            });
        }
        disturb(&sandbox);
        stop.store(true, Ordering::Relaxed);
        for _ in 0..READERS {
            // Not a panic: the scope would wait for the one that is stuck, and hide it.
            if ends.recv_timeout(LIMIT).is_err() {
                faults.lock().unwrap().push("a reader is stuck".to_owned());
                let _ = sandbox.omnifs(["stop"]);
                break;
            }
        }
    });
    let (faults, done) = (faults.into_inner().unwrap(), done.into_inner());
    assert!(faults.is_empty(), "{} of {done}: {:?}", faults.len(), &faults[..faults.len().min(9)]);
    assert!(done > 5_000, "only {done}");
    assert!(wait_until(LIMIT, || exchanges() >= 30), "{}", exchanges());
    println!("{done} comparisons, {} exchanges", exchanges());
}
