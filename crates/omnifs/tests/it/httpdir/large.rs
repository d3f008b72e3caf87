//! A file of a gibibyte.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::Scene;

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
