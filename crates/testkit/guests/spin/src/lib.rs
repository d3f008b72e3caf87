//! `spin` never ends when it is read, `spin-lookup` when it is looked up (so it is not listed).

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Spin;

fn for_ever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

impl Guest for Spin {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let inode = match (parent, name.as_str()) {
            (0, "ok") => 1,
            (0, "spin") => 2,
            (0, "spin-lookup") => for_ever(),
            _ => return None,
        };
        Some(LookupResult { inode, kind: NodeKind::File })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => vec!["ok".to_string(), "spin".to_string()],
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => Some(b"ok\n".to_vec()),
            2 => for_ever(),
            _ => None,
        }
    }
}

omnifs_provider::export!(Spin with_types_in omnifs_provider);
