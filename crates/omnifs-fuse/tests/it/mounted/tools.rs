//! Everyday programs.

use vfs_testing::Memory;

use crate::mounted::Mounted;

/// What is run in both trees and has to print the same.
const COMMANDS: &[&str] = &[
    "ls -a",
    "ls -1R",
    "find . | sort",
    "find . -type f -size +1k | sort",
    "find . -type d -empty",
    "stat -c '%n %s %F' hello.txt empty big; stat -c '%n %F' a",
    "cat hello.txt a/b/c/deep.txt",
    "wc -c big empty one page",
    "tail -c 5 big | od -c",
    "tail -n 1 hello.txt",
    "grep -r needle .",
    "rg -l --sort path needle",
    "sha256sum big page one empty",
    "tar c --sort=name --owner=0 --group=0 --mtime=@0 --mode=a=r . | tar t",
    "cp big ../copy && cmp big ../copy && rm ../copy",
    "file big hello.txt empty || true",
    PYTHON,
];

/// Reads every file in three ways.
const PYTHON: &str = r#"python3 -c '
import hashlib, mmap, os
for base, dirs, names in sorted(os.walk(".")):
    for name in sorted(names):
        path = os.path.join(base, name)
        with open(path, "rb") as f:
            data = f.read()
            size = os.fstat(f.fileno()).st_size
            f.seek(0, 2)
            end = f.tell()
            mapped = bytes(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)) if size else b""
        assert mapped == data and size == end == len(data), path
        print(path, size, hashlib.sha256(data).hexdigest())
'"#;

#[test]
fn programs_see_the_same_tree_as_on_a_disk() {
    let memory = Memory::new();
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("hello.txt", b"hello\n".to_vec()),
        ("empty", Vec::new()),
        ("one", b"x".to_vec()),
        ("page", vec![b'p'; 4096]),
        ("big", big),
        ("a/b/c/deep.txt", b"deep needle\n".to_vec()),
        ("a/b/other", b"other\n".to_vec()),
        ("name with spaces", b"s".to_vec()),
        ("h\u{e9}llo", b"utf".to_vec()),
    ];
    for (path, bytes) in &files {
        memory.file(path, bytes.clone());
    }
    memory.directory("hollow");
    let mounted = Mounted::new(&memory);
    let plain = mounted.path().with_file_name("plain");
    for (path, bytes) in &files {
        let path = plain.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::create_dir(plain.join("hollow")).unwrap();
    for command in COMMANDS {
        let here = mounted.prints(&format!("cd $M && {command}"));
        let there = mounted.prints(&format!("cd plain && {command}"));
        assert_eq!(here, there, "{command}");
        assert!(!here.is_empty() || command.starts_with("cp"), "{command} printed nothing");
    }
    mounted.prints("mkdir out && tar c -C $M . | tar x -C out && diff -r out plain");
    mounted.prints("cp -r $M copied && diff -r copied plain && diff -r $M plain");
    assert_eq!(mounted.session().statistics().bad_messages, 0);
}

#[test]
fn a_mount_is_read_only_and_shows_its_type_and_name() {
    let memory = Memory::new();
    memory.file("file", "12345").directory("dir");
    let mounted = Mounted::new(&memory);
    let line = mounted.prints("grep \" $M \" /proc/self/mountinfo");
    for part in ["ro,", "nosuid", "nodev", "noexec", "- fuse.omnifs test "] {
        assert!(line.contains(part), "{part} in {line}");
    }
    for command in [
        "touch $M/new",
        "rm $M/file",
        "mkdir $M/new",
        "mv $M/file $M/other",
        "chmod 600 $M/file",
        "sh -c 'echo x >> $M/file'",
        "ln -s x $M/link",
        "rmdir $M/dir",
    ] {
        let complaint = mounted.complains(command);
        assert!(complaint.contains("Read-only file system"), "{command}: {complaint}");
    }
    let shown = mounted.prints("stat -c '%a %h %s %b %B' $M/file; stat -c '%a %h %s' $M/dir");
    assert_eq!(shown, "444 1 5 1 512\n555 1 0\n");
    assert_eq!(mounted.prints("stat -f -c '%T %a %l' $M"), "fuseblk 0 255\n");
}

#[test]
fn read_ahead_is_one_request_long() {
    let mounted = Mounted::new(&Memory::new());
    let device = mounted.prints("stat -c %d $M");
    let path = format!("/sys/class/bdi/0:{}/read_ahead_kb", device.trim());
    assert_eq!(std::fs::read_to_string(path).unwrap().trim(), "1024");
}

#[test]
fn opening_and_reading_again_asks_nothing() {
    let memory = Memory::new();
    memory.file("file", "content");
    let mounted = Mounted::new(&memory);
    // A size that was not known before is believed a moment later.
    mounted.prints("cat $M/file && sleep 0.2 && cat $M/file");
    let before = mounted.session().statistics().requests;
    assert_eq!(mounted.prints("cat $M/file $M/file"), "contentcontent");
    assert_eq!(mounted.session().statistics().requests, before);
    assert_eq!(before["OPEN"], 1, "refused once, and never sent again");
}

#[test]
fn extended_attributes_tell_what_is_known_and_are_not_listed() {
    let memory = Memory::new();
    memory.file("file", "content");
    let mounted = Mounted::new(&memory);
    let get = |name: &str| format!("getfattr --only-values -n user.omnifs.{name} $M/file");
    assert_eq!(mounted.prints("cat $M/file"), "content");
    let shown = mounted.prints(&get("fetched_at"));
    assert!(shown.parse::<u64>().unwrap() > 1_700_000_000, "{shown}");
    assert_eq!(mounted.prints(&get("stale")), "0");
    assert_eq!(mounted.prints(&get("partial")), "0");
    for name in ["error", "nothing"] {
        assert!(mounted.complains(&get(name)).contains("No such attribute"), "{name}");
    }
    assert_eq!(mounted.prints("getfattr -d -m - $M/file"), "");
    let tiny = "import os\ntry: os.getxattr(os.environ['M'] + '/file', 'system.x')\n\
                except OSError as error: print(os.strerror(error.errno))";
    assert_eq!(mounted.prints(&format!("python3 -c \"{tiny}\"")), "Operation not supported\n");
}

#[test]
fn attributes_of_a_listing_cost_two_requests_and_copies_take_none_along() {
    let memory = Memory::new();
    for n in 0..100 {
        memory.file(&format!("file-{n}"), "x");
    }
    let mounted = Mounted::new(&memory);
    mounted.prints("ls -l $M");
    let asked = mounted.requests("GETXATTR") + mounted.requests("LISTXATTR");
    assert!(asked <= 2, "{asked} requests about extended attributes");
    mounted.prints("cp -a $M copy; rsync -aX $M/ copy2/");
    let left = mounted.prints(
        "python3 -c 'import os; print(sum(len(os.listxattr(d + \"/\" + n)) \
         for d in (\"copy\", \"copy2\") for n in os.listdir(d)))'",
    );
    assert_eq!(left, "0\n");
    let missing = mounted.prints(
        "python3 -c 'import os, errno\n\
         for name in (\"user.omnifs.error\", \"security.selinux\"):\n\
         \x20   try: os.getxattr(os.environ[\"M\"], name)\n\
         \x20   except OSError as e: print(errno.errorcode[e.errno])'",
    );
    assert_eq!(missing, "ENODATA\nENOTSUP\n");
}
