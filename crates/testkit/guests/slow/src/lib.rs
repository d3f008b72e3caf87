//! `slow` takes three seconds to read, `slow-1` to `slow-9` as many as the name says.
//!
//! The numbered ones are not listed, so that `ls -l` of the root stays short.

use std::time::Duration;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Slow;

/// The directory `dir`, whose files are 21 to 24.
const DIR: u64 = 20;
const SIBLINGS: [&str; 4] = ["a", "b", "c", "slow"];

fn file(inode: u64) -> Option<LookupResult> {
    Some(LookupResult { inode, kind: NodeKind::File })
}

fn slowly(seconds: u64) -> Option<Vec<u8>> {
    std::thread::sleep(Duration::from_secs(seconds));
    Some(b"slow\n".to_vec())
}

impl Guest for Slow {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        match (parent, name.as_str()) {
            (0, "dir") => Some(LookupResult { inode: DIR, kind: NodeKind::Directory }),
            (0, "ok") => file(10),
            (0, "slow") => file(11),
            (0, other) => {
                let seconds: u64 = other.strip_prefix("slow-")?.parse().ok()?;
                if !(1..=9).contains(&seconds) || other.len() != 6 {
                    return None;
                }
                file(seconds)
            }
            (DIR, other) => {
                let place = SIBLINGS.iter().position(|name| *name == other)?;
                file(DIR + 1 + place as u64)
            }
            _ => None,
        }
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["ok", "slow", "dir"].map(String::from).to_vec(),
            DIR => SIBLINGS.map(String::from).to_vec(),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            seconds @ 1..=9 => slowly(seconds),
            10 => Some(b"ok\n".to_vec()),
            11 | 24 => slowly(3),
            21..=23 => Some(b"sibling\n".to_vec()),
            _ => None,
        }
    }
}

omnifs_provider::export!(Slow with_types_in omnifs_provider);
