//! One directory with one file: replace it by what your service looks like.

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct MyProvider;

impl Guest for MyProvider {
    /// Return the kind of `name` inside `parent`, or None if it does not exist.
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        match (parent, name.as_str()) {
            // root directory contains one child: "hello.txt"
            (0, "hello.txt") => Some(LookupResult {
                inode: 1,
                kind: NodeKind::File,
            }),
            _ => None,
        }
    }

    /// Return the names of all children of `inode`.
    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => vec!["hello.txt".to_string()],
            _ => vec![],
        }
    }

    /// Return the full content of the file at `inode`.
    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => Some(b"hello from omnifs\n".to_vec()),
            _ => None,
        }
    }
}

omnifs_provider::export!(MyProvider with_types_in omnifs_provider);
