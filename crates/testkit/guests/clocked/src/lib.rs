//! Things that change: `now` is different at each read, and reading `switch` renames
//! `before` to `after` (inode 3 both times) until the instance goes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Clocked;

static READS: AtomicU64 = AtomicU64::new(0);
static RENAMED: AtomicBool = AtomicBool::new(false);

fn renamed() -> &'static str {
    if RENAMED.load(Ordering::Relaxed) {
        "after"
    } else {
        "before"
    }
}

impl Guest for Clocked {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let inode = match (parent, name.as_str()) {
            (0, "now") => 1,
            (0, "switch") => 2,
            (0, other) if other == renamed() => 3,
            _ => return None,
        };
        Some(LookupResult { inode, kind: NodeKind::File })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["now", "switch", renamed()].map(String::from).to_vec(),
            _ => vec![],
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a component has no other clock")]
    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => {
                let reads = READS.fetch_add(1, Ordering::Relaxed) + 1;
                let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
                Some(format!("{reads} {}\n", since.as_nanos()).into_bytes())
            }
            2 => {
                RENAMED.store(true, Ordering::Relaxed);
                Some(b"renamed\n".to_vec())
            }
            3 => Some(b"the same object\n".to_vec()),
            _ => None,
        }
    }
}

omnifs_provider::export!(Clocked with_types_in omnifs_provider);
