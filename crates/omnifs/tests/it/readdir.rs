//! Directories of any length, read in every way, name each child exactly once.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Sandbox, guests, run, wait_until};

use crate::{LIMIT, OMNIFS, mounted, mounted_with};

/// `argv[1]` directory, `argv[2]` number of names, `argv[3]` the size of the buffer: reads the
/// directory twice with getdents64(2), and says what is wrong with it.
const GETDENTS: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
SYS_GETDENTS64 = {"x86_64": 217, "aarch64": 61}[os.uname().machine]
path, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
buffer = ctypes.create_string_buffer(size)
fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
for turn in range(2):
    os.lseek(fd, 0, os.SEEK_SET)
    names, offsets = [], []
    while True:
        got = libc.syscall(SYS_GETDENTS64, fd, buffer, size)
        assert got >= 0, (os.strerror(ctypes.get_errno()), len(names))
        if got == 0:
            break
        part, at = buffer.raw[:got], 0
        while at < got:
            ino, offset, length, kind = struct.unpack_from("=QqHB", part, at)
            names.append(part[at + 19:at + length].split(b"\0", 1)[0])
            offsets.append(offset)
            assert ino and kind in (0, 4, 8), (names[-1], ino, kind)
            at += length
    expected = [b".", b".."] + [b"name-%06d" % n for n in range(count)]
    assert names == expected, (len(names), len(set(names)))
    assert len(set(offsets)) == len(offsets) and min(offsets) > 0
    print(len(names))
"#;

/// As above without a buffer size, for the two calls that python has.
const SCANDIR: &str = r#"
import os, sys
path, count = sys.argv[1], int(sys.argv[2])
for turn in range(2):
    with os.scandir(path) as entries:
        kinds = [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]
    assert kinds == [("name-%06d" % n, True) for n in range(count)], len(kinds)
    assert os.listdir(path) == [name for name, _ in kinds]
    print(count)
"#;

/// `argv[1]` directory, `argv[2]` number of names: notes the place before each name, goes back
/// to places all over the directory, and to its beginning.
const SEEK: &str = r#"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    DIR *dir = argc == 3 ? opendir(argv[1]) : NULL;
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) + 2 : 0, read = 0;
    long *places = calloc(count + 1, sizeof *places);
    char (*names)[256] = calloc(count + 1, sizeof *names);
    struct dirent *entry;
    if (!dir || !places || !names) return 1;
    for (int turn = 0; turn < 2; turn++, rewinddir(dir)) {
        for (read = 0; read <= count; read++) {
            places[read] = telldir(dir);
            if (!(entry = readdir(dir))) break;
            if (turn && strcmp(names[read], entry->d_name)) return 2;
            strcpy(names[read], entry->d_name);
        }
        if (read != count) return 3;
    }
    for (size_t step = 0; step < 2000 && step <= count; step++) {
        size_t at = step * 7919 % (count + 1);
        seekdir(dir, places[at]);
        entry = readdir(dir);
        if (at == count ? entry != NULL : !entry || strcmp(entry->d_name, names[at])) return 4;
    }
    seekdir(dir, places[count / 2]);
    for (read = 0; readdir(dir); read++) {}
    if (read != count - count / 2) return 5;
    printf("%zu\n", count);
    return closedir(dir);
}
"#;

/// Reads a directory with as few names at a time as go, while others come and go.
const CHANGING: &str = r#"
import os, sys, time
path = sys.argv[1]
seen = set()
for turn in range(3):
    with os.scandir(path) as entries:
        first = [next(entries).name for _ in range(10)]
        time.sleep(1.2)
        other = os.listdir(path)
        names = first + [entry.name for entry in entries]
    for listing in (names, other):
        stamps = {name.split("-")[0] for name in listing}
        numbers = [int(name.split("-")[1]) for name in listing]
        assert len(stamps) == 1 and numbers == list(range(3000)), (stamps, len(listing))
        seen |= stamps
assert len(seen) > 2, seen
print("whole")
"#;

/// The lengths that the component has below `count`.
const COUNTS: &[u32] = &[0, 1, 2, 1_000, 100_000];

fn big(sandbox: &Sandbox) -> PathBuf {
    mounted(sandbox, &[("big", guests::BIG_PATH)]).join("big")
}

/// Runs a program of python to its end and returns what it printed.
fn python(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> String {
    run(sandbox.command("python3").args(["-c", program]).args(arguments)).expect_code(0).stdout
}

#[test]
fn every_length_is_listed_exactly_twice_over() {
    let sandbox = Sandbox::new(OMNIFS);
    let big = big(&sandbox);
    for count in COUNTS {
        let directory = big.join(format!("count/{count}")).display().to_string();
        let listed = python(&sandbox, SCANDIR, &[&directory, &count.to_string()]);
        assert_eq!(listed, format!("{count}\n{count}\n"), "{count}");
        let found = sandbox.shell(&format!("for turn in 1 2; do find {directory} | wc -l; done"));
        assert_eq!(found.stdout, format!("{0}\n{0}\n", count + 1), "{}", found.stderr);
    }
}

#[test]
fn buffers_of_one_name_and_of_many_miss_none() {
    let sandbox = Sandbox::new(OMNIFS);
    let big = big(&sandbox);
    // An entry of these names takes 32 bytes; the kernel fills what the buffer has room for.
    for (count, sizes) in
        [(0, "32"), (1, "32"), (2, "33"), (1_000, "32 64 100 4096"), (100_000, "999 4194304")]
    {
        let directory = big.join(format!("count/{count}")).display().to_string();
        for size in sizes.split(' ') {
            let read = python(&sandbox, GETDENTS, &[&directory, &count.to_string(), size]);
            assert_eq!(read, format!("{0}\n{0}\n", count + 2), "{count} names, {size} bytes");
        }
    }
}

#[test]
fn a_buffer_too_small_for_a_name_is_refused() {
    let sandbox = Sandbox::new(OMNIFS);
    let directory = big(&sandbox).join("count/2").display().to_string();
    let tiny = ["-c", GETDENTS, &directory, "2", "16"];
    let refused = run(sandbox.command("python3").args(tiny)).expect_code(1);
    assert!(refused.stderr.contains("('Invalid argument', 0)"), "{}", refused.stderr);
}

#[test]
fn a_place_in_a_directory_is_found_again() {
    let sandbox = Sandbox::new(OMNIFS);
    let big = big(&sandbox);
    let source = sandbox.home().join("seek.c");
    fs::write(&source, SEEK).unwrap();
    let program = sandbox.home().join("seek");
    let _ = run(sandbox.command("cc").args(["-O1", "-o"]).args([&program, &source])).expect_code(0);
    for count in COUNTS {
        let directory = big.join(format!("count/{count}"));
        let ended = run(sandbox.command(&program).arg(directory).arg(count.to_string()));
        assert_eq!((ended.code(), ended.stdout), (0, format!("{}\n", count + 2)), "{count}");
    }
}

#[test]
fn two_readers_at_once_each_see_all() {
    let sandbox = Sandbox::new(OMNIFS);
    let directory = big(&sandbox).join("count/100000").display().to_string();
    let results: Vec<String> = std::thread::scope(|scope| {
        let reader = |size| {
            let (sandbox, directory) = (&sandbox, &directory);
            scope.spawn(move || python(sandbox, GETDENTS, &[directory, "100000", size]))
        };
        let readers = [reader("512"), reader("65536")];
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert_eq!(results, ["100002\n100002\n"; 2]);
}

#[test]
fn a_directory_that_changes_under_its_reader_stays_whole() {
    let sandbox = Sandbox::new(OMNIFS);
    let brief = "[provider.cache]\nttl = \"500ms\"\nnegative = 0\nstale_while_revalidate = 0\n";
    let mounts = mounted_with(&sandbox, &[("big", guests::BIG_PATH)], brief);
    let directory = mounts.join("big/changing").display().to_string();
    assert_eq!(python(&sandbox, CHANGING, &[&directory]), "whole\n");
}

/// Lists a directory, lets the listing grow old, and lists it again when the kernel has thrown
/// the second half of its copy away, as it does when memory is short.
const RECLAIMED: &str = r#"
import os, sys, time
path = sys.argv[1]
fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
for turn in range(3):
    first = os.listdir(path)
    time.sleep(1)
    again = os.listdir(path)
    os.posix_fadvise(fd, 8192, 0, os.POSIX_FADV_DONTNEED)
    assert first == again == os.listdir(path) and len(first) == 1000
print("whole")
"#;

#[test]
fn a_listing_that_the_kernel_has_half_of_is_read_to_its_end() {
    let sandbox = Sandbox::new(OMNIFS);
    let brief = "[provider.cache]\nttl = \"500ms\"\nnegative = 0\nstale_while_revalidate = 0\n";
    let mounts = mounted_with(&sandbox, &[("big", guests::BIG_PATH)], brief);
    let directory = mounts.join("big/count/1000").display().to_string();
    assert_eq!(python(&sandbox, RECLAIMED, &[&directory]), "whole\n");
}

/// Looks every name up, so that the kernel and the host hold a node for each.
const LOOK_UP: &str = r#"
import os, sys
path = sys.argv[1]
here = os.open(path, os.O_PATH)
for name in os.listdir(path):
    os.close(os.open(name, os.O_PATH, dir_fd=here))
"#;

/// Returns the resident memory of a process in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_million_names_are_counted_exactly_and_their_nodes_given_back() {
    let sandbox = Sandbox::new(OMNIFS);
    let big = big(&sandbox);
    let daemon = sandbox.daemon().unwrap();
    let mut report = String::new();
    let mut note = |what: &str| {
        let now = resident(daemon);
        writeln!(report, "{what}: {now} KiB resident").unwrap();
        now
    };
    let before = note("at the start");
    for (directory, count) in [("many", 10_001), ("names", 1_000_001)] {
        let line = "for turn in 1 2; do find \"$1\" | wc -l; done";
        let found = run(sandbox.command("sh").args(["-c", line, "sh"]).arg(big.join(directory)));
        assert_eq!(found.stdout, format!("{count}\n{count}\n"), "{}", found.stderr);
    }
    let listed = note("with a listing of 1,000,000 names");
    let names = big.join("count/100000").display().to_string();
    let _ = python(&sandbox, LOOK_UP, &[&names]);
    let held = note("with 100,000 nodes besides");
    drop_caches();
    let falls = || resident(daemon) < held;
    let fell = wait_until(LIMIT, falls);
    let after = note("after `echo 2 > /proc/sys/vm/drop_caches`");
    let each = |more: u64, count: u64| more.saturating_sub(before) * 1024 / count;
    writeln!(report, "{} bytes a name", each(listed, 1_000_000)).unwrap();
    writeln!(report, "{} bytes a node", held.saturating_sub(listed) * 1024 / 100_000).unwrap();
    println!("{report}");
    assert!(fell, "{after} KiB, no less than {held}\n{report}");
}

/// Makes the kernel forget every node that nobody uses.
fn drop_caches() {
    fs::write(Path::new("/proc/sys/vm/drop_caches"), "2").unwrap();
}
