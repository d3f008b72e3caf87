//! Writes to its log when it is read: `lines` a line to each stream, `escapes` control
//! characters, `partial` a line without an end, `flood` 4 MiB.

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Logger;

const NAMES: [&str; 4] = ["lines", "escapes", "partial", "flood"];

impl Guest for Logger {
    fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
        let place = NAMES.iter().position(|known| *known == name).filter(|_| parent == 0)?;
        Some(LookupResult { inode: place as u64 + 1, kind: NodeKind::File })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => NAMES.map(String::from).to_vec(),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        match inode {
            1 => {
                println!("to standard output");
                eprintln!("to standard error");
            }
            2 => println!("red \u{1b}[31m bell \u{7} return \r end"),
            3 => print!("no end of line"),
            4 => (0..1 << 16).for_each(|number| println!("{number:063}")),
            _ => return None,
        }
        Some(b"logged\n".to_vec())
    }
}

omnifs_provider::export!(Logger with_types_in omnifs_provider);
