//! A provider that numbers its objects in the order of discovery.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::sync::Barrier;

use rustix::fs::{Advice, fadvise};
use serde_json::Value;
use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, mounted_with};

const READERS: usize = 16;

/// A cache that keeps next to nothing, so that what is read is asked for.
const CACHE: &str = "[provider.cache]\nttl = 3600\nmemory = 1\ndisk = false\n";

fn status(sandbox: &Sandbox) -> Value {
    let output = sandbox.omnifs(["status", "--json"]).expect_code(0);
    serde_json::from_str::<Value>(&output.stdout).unwrap()["providers"][0].clone()
}

/// Reads a file that is to hold its own path, past the kernel's cache.
fn check_file(mount: &Path, path: &Path) {
    let mut file = File::open(path).unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, format!("{}\n", path.strip_prefix(mount).unwrap().display()));
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Walks and reads all; each reader begins at another place, half of them backwards.
fn walk(mount: &Path, reader: usize) {
    // First of all something slow by everybody, so that one instance is not enough.
    check_file(mount, &mount.join("slow").join((1 + reader % 8).to_string()));
    let mut directories = names(mount);
    directories.sort();
    assert_eq!(directories.len(), 28);
    directories.rotate_left(reader);
    if reader % 2 == 1 {
        directories.reverse();
    }
    for directory in directories.iter().filter(|name| *name != "trap") {
        let directory = mount.join(directory);
        let files = names(&directory);
        assert_eq!(files.len(), if directory.ends_with("slow") { 8 } else { 3 });
        for file in files {
            if !directory.ends_with("slow") {
                check_file(mount, &directory.join(file));
            }
        }
    }
}

/// Lets all readers walk at once; returns the most instances that were seen meanwhile.
fn walk_all(sandbox: &Sandbox, mount: &Path) -> u64 {
    let start = Barrier::new(READERS);
    std::thread::scope(|scope| {
        let walk = |reader| {
            start.wait();
            walk(mount, reader);
        };
        let readers: Vec<_> =
            (0..READERS).map(|reader| scope.spawn(move || walk(reader))).collect();
        let mut most = 0;
        while readers.iter().any(|reader| !reader.is_finished()) {
            most = most.max(status(sandbox)["instances"].as_u64().unwrap());
        }
        most
    })
}

#[test]
fn sixteen_readers_get_right_bytes_from_one_instance_in_the_end() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted_with(&sandbox, &[("counter", guests::COUNTER_PATH)], CACHE).join("counter");

    let most = walk_all(&sandbox, &mount);
    assert!(most > 1, "one instance was enough, so nothing was shown");
    assert!(wait_until(LIMIT, || status(&sandbox)["instances"] == 1));

    assert_eq!(walk_all(&sandbox, &mount), 1);

    // It takes what it knows with it: the next one numbers everything anew.
    assert!(fs::read(mount.join("trap")).is_err());
    let traps = status(&sandbox)["traps"].as_u64().unwrap();
    assert!(traps > 0);
    assert_eq!(walk_all(&sandbox, &mount), 1);
    assert_eq!(status(&sandbox)["traps"], traps);

    let log = sandbox.omnifs(["logs"]).stdout;
    let told: Vec<_> = log.lines().filter(|line| line.contains("stable_inode")).collect();
    assert_eq!(told.len(), 1, "{log}");
    for part in ["counter", "another inode", "One instance serves all calls", "stable_inode(id)"] {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
}
