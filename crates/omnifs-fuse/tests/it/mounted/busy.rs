//! The end of a mount, in use and not.

use std::sync::Arc;

use omnifs_fuse::{MountError, MountOptions, Unmounted, mount, mounts};
use vfs_testing::Memory;

use crate::mounted::{Mounted, soon};

#[test]
fn an_idle_mount_goes_cleanly() {
    let memory = Memory::new();
    memory.file("file", "x");
    let mut mounted = Mounted::new(&memory);
    mounted.prints("cat $M/file");
    assert_eq!(mounts::at(&mounted.path()).unwrap().unwrap().name, "test");
    assert_eq!(mounted.session().unmount().unwrap(), Unmounted::Cleanly);
    assert!(mounts::at(&mounted.path()).unwrap().is_none());
    mounted.runtime.block_on(mounted.session().ended());
    assert_eq!(mounted.session().unmount().unwrap(), Unmounted::AlreadyGone);
    mounted.end();
    assert_eq!(mounted.prints("ls $M"), "");
}

#[test]
fn a_mount_in_use_goes_lazily_and_serves_until_the_end() {
    let memory = Memory::new();
    memory.file("d/one", "1").file("d/two", "2");
    let mut mounted = Mounted::new(&memory);
    let mut shell = mounted.talk("sh", &[]);
    shell.say("cd $M/d && echo inside");
    assert_eq!(shell.hear(), "inside");
    assert_eq!(mounted.session().unmount().unwrap(), Unmounted::Lazily);
    assert!(mounts::at(&mounted.path()).unwrap().is_none());
    assert!(mounted.session().is_serving());
    shell.say("cat one && echo");
    assert_eq!(shell.hear(), "1");
    // Nobody sends a request now: the reader has to be woken.
    mounted.end();
    assert!(soon(|| Arc::strong_count(&mounted.tree) == 1), "the session goes on");
    shell.say("cat two 2>&1");
    let complaint = shell.hear();
    assert!(complaint.contains("not connected"), "{complaint}");
}

#[test]
fn a_session_that_is_dropped_in_use_leaves_nothing_behind() {
    let memory = Memory::new();
    memory.file("slow", "x").slow_read("slow", std::time::Duration::from_secs(600));
    let mut mounted = Mounted::new(&memory);
    let path = mounted.path().join("slow");
    let mut waiting = mounted.talk("cat", &[path.to_str().unwrap()]);
    assert!(soon(|| memory.begun() == 1));
    mounted.end();
    assert!(waiting.ends(), "it waits for a session that is gone");
    assert!(mounts::at(&mounted.path()).unwrap().is_none());
}

#[test]
fn somebody_else_may_unmount() {
    let mounted = Mounted::new(&Memory::new());
    mounted.prints("umount $M");
    mounted.runtime.block_on(mounted.session().ended());
    assert!(!mounted.session().is_serving());
}

#[test]
fn a_mount_point_that_is_taken_is_named() {
    let mounted = Mounted::new(&Memory::new());
    let options =
        MountOptions { mountpoint: mounted.path(), name: "second".into(), allow_other: false };
    let error = mount(&options).unwrap_err();
    assert!(matches!(error, MountError::Occupied { .. }));
    assert!(error.to_string().contains("\"test\""), "{error}");
}

#[test]
fn a_name_may_hold_what_separates_options() {
    let directory = tempfile::tempdir().unwrap();
    let options = MountOptions {
        mountpoint: directory.path().to_owned(),
        name: "a b,suid\\".into(),
        allow_other: true,
    };
    let connection = mount(&options).unwrap();
    let found = mounts::at(&directory.path().canonicalize().unwrap()).unwrap().unwrap();
    drop(connection);
    mounts::clear_dead(&found.mountpoint).unwrap();
    assert_eq!(found.name, "a b,suid\\");
}
