//! Listings, long and changing.

use std::collections::BTreeSet;
use std::time::Duration;

use omnifs_fuse::Notices;
use vfs_testing::Memory;

use crate::mounted::{Mounted, Setup, soon};

#[test]
fn a_hundred_thousand_names_come_once_each() {
    let memory = Memory::new();
    for n in 0..100_000 {
        memory.file(&format!("many/name-{n}"), "");
    }
    let mounted = Mounted::new(&memory);
    let script = "import os\n\
                  names = os.listdir(os.environ[\"M\"] + \"/many\")\n\
                  print(len(names), names == [\"name-%d\" % n for n in range(100000)])";
    assert_eq!(mounted.prints(&format!("python3 -c '{script}'")), "100000 True\n");
    assert_eq!(mounted.prints("ls -U $M/many | sort -u | wc -l"), "100000\n");
}

#[test]
fn a_listing_that_was_read_is_not_asked_for_again_and_kinds_need_no_lookup() {
    let memory = Memory::new();
    for n in 0..100 {
        memory.file(&format!("some/name-{n}"), "");
    }
    let mounted = Mounted::new(&memory);
    assert_eq!(mounted.prints("find $M/some -type f | wc -l"), "100\n");
    let before = mounted.session().statistics();
    assert_eq!(mounted.prints("ls -U $M/some | wc -l; find $M/some -type f | wc -l"), "100\n100\n");
    let after = mounted.session().statistics();
    for kind in ["READDIR", "READDIRPLUS", "LOOKUP"] {
        assert_eq!(before.requests.get(kind), after.requests.get(kind), "{kind}");
    }
    assert_eq!(after.requests["LOOKUP"], 1, "{after:?}");
}

const READER: &str = "\
import os, sys
with os.scandir(os.environ['M'] + '/d') as entries:
    names = [next(entries).name for _ in range(100)]
    print('begun')
    input()
    names += [entry.name for entry in entries]
print(len(names), len(set(names)), sum('old' in name for name in names))
sys.stdin.readline()
";

#[test]
fn readers_of_two_generations_each_see_their_own_and_the_newer_one_stays() {
    for notices in [Notices::Auto, Notices::FallbacksOnly] {
        let memory = Memory::new();
        for n in 0..3000 {
            memory.file(&format!("d/old-{n}"), "");
        }
        let setup = Setup { notices, ..Setup::fresh_for(Duration::from_millis(300)) };
        let mounted = setup.mount(&memory);
        let mut first = mounted.talk("python3", &["-u", "-c", READER]);
        assert_eq!(first.hear(), "begun");
        for n in 0..3000 {
            memory.remove(&format!("d/old-{n}"));
        }
        for n in 0..2000 {
            memory.file(&format!("d/new-{n}"), "");
        }
        let list = || -> BTreeSet<String> {
            mounted.prints("ls -U $M/d").lines().map(str::to_owned).collect()
        };
        let expected: BTreeSet<String> = (0..2000).map(|n| format!("new-{n}")).collect();
        assert!(soon(|| list() == expected), "the change never shows");
        first.say("go on");
        assert_eq!(first.hear(), "3000 3000 3000");
        assert_eq!(list(), expected, "with the old reader at its end");
        drop(first);
        assert_eq!(list(), expected, "with the old reader gone");
        assert!(soon(|| list() == expected));
    }
}

#[test]
fn a_name_that_appears_shows_and_one_that_goes_is_gone() {
    let memory = Memory::new();
    memory.file("d/stays", "1").file("d/goes", "2");
    let mounted = Setup::fresh_for(Duration::from_millis(200)).mount(&memory);
    assert_eq!(mounted.prints("cat $M/d/*"), "21");
    memory.remove("d/goes").file("d/comes", "3");
    assert!(soon(|| mounted.prints("ls $M/d") == "comes\nstays\n"));
    assert!(soon(|| !mounted.sh("cat $M/d/goes").status.success()));
    assert!(soon(|| mounted.sh("cat $M/d/comes").stdout == b"3"));
}
