//! Results at and over the host's limits: `big` (60 MiB), `over` (65 MiB), `names` (a
//! directory of 1,000,000), `many` (a directory of 10,000).

mod bytes;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Big;

const NAMES: u64 = 3;
const MANY: u64 = 4;
/// Files of `names` are `NAMES << 32` and what follows, those of `many` likewise.
const SHIFT: u32 = 32;

fn count(directory: u64) -> u64 {
    match directory {
        NAMES => 1_000_000,
        MANY => 10_000,
        _ => 0,
    }
}

fn name(number: u64) -> String {
    format!("name-{number:06}")
}

impl Guest for Big {
    fn lookup_child(parent: u64, child: String) -> Option<LookupResult> {
        let (inode, kind) = match (parent, child.as_str()) {
            (0, "big") => (1, NodeKind::File),
            (0, "over") => (2, NodeKind::File),
            (0, "names") => (NAMES, NodeKind::Directory),
            (0, "many") => (MANY, NodeKind::Directory),
            (directory @ (NAMES | MANY), text) => {
                let number: u64 = text.strip_prefix("name-")?.parse().ok()?;
                if number >= count(directory) || text != name(number) {
                    return None;
                }
                ((directory << SHIFT) + number, NodeKind::File)
            }
            _ => return None,
        };
        Some(LookupResult { inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["big", "over", "names", "many"].map(String::from).to_vec(),
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
