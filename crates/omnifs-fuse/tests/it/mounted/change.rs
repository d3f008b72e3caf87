//! Files that change, and nodes that are forgotten.

use std::time::Duration;

use omnifs_fuse::Notices;
use vfs_testing::Memory;

use crate::mounted::{Mounted, Setup, soon};

const HOLDER: &str = "\
import mmap, os
f = open(os.environ['M'] + '/file', 'rb')
head = f.read(1000)
mapped = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
print('held')
input()
rest = f.read()
print(len(head + rest), set(head + rest) == {ord('o')}, bytes(mapped) == b'o' * 300000)
";

/// > A file that is open, mapped or known by an old descriptor is one version of its bytes, or an
/// > error: never a mix of two.
#[test]
fn an_open_file_keeps_its_bytes_while_its_name_moves_on() {
    for notices in [Notices::Auto, Notices::FallbacksOnly] {
        let memory = Memory::new();
        memory.file("file", "o".repeat(300_000));
        let setup = Setup { notices, ..Setup::fresh_for(Duration::from_millis(300)) };
        let mounted = setup.mount(&memory);
        let mut holder = mounted.talk("python3", &["-u", "-c", HOLDER]);
        assert_eq!(holder.hear(), "held");
        let before = mounted.prints("stat -c %i $M/file");
        memory.file("file", "n".repeat(5000));
        assert!(soon(|| mounted.prints("stat -c %s $M/file") == "5000\n"), "{notices:?}");
        assert_eq!(mounted.prints("tr -d n < $M/file | wc -c; cat $M/file | wc -c"), "0\n5000\n");
        assert_eq!(mounted.prints("stat -c %i $M/file"), before, "the inode number");
        holder.say("go on");
        assert_eq!(holder.hear(), "300000 True True", "{notices:?}");
        assert!(!mounted.session().statistics().notices.is_empty());
    }
}

#[test]
fn a_new_version_is_pushed_to_the_kernel() {
    let memory = Memory::new();
    memory.file("file", "old");
    let mounted = Setup::fresh_for(Duration::from_millis(300)).mount(&memory);
    assert_eq!(mounted.prints("cat $M/file"), "old");
    let pushed = |bytes: &'static str| {
        memory.file("file", bytes);
        assert!(soon(|| mounted.prints("cat $M/file") == bytes));
        let sent = || mounted.session().statistics().notices.get("PRUNE").copied();
        // Counted once the kernel has taken it; nobody needs it when the kernel has just dropped
        // all that it kept, as another test makes it do.
        soon(|| sent().is_some() || mounted.requests("FORGET") > 0) && sent().is_some()
    };
    assert!(["first", "second", "third"].into_iter().any(pushed));
}

/// > Memory falls when the kernel forgets; a million files take at most 300 bytes each.
#[test]
fn memory_falls_when_the_kernel_forgets() {
    let memory = Memory::new();
    for n in 0..500 {
        memory.file(&format!("d{}/file-{n}", n % 10), "x");
    }
    let mounted = Mounted::new(&memory);
    mounted.prints("find $M -type f -size +0 | wc -l");
    assert!(mounted.tree.statistics().nodes > 510);
    let forgotten = || {
        std::fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
        mounted.tree.statistics().nodes < 20
    };
    assert!(soon(forgotten), "{} nodes stay", mounted.tree.statistics().nodes);
    assert!(mounted.requests("FORGET") + mounted.requests("BATCH_FORGET") > 0);
    assert_eq!(mounted.prints("cat $M/d0/file-0"), "x");
}

/// > A working directory keeps its place, and a checksum under way its bytes, when names change and
/// > components are exchanged.
#[test]
fn a_working_directory_keeps_its_name_through_changes() {
    let memory = Memory::new();
    memory.file("d/file", "1");
    let mounted = Setup::fresh_for(Duration::from_millis(200)).mount(&memory);
    let mut shell = mounted.talk("sh", &[]);
    shell.say("cd $M/d && cat file && echo");
    assert_eq!(shell.hear(), "1");
    memory.file("d/file", "2").file("d/more", "3");
    assert!(soon(|| mounted.prints("cat $M/d/file; ls $M/d") == "2file\nmore\n"));
    shell.say("/bin/pwd");
    assert_eq!(shell.hear(), mounted.path().join("d").to_str().unwrap());
}
