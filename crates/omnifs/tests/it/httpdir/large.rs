//! A file of a gibibyte.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use testkit::wait_until;

use super::Scene;
use crate::LIMIT;

const GIB: u64 = 1 << 30;

/// Reads 4 KiB at 200 places that nothing leads to and prints their sum.
const JUMPS: &str = "python3 -c '
import hashlib, os
file, sums, at = os.open(\"large\", os.O_RDONLY), hashlib.sha256(), 1
for _ in range(200):
    at = (at * 6364136223846793005 + 1442695040888963407) % 2**64
    place = (at >> 20) % 2**18 * 4096
    sums.update(os.pread(file, 4096, place))
print(sums.hexdigest())
'";

/// A file of a gibibyte is read in parts: a jump costs one request at most, and reading in turn a
/// few large ones.
#[test]
fn a_gibibyte_is_read_in_parts_and_is_its_upstream_s_to_the_byte() {
    let scene = Scene::new("/listed/", "[provider.cache]\nttl = \"1h\"\ndisk = false\n");
    let path = scene.nginx.files().join("large");
    let large = File::create(&path).unwrap();
    large.set_len(GIB).unwrap();
    // Nowhere the same: a part in the place of another one would show.
    for at in (0..GIB).step_by(4_096) {
        large.write_all_at(&at.to_le_bytes(), at).unwrap();
    }
    super::age(&scene.nginx.files());
    scene.rig.start();
    assert_eq!(scene.shell("stat -c %s large"), "1073741824\n");
    let listed = scene.requests();
    assert_eq!(scene.shell(JUMPS), scene.upstream(JUMPS));
    let jumped = scene.requests().0 - listed.0;
    assert!((190..=200).contains(&jumped), "{jumped} requests for 200 jumps");
    assert_eq!(scene.shell("sha256sum large"), scene.upstream("sha256sum large"));
    let read = scene.requests().0 - listed.0 - jumped;
    assert!(read < 300, "{read} requests for a gibibyte");
    let requests = scene.nginx.requests();
    let whole = requests.iter().filter(|r| r.target.ends_with("large") && r.range.is_empty());
    assert_eq!(whole.count(), 0, "only parts are asked for");
}

/// A file that became another one while it is read is an error for who reads the old one.
#[test]
fn parts_are_of_one_version() {
    let scene = Scene::new("/listed/", "[provider.cache]\ndisk = false\n");
    let put = |byte: u8, size: usize| scene.nginx.put("large", vec![byte; size]);
    put(b'a', 8 << 20);
    super::age(&scene.nginx.files());
    scene.rig.start();
    let read = "python3 -c '
import os, sys
file = os.open(\"large\", os.O_RDONLY)
print(os.pread(file, 4, 0), flush=True)
sys.stdin.readline()
try: print(os.pread(file, 4, 6 << 20))
except OSError as error: print(error.strerror)
'";
    let mut shell = scene.rig.sandbox.command("sh");
    let mount = scene.rig.sandbox.root().join("mnt/f");
    shell.args(["-c", read]).current_dir(mount);
    let mut python = shell
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(python.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "b'aaaa'\n");
    put(b'b', 9 << 20);
    drop(python.stdin.take());
    line.clear();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert!(python.wait().unwrap().success());
    assert_eq!(line, "Stale file handle\n");
}

const KEPT: usize = 40 << 20;

/// Makes a file that is nowhere the same, changed so many seconds after a minute began.
fn write_kept(path: &Path, seed: u64, second: u64) {
    let words = (0..KEPT as u64 / 8).flat_map(|at| (at ^ seed).to_le_bytes());
    std::fs::write(path, words.collect::<Vec<_>>()).unwrap();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_322_980 + second);
    File::options().write(true).open(path).unwrap().set_modified(changed).unwrap();
}

/// A large file is on disk after it was read, and comes from there after a restart but for what
/// shows that it is the same one; where its listing cannot show a change, that does.
#[test]
fn a_large_file_outlives_a_restart_and_is_never_mixed_with_another_one() {
    let scene = Scene::new("/listed/", "[provider.cache]\nttl = \"1h\"\n");
    let path = scene.nginx.files().join("large");
    write_kept(&path, 0, 1);
    scene.rig.start();
    let read = || {
        let before = scene.nginx.requests().len();
        assert_eq!(scene.shell("sha256sum large"), scene.upstream("sha256sum large"));
        let requests = scene.nginx.requests().split_off(before);
        requests.iter().filter(|request| request.target.ends_with("large")).count()
    };
    let on_disk = || {
        let stats = scene.rig.sandbox.omnifs(["cache", "stats", "--json"]).expect_code(0).stdout;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        stats["providers"][0]["disk"]["bytes"].as_u64().unwrap()
    };
    let restart = || {
        assert!(wait_until(LIMIT, || on_disk() > KEPT as u64), "{} are on disk", on_disk());
        let _restarted = scene.rig.sandbox.omnifs(["restart"]).expect_code(0);
    };
    assert!(read() >= 10, "parts of up to 4 MiB");
    restart();
    // The first part and, while that comes, perhaps the next.
    assert!(read() <= 2);
    restart();
    // The same minute, and the same size.
    write_kept(&path, 1, 2);
    assert!(read() >= 10, "all of it is another one");
}
