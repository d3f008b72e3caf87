//! `trap` panics and `abort` aborts when it is read, `trap-dir` panics when it is listed.

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Trap;

impl Guest for Trap {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let (inode, kind) = match (parent, name.as_str()) {
            (0, "ok") => (1, NodeKind::File),
            (0, "trap") => (2, NodeKind::File),
            (0, "abort") => (3, NodeKind::File),
            (0, "trap-dir") => (4, NodeKind::Directory),
            _ => return None,
        };
        Some(LookupResult { inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["ok", "trap", "abort", "trap-dir"].map(String::from).to_vec(),
            4 => panic!("boom"),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => Some(b"ok\n".to_vec()),
            2 => panic!("boom"),
            3 => std::process::abort(),
            _ => None,
        }
    }
}

omnifs_provider::export!(Trap with_types_in omnifs_provider);
