//! Directories of any length, read in every way, name each child exactly once.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{Dir, FileType};
use testkit::{Sandbox, guests, run, wait_until};

use crate::{LIMIT, OMNIFS, memory_of, mounted_with};

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
    char **names = calloc(count + 1, sizeof *names);
    struct dirent *entry;
    if (!dir || !places || !names) return 1;
    for (int turn = 0; turn < 2; turn++, rewinddir(dir)) {
        for (read = 0; read <= count; read++) {
            places[read] = telldir(dir);
            if (!(entry = readdir(dir))) break;
            if (turn ? strcmp(names[read], entry->d_name) : !(names[read] = strdup(entry->d_name)))
                return 2;
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

/// The lengths of directories that each test reads; a million is read in one of them.
const COUNTS: &[u32] = &[0, 1, 2, 1_000, 100_000];

/// Mounts the component with room for its longest listing, and time to read it often.
fn big(sandbox: &Sandbox) -> PathBuf {
    let room = "[provider.cache]\nmemory = \"128MiB\"\nttl = \"1h\"\n";
    mounted_with(sandbox, &[("big", guests::BIG_PATH)], room).join("big")
}

/// Returns the directory of that many names, once the host has found out what they stand for:
/// each name that it does not know yet costs `find` a request, and a test its time.
fn directory(big: &Path, count: u32) -> String {
    let directory = match count {
        1_000_000 => big.join("names"),
        10_000 => big.join("many"),
        count => big.join(format!("count/{count}")),
    };
    let known = || {
        // On a busy machine a million names may take longer than an answer: the next one has them.
        let open = Dir::new(fs::File::open(&directory).ok()?).ok()?;
        Some(open.map(Result::unwrap).all(|entry| entry.file_type() != FileType::Unknown))
    };
    while known() != Some(true) {
        sleep(Duration::from_micros(u64::from(count)));
    }
    directory.display().to_string()
}

/// Runs a program of python to its end and returns what it printed.
fn python(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> String {
    run(sandbox.command("python3").args(["-c", program]).args(arguments)).expect_code(0).stdout
}

/// > A listing has every name once, in the provider's order, however it is read: in tiny pieces, by
/// > two at a time, from a place in its middle.
#[test]
fn every_length_is_listed_exactly_twice_over() {
    let sandbox = Sandbox::new(OMNIFS);
    let big = big(&sandbox);
    for count in COUNTS {
        let directory = directory(&big, *count);
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
        let directory = directory(&big, count);
        for size in sizes.split(' ') {
            let read = python(&sandbox, GETDENTS, &[&directory, &count.to_string(), size]);
            assert_eq!(read, format!("{0}\n{0}\n", count + 2), "{count} names, {size} bytes");
        }
    }
}

#[test]
fn a_buffer_too_small_for_a_name_is_refused() {
    let sandbox = Sandbox::new(OMNIFS);
    let directory = directory(&big(&sandbox), 2);
    let tiny = ["-c", GETDENTS, &directory, "2", "16"];
    let refused = run(sandbox.command("python3").args(tiny)).expect_code(1);
    assert!(refused.stderr.contains("('Invalid argument', 0)"), "{}", refused.stderr);
}

/// Compiles the program above and returns its path.
fn seek(sandbox: &Sandbox) -> PathBuf {
    let [source, program] = ["seek.c", "seek"].map(|name| sandbox.home().join(name));
    fs::write(&source, SEEK).unwrap();
    let _ = run(sandbox.command("cc").args(["-O1", "-o"]).args([&program, &source])).expect_code(0);
    program
}

#[test]
fn a_place_in_a_directory_is_found_again() {
    let sandbox = Sandbox::new(OMNIFS);
    let (big, seek) = (big(&sandbox), seek(&sandbox));
    for count in COUNTS {
        let directory = directory(&big, *count);
        let ended = run(sandbox.command(&seek).arg(directory).arg(count.to_string()));
        assert_eq!((ended.code(), ended.stdout), (0, format!("{}\n", count + 2)), "{count}");
    }
}

#[test]
fn two_readers_at_once_each_see_all() {
    let sandbox = Sandbox::new(OMNIFS);
    let directory = directory(&big(&sandbox), 100_000);
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

/// > Who reads a listing while it changes reads the one that was begun, to its end.
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
    // The second one's names come in another order each second, and keep their places all the same.
    for directory in ["count/1000", "turning"] {
        let directory = mounts.join("big").join(directory).display().to_string();
        assert_eq!(python(&sandbox, RECLAIMED, &[&directory]), "whole\n", "{directory}");
    }
}

/// Looks names up from a place on, so that the kernel and the host hold a node for each.
const LOOK_UP: &str = r#"
import itertools, os, sys
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
here = os.open(path, os.O_PATH)
with os.scandir(path) as entries:
    for entry in itertools.islice(entries, first, first + count):
        os.close(os.open(entry.name, os.O_PATH, dir_fd=here))
"#;

/// How many names of a directory of a million are looked up before the kernel forgets them, and
/// how often so many others are.
const LOOKED_UP: u64 = 125_000;
const TURNS: u64 = 3;

#[test]
fn a_million_names_are_counted_exactly_and_their_nodes_given_back() {
    let sandbox = Sandbox::new(OMNIFS);
    let (big, seek) = (big(&sandbox), seek(&sandbox));
    let daemon = sandbox.daemon().unwrap();
    let mut report = String::new();
    let mut note = |what: &str| {
        let now = memory_of(daemon, "VmRSS");
        writeln!(report, "{what}: {now} KiB resident").unwrap();
        now
    };
    note("at the start");
    for count in [10_000, 1_000_000] {
        let directory = directory(&big, count);
        let found = sandbox.shell(&format!("for turn in 1 2; do find {directory} | wc -l; done"));
        assert_eq!(found.stdout, format!("{0}\n{0}\n", count + 1), "{}", found.stderr);
        let names = format!("seq -f name-%06.0f 0 {}", count - 1);
        let same = format!("find {directory} -mindepth 1 -printf '%f\\n' | cmp - <({names})");
        let _ = run(sandbox.command("bash").args(["-c", &same])).expect_code(0);
        let ended = run(sandbox.command(&seek).args([&directory, &count.to_string()]));
        assert_eq!((ended.code(), ended.stdout), (0, format!("{}\n", count + 2)));
    }
    let listed = note("with a listing of 1,000,000 names");
    let names = big.join("names").display().to_string();
    for turn in 0..TURNS {
        let (first, count) = ((turn * LOOKED_UP).to_string(), LOOKED_UP.to_string());
        let _ = python(&sandbox, LOOK_UP, &[&names, &first, &count]);
        note("with 125,000 nodes besides");
        fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
    }
    // Half of what the design lets those of one turn take, and a sixth of what all would: how much
    // they really took cannot be told, as the walks before had left room for some.
    let little = LOOKED_UP * 300 / 2 / 1024;
    let fell = wait_until(LIMIT, || memory_of(daemon, "VmRSS") < listed + little);
    let after = note("after `echo 2 > /proc/sys/vm/drop_caches` each time");
    println!("{report}");
    assert!(fell, "{after} KiB, much more than {listed}\n{report}");
}
