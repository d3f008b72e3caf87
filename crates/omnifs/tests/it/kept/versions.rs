//! Bytes that change upstream while somebody reads them, with a memory that is too small for all.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use testkit::{Answer, run};

use crate::http::{Rig, allowing, path};

const HOST: &str = "https://api.example.com";

const SIZE: usize = 3 << 20;

/// Holds a file open and mapped while it changes: says how often a read gave the first version, and
/// how often an error; anything else ends it.
const HOLD: &str = "
import mmap, os, sys
f = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(f).st_size
mapped = mmap.mmap(f, 0, prot=mmap.PROT_READ)
own = os.pread(f, 1, 0)
print('held', flush=True)
good, bad = 0, 0
while sys.stdin.readline():
    os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        read = b''.join(os.pread(f, 1 << 20, offset) for offset in range(0, size, 1 << 20))
        assert read == own * size, 'a mix of versions: %r' % set(read)
        assert os.fstat(f).st_size == size
        good += 1
    except OSError as error:
        assert error.errno in (5, 116), error
        bad += 1
    print('round', flush=True)
print(good, bad, flush=True)
# An error is SIGBUS here, which ends this process.
assert mapped[:size] == own * size
";

fn version(byte: u8) -> Answer {
    Answer::new(200, vec![byte; SIZE + usize::from(byte)])
}

/// Changes the file four times while it is held, and reads others so that memory is short. Returns
/// how often the holder could read its version.
fn held_while_it_changes(disk: &str) -> u32 {
    let allowing = allowing("\"api.example.com\"");
    let rig = Rig::new(&format!("{allowing}memory = \"4MiB\"\n{disk}"));
    let upstream = rig.upstream("api.example.com");
    upstream.answer("/held", version(b'a'));
    upstream.answer("/other", version(b'z'));
    rig.start();
    let [held, other] = ["held", "other"].map(|name| path("text", &format!("{HOST}/{name}"), ""));
    let mut holder = rig.sandbox.command("python3");
    holder.args(["-c", HOLD, &held]).current_dir(rig.sandbox.root().join("mnt/f"));
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(holder.stdout.take().unwrap()).lines();
    let mut word = || said.next().unwrap().unwrap();
    assert_eq!(word(), "held");
    for byte in b'b'..=b'e' {
        upstream.answer("/held", version(byte));
        // Past the freshness of everything.
        sleep(Duration::from_millis(300));
        let squeezed =
            |name: &str| rig.shell(&format!("tr -s a-z < '{name}'")).expect_code(0).stdout;
        assert_eq!(squeezed(&held), char::from(byte).to_string());
        assert_eq!(squeezed(&other), "z");
        holder.stdin.as_mut().unwrap().write_all(b"on\n").unwrap();
        assert_eq!(word(), "round");
    }
    drop(holder.stdin.take());
    let counts = word();
    let ended = holder.wait().unwrap();
    assert!(ended.success() || ended.signal() == Some(Signal::BUS.as_raw()), "{ended}");
    let counts: Vec<u32> = counts.split(' ').map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts.iter().sum::<u32>(), 4);
    counts[0]
}

#[test]
fn an_open_file_and_a_map_are_one_version_or_an_error() {
    assert_eq!(held_while_it_changes(""), 4, "the disk has every version");
    let good = held_while_it_changes("disk = false\n");
    assert!(good < 4, "memory has no room for all of them");
}

/// Lists a directory with getdents64(2) itself.
const GETDENTS: &str = "
import ctypes, os, struct, sys
libc, f = ctypes.CDLL(None, use_errno=True), os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
buffer, names = ctypes.create_string_buffer(1 << 16), []
while (got := libc.syscall(217, f, buffer, len(buffer))) > 0:
    at = 0
    while at < got:
        length = struct.unpack_from('H', buffer.raw, at + 16)[0]
        names.append(buffer.raw[at + 19:at + length].split(b'\\0')[0].decode())
        at += length
print('\\n'.join(sorted(name for name in names if name not in ('.', '..'))))
";

/// > A name that appeared or went, and other bytes, show in `ls`, python and every other program
/// > once the old answer is not fresh any more.
#[test]
fn after_its_freshness_a_second_listing_shows_the_new_name_to_everybody() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let python = "import os, sys; print('\\n'.join(sorted(os.listdir(sys.argv[1]))))";
    let tools = [
        ("ls", "LC_ALL=C ls \"$0\"".to_owned()),
        ("python", format!("python3 -c \"{python}\" \"$0\"")),
        ("getdents", format!("python3 -c \"{GETDENTS}\" \"$0\"")),
    ];
    for (name, line) in tools {
        upstream.answer(&format!("/{name}"), Answer::json(r#"["a", "b"]"#));
        let place = path("list", &format!("{HOST}/{name}"), "");
        let list = || {
            let mut shell = rig.sandbox.command("sh");
            shell.args(["-c", &line, &place]).current_dir(rig.sandbox.root().join("mnt/f"));
            run(&mut shell).expect_code(0).stdout
        };
        assert_eq!((list(), list()), ("a\nb\n".into(), "a\nb\n".into()), "{name}");
        upstream.answer(&format!("/{name}"), Answer::json(r#"["a", "b", "c"]"#));
        sleep(Duration::from_millis(300));
        assert_eq!(list(), "a\nb\nc\n", "{name}");
    }
}
