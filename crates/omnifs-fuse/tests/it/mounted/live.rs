//! Files that grow under their readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use omnifs_vfs::Details;
use vfs_testing::Memory;

use crate::mounted::{Setup, Talk, soon};

/// Looks at the end of the file, in the way that it is told, until somebody says that it is enough.
/// Maps are made by the C library: python's own refuse to show what is behind the size they began
/// with. They are read by a system call, for which a place that is not there yet is an error and no
/// signal. Prints how often it looked, at how much in the end, and how often there was a NUL byte.
const LOOKER: &str = "\
import ctypes, os, select, sys
way, path = sys.argv[1], os.environ['M'] + '/log'
fd = os.open(path, os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.pwrite.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
at, mapped, out = None, 0, os.memfd_create('copy')
looks = nul = size = 0
while True:
    done = select.select([sys.stdin], [], [], 0)[0]
    size = os.fstat(fd).st_size
    low = max(0, size - 4096)
    if way == 'read':
        got = os.pread(fd, 65536, low)
    elif way == 'map':
        if size > mapped:
            mapped = (size + 4095) & ~4095
            at = libc.mmap(None, mapped, 1, 2, fd, 0)
        got = os.pread(out, max(0, libc.pwrite(out, at + low, size - low, 0)), 0)
    else:
        os.lseek(out, 0, 0)
        got = os.pread(out, os.sendfile(out, fd, low, size - low), 0)
    looks, nul = looks + 1, nul + (0 in got)
    if done:
        break
print(looks > 100, size, nul)
";

#[test]
fn however_it_is_read_a_growing_file_has_no_nul_byte() {
    let memory = Memory::new();
    let details = Details { live: true, ranges: true, size: Some(0), ..Details::default() };
    memory.file("log", "").tell("log", details).append("log", b"first\n");
    let setup = Setup { live: true, ..Setup::fresh_for(Duration::from_secs(600)) };
    let mounted = setup.mount(&memory);
    let ways = ["read", "map", "map", "copy", "copy"];
    let mut lookers: Vec<Talk> =
        ways.iter().map(|way| mounted.talk("python3", &["-u", "-c", LOOKER, way])).collect();
    let done = Arc::new(AtomicBool::new(false));
    let appending = {
        let (memory, done) = (Arc::clone(&memory), Arc::clone(&done));
        std::thread::spawn(move || {
            for number in 0_usize.. {
                if done.load(Ordering::Relaxed) && number > 1_000 {
                    return;
                }
                memory.append("log", &vec![b'x'; number * 37 % 251 + 1]);
                std::thread::sleep(Duration::from_millis(4));
            }
        })
    };
    std::thread::sleep(Duration::from_secs(8));
    done.store(true, Ordering::Relaxed);
    appending.join().unwrap();
    let all = memory.size("log");
    assert!(all > 100_000);
    let sizes = "stat -c %s $M/log; wc -c < $M/log; cat $M/log | wc -c";
    assert!(soon(|| mounted.prints(sizes) == format!("{all}\n").repeat(3)), "{all}");
    for (looker, way) in lookers.iter_mut().zip(ways) {
        looker.say("enough");
        let said = looker.hear();
        let words: Vec<&str> = said.split(' ').collect();
        assert_eq!((words.first(), words.get(2)), (Some(&"True"), Some(&"0")), "{way}: {said}");
    }
}
