//! A tree without a bottom: every directory holds `d`, a directory, and `f`, a file. Below
//! the root there is `loop` too, which says that it is the directory it lies in.

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Deep;

impl Guest for Deep {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        // Directories are even, the file in each is one higher.
        if !parent.is_multiple_of(2) {
            return None;
        }
        match name.as_str() {
            "f" => Some(LookupResult { inode: parent + 1, kind: NodeKind::File }),
            "d" => Some(LookupResult { inode: parent + 2, kind: NodeKind::Directory }),
            "loop" if parent != 0 => {
                Some(LookupResult { inode: parent, kind: NodeKind::Directory })
            }
            _ => None,
        }
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => ["d", "f"].map(String::from).to_vec(),
            even if even.is_multiple_of(2) => ["d", "f", "loop"].map(String::from).to_vec(),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        (!inode.is_multiple_of(2)).then(|| format!("depth {}\n", inode / 2).into_bytes())
    }
}

omnifs_provider::export!(Deep with_types_in omnifs_provider);
