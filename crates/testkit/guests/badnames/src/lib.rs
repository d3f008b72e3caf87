//! Lists names that no directory can have next to good ones, and finds every one of them.
//!
//! `zero` has the inode 0 and `max` the inode 2^64 - 1, which no child may have.

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct BadNames;

fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "good",
        "",
        ".",
        "..",
        "a/b",
        "/",
        "nul\0x",
        "line\nfeed",
        "escape\u{1b}[31m",
        "delete\u{7f}",
        "second",
        "good",
        "\u{fc}ml\u{e4}ut",
        "zero",
        "max",
    ]
    .map(String::from)
    .to_vec();
    names.push("n".repeat(255));
    names.push("n".repeat(256));
    names.push("last".to_string());
    names
}

impl Guest for BadNames {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let place = names().iter().position(|known| *known == name)?;
        let inode = match name.as_str() {
            _ if parent != 0 => return None,
            "zero" => 0,
            "max" => u64::MAX,
            _ => place as u64 + 1,
        };
        Some(LookupResult { inode, kind: NodeKind::File })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => names(),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        let name = names().into_iter().nth(usize::try_from(inode).ok()?.checked_sub(1)?)?;
        Some(format!("{}\n", name.escape_default()).into_bytes())
    }
}

omnifs_provider::export!(BadNames with_types_in omnifs_provider);
