//! A cache that was damaged, or whose daemon was killed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests};

use super::{cache_of, segments, stats};
use crate::{OMNIFS, mounted_with};

/// Fresh for longer than a test takes: what is kept is what is served.
const LONG: &str = "[provider.cache]\nttl = \"1h\"\n";

/// A generator of numbers, xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 1) % limit
    }
}

/// Flips one bit of all files, each as probable as any other.
fn flip(cache: &Path, random: &mut Random) {
    let files = segments(cache);
    let sizes: Vec<u64> = files.iter().map(|file| file.metadata().unwrap().len()).collect();
    let mut at = random.below(sizes.iter().sum::<u64>() * 8);
    for (file, size) in files.iter().zip(sizes) {
        if at < size * 8 {
            let file = File::options().read(true).write(true).open(file).unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, at / 8).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << (at % 8))], at / 8).unwrap();
            return;
        }
        at -= size * 8;
    }
}

/// > Whatever becomes of the cache's files, or of the daemon while it writes them, what comes from
/// > there is right, or it is fetched again.
#[test]
fn a_thousand_flipped_bits_give_no_wrong_byte() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted_with(&sandbox, &[("forest", guests::FOREST_PATH)], LONG).join("forest");
    let plain = sandbox.root().join("plain");
    guests::plant_forest(&plain).unwrap();
    let compare = format!("diff -r {} {}", plain.display(), mount.display());
    assert_eq!(sandbox.shell(&compare).expect_code(0).stdout, "");
    let mut random = Random(0x5eed);
    for round in 0..3 {
        let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
        for _ in 0..1_000 {
            flip(&cache_of(&sandbox, "forest"), &mut random);
        }
        let _started = sandbox.omnifs(["start"]).expect_code(0);
        assert_eq!(sandbox.shell(&compare).expect_code(0).stdout, "", "round {round}");
        let counts = stats(&sandbox)["disk"]["counts"].clone();
        assert!(counts["hits"].as_u64() > Some(0), "most of it is sound: {counts}");
        assert!(counts["damaged"].as_u64() > Some(0), "some of it was hit: {counts}");
    }
}

#[test]
fn twenty_kills_while_it_fills_leave_what_is_sound_and_nothing_else() {
    let sandbox = Sandbox::new(OMNIFS);
    let mount = mounted_with(&sandbox, &[("forest", guests::FOREST_PATH)], LONG).join("forest");
    let plain = sandbox.root().join("plain");
    guests::plant_forest(&plain).unwrap();
    let (mount, plain) = (mount.display(), plain.display());
    let mut random = Random(20);
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        // Another part of it each time, so that there is always something to fill in.
        let fill =
            format!("find {mount} -type f -path '*{:02}*' -exec cat {{}} + | wc -c", round * 5);
        let mut filling = sandbox.command("sh");
        filling.args(["-c", &fill]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut filling = filling.spawn().unwrap();
        sleep(Duration::from_millis(20 + random.below(200)));
        let daemon = i32::try_from(sandbox.daemon().unwrap()).unwrap();
        kill_process(Pid::from_raw(daemon).unwrap(), Signal::KILL).unwrap();
        let _ended = filling.wait().unwrap();
        let begun = Instant::now();
        let _started = sandbox.omnifs(["start"]).expect_code(0);
        slowest = slowest.max(begun.elapsed());
        let some = format!("diff -r {plain}/plain00 {mount}/plain00");
        assert_eq!(sandbox.shell(&some).expect_code(0).stdout, "", "round {round}");
    }
    println!("the slowest of 20 starts after a kill took {} ms", slowest.as_millis());
    let compare = format!("diff -r {plain} {mount}");
    assert_eq!(sandbox.shell(&compare).expect_code(0).stdout, "");
    let counts = stats(&sandbox)["disk"]["counts"].clone();
    assert_eq!(counts["damaged"], 0, "{counts}");
    assert!(counts["hits"].as_u64() > Some(0), "{counts}");
    let _stopped = sandbox.omnifs(["stop"]).expect_code(0);
    fs::remove_dir_all(cache_of(&sandbox, "forest")).unwrap();
    let _started = sandbox.omnifs(["start"]).expect_code(0);
    assert_eq!(sandbox.shell(&compare).expect_code(0).stdout, "");
}
