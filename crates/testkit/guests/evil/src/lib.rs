//! One component that does, by the name of the file, what a component must not be able to harm
//! its host with. `ok` is good.
//!
//! | name | what reading or listing it does |
//! |---|---|
//! | `spin`, `sleep` | never ends, with and without using the CPU |
//! | `alloc`, `recurse` | takes memory, and stack, without end |
//! | `trap`, `exit`, `abort` | ends the instance |
//! | `flood` | writes 64 MiB to standard error first |
//! | `large` | has 65 MiB |
//! | `names/`, `long-names/` | lists 10,000,000 names, and 2,000 of a MiB each |
//! | `bad/` | lists names that cannot be names |
//! | `cycle/`, `deep/` | holds itself; holds another one like it, without end |
//! | `flip` | is a file and a directory in turn |
//! | `twin-a`, `twin-b` | have one inode |
//! | `zero`, `max`, `me/` | have the inodes 0 and 2^64 - 1; is the root |
//! | `random` | has other bytes, of another length, at each read |
//! | `lost` | is found and cannot be read |
//! | `list-trap/`, `list-spin/` | traps, and never ends, when it is listed |
//! | `lookup-trap`, `lookup-spin` | likewise when it is looked up; neither is listed |

#[path = "../../alloc/src/greed.rs"]
mod greed;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Evil;

const FILES: &[&str] = &[
    "ok", "spin", "sleep", "alloc", "recurse", "trap", "exit", "abort", "flood", "large", "flip",
    "twin-a", "twin-b", "zero", "max", "random", "lost",
];

const DIRECTORIES: &[&str] =
    &["names", "long-names", "bad", "cycle", "deep", "me", "list-trap", "list-spin"];

/// Directories have the numbers from here on.
const FIRST_DIRECTORY: u64 = 1_000;

/// The directories below `deep`, each one deeper.
const DEEP: u64 = 1_000_000;

static CALLS: AtomicU64 = AtomicU64::new(0);

fn place(names: &[&str], name: &str) -> Option<u64> {
    names.iter().position(|known| *known == name).map(|at| at as u64 + 1)
}

fn file(inode: u64) -> Option<&'static str> {
    FILES.get(usize::try_from(inode.checked_sub(1)?).ok()?).copied()
}

fn directory(inode: u64) -> Option<&'static str> {
    let place = inode.checked_sub(FIRST_DIRECTORY + 1)?;
    DIRECTORIES.get(usize::try_from(place).ok()?).copied()
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Returns bytes that differ from call to call and from instance to instance.
fn random() -> Vec<u8> {
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let here = &call as *const u64 as u64;
    let length = (call * 37 + here) % 5_000 + 1;
    (0..length).map(|at| (at * (call + 3)).to_le_bytes()[0]).collect()
}

impl Guest for Evil {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let found = |inode, kind| Some(LookupResult { inode, kind });
        match (parent, directory(parent)) {
            (0, _) => match name.as_str() {
                "lookup-trap" => panic!("told to"),
                "lookup-spin" => spin(),
                "twin-b" => found(place(FILES, "twin-a")?, NodeKind::File),
                "zero" => found(0, NodeKind::File),
                "max" => found(u64::MAX, NodeKind::File),
                "me" => found(0, NodeKind::Directory),
                "flip" => {
                    let odd = CALLS.fetch_add(1, Ordering::Relaxed) % 2 == 1;
                    let kind = if odd { NodeKind::Directory } else { NodeKind::File };
                    found(place(FILES, "flip")?, kind)
                }
                name => match place(FILES, name) {
                    Some(inode) => found(inode, NodeKind::File),
                    None => found(FIRST_DIRECTORY + place(DIRECTORIES, name)?, NodeKind::Directory),
                },
            },
            (_, Some("cycle")) if name == "cycle" => found(parent, NodeKind::Directory),
            (_, Some("deep")) if name == "d" => found(DEEP, NodeKind::Directory),
            (deep, _) if deep >= DEEP && name == "d" => found(deep + 1, NodeKind::Directory),
            (_, Some("bad")) if name == "good" => found(place(FILES, "ok")?, NodeKind::File),
            _ => None,
        }
    }

    fn list_children(inode: u64) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        match (inode, directory(inode)) {
            (0, _) => [owned(FILES), owned(DIRECTORIES)].concat(),
            (_, Some("names")) => (0..10_000_000).map(|n| n.to_string()).collect(),
            (_, Some("long-names")) => (0..2_000).map(|n| format!("{n}").repeat(1 << 18)).collect(),
            (_, Some("bad")) => {
                owned(&["good", "", ".", "..", "a/b", "nul\0x", "esc\u{1b}[2J", "good", "\n"])
            }
            (_, Some("cycle")) => owned(&["cycle"]),
            (_, Some("deep")) => owned(&["d"]),
            (deep, _) if deep >= DEEP => owned(&["d"]),
            (_, Some("list-trap")) => panic!("told to"),
            (_, Some("list-spin")) => spin(),
            _ => Vec::new(),
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match file(inode)? {
            "ok" | "twin-a" => Some(b"ok\n".to_vec()),
            "spin" => spin(),
            "sleep" => loop {
                std::thread::sleep(Duration::from_secs(3_600));
            },
            "alloc" => Some(vec![0; greed::take_all()]),
            "recurse" => Some(greed::recurse(0).to_string().into_bytes()),
            "trap" => panic!("told to"),
            "exit" => std::process::exit(3),
            "abort" => std::process::abort(),
            "flood" => {
                let line = "\u{1b}[2J".repeat(1_024);
                (0..16_384).for_each(|_| eprintln!("{line}"));
                Some(b"flooded\n".to_vec())
            }
            "large" => Some(vec![b'x'; 65 << 20]),
            "random" => Some(random()),
            _ => None,
        }
    }
}

omnifs_provider::export!(Evil with_types_in omnifs_provider);
