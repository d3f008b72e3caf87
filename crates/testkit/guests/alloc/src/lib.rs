//! `alloc` takes memory until it is refused, `recurse` calls itself without end.

mod greed;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Alloc;

impl Guest for Alloc {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let inode = match (parent, name.as_str()) {
            (0, "ok") => 1,
            (0, "alloc") => 2,
            (0, "recurse") => 3,
            _ => return None,
        };
        Some(LookupResult { inode, kind: NodeKind::File })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["ok", "alloc", "recurse"].map(String::from).to_vec(),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => Some(b"ok\n".to_vec()),
            2 => Some(vec![0; greed::take_all()]),
            3 => Some(greed::recurse(0).to_string().into_bytes()),
            _ => None,
        }
    }
}

omnifs_provider::export!(Alloc with_types_in omnifs_provider);
