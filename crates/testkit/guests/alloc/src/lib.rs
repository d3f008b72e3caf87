//! `alloc` takes memory until it is refused, `recurse` calls itself without end.

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Alloc;

fn take_all() -> usize {
    let mut blocks = Vec::new();
    loop {
        blocks.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&blocks);
    }
}

#[expect(unconditional_recursion, reason = "what this component is for")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + std::hint::black_box(frame)[0]
}

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
            2 => Some(vec![0; take_all()]),
            3 => Some(recurse(0).to_string().into_bytes()),
            _ => None,
        }
    }
}

omnifs_provider::export!(Alloc with_types_in omnifs_provider);
