//! Results at and over the host's limits: `big` (60 MiB), `over` (65 MiB), `names` (a
//! directory of 1,000,000), `many` (a directory of 10,000). Below `count`, a directory of as
//! many names as its own name says, for each of [`COUNTS`]; `changing` has 3,000 names that
//! are others each second, `turning` has 1,000 that begin with another one each second.

mod bytes;

use std::time::{SystemTime, UNIX_EPOCH};

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Big;

const NAMES: u64 = 3;
const MANY: u64 = 4;
const COUNT: u64 = 5;
const CHANGING: u64 = 6;
const TURNING: u64 = 7;
const COUNTS: &[u64] = &[0, 1, 2, 1_000, 100_000];
/// Directories of `count` are `FIRST_COUNT` and what they hold.
const FIRST_COUNT: u64 = 1_000_000;
/// Files of `names` are `NAMES << 32` and what follows, those of other directories likewise.
const SHIFT: u32 = 32;

fn count(directory: u64) -> u64 {
    match directory {
        NAMES => 1_000_000,
        MANY => 10_000,
        CHANGING => 3_000,
        TURNING => 1_000,
        _ => directory.checked_sub(FIRST_COUNT).filter(|n| COUNTS.contains(n)).unwrap_or(0),
    }
}

fn name(number: u64) -> String {
    format!("name-{number:06}")
}

/// What all names of `changing` begin with now, and where `turning` begins.
#[expect(clippy::disallowed_methods, reason = "a component has no other clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Guest for Big {
    fn lookup_child(parent: u64, child: String) -> Option<LookupResult> {
        let (inode, kind) = match (parent, child.as_str()) {
            (0, "big") => (1, NodeKind::File),
            (0, "over") => (2, NodeKind::File),
            (0, "names") => (NAMES, NodeKind::Directory),
            (0, "many") => (MANY, NodeKind::Directory),
            (0, "count") => (COUNT, NodeKind::Directory),
            (0, "changing") => (CHANGING, NodeKind::Directory),
            (0, "turning") => (TURNING, NodeKind::Directory),
            (COUNT, text) => {
                let count = text.parse().ok().filter(|n| COUNTS.contains(n))?;
                (FIRST_COUNT + count, NodeKind::Directory)
            }
            (CHANGING, text) => {
                let number: u64 = text.split_once('-')?.1.parse().ok()?;
                ((CHANGING << SHIFT) + number, NodeKind::File)
            }
            (directory, text) => {
                let number: u64 = text.strip_prefix("name-")?.parse().ok()?;
                if number >= count(directory) || text != name(number) {
                    return None;
                }
                ((directory << SHIFT) + number, NodeKind::File)
            }
        };
        Some(LookupResult { inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["big", "over", "names", "many", "count", "changing", "turning"]
                .map(String::from)
                .to_vec(),
            COUNT => COUNTS.iter().map(u64::to_string).collect(),
            CHANGING => {
                let now = now();
                (0..count(CHANGING)).map(|number| format!("{now}-{number}")).collect()
            }
            TURNING => {
                let (now, count) = (now(), count(TURNING));
                (0..count).map(|number| name((number + now) % count)).collect()
            }
            directory => (0..count(directory)).map(name).collect(),
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => Some(bytes::pseudo_random(60 << 20)),
            2 => Some(bytes::pseudo_random(65 << 20)),
            other => {
                let number = other & ((1 << SHIFT) - 1);
                (number < count(other >> SHIFT)).then(|| format!("{}\n", name(number)).into_bytes())
            }
        }
    }
}

omnifs_provider::export!(Big with_types_in omnifs_provider);
