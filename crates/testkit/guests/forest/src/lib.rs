//! Ten thousand small files in a hundred directories, with legal but odd names, and a file of
//! 60 MiB: what tools are compared on.

#[path = "../../big/src/bytes.rs"]
mod bytes;
mod plan;

use omnifs_provider::exports::omnifs::provider::filesystem::{Guest, LookupResult, NodeKind};

struct Forest;

const BIG: u64 = 1_000_000;
/// Directories have the inodes 1 to `DIRECTORIES`; files begin here.
const FIRST_FILE: u64 = 1_000;

impl Guest for Forest {
    fn lookup_child(parent: u64, child: String) -> Option<LookupResult> {
        let (inode, kind) = match parent {
            0 if child == plan::BIG => (BIG, NodeKind::File),
            0 => {
                let number = numbers(&child)
                    .find(|n| *n < plan::DIRECTORIES && plan::directory(*n) == child)?;
                (number + 1, NodeKind::Directory)
            }
            1..=plan::DIRECTORIES => {
                let directory = parent - 1;
                let number = numbers(&child)
                    .find(|n| *n < plan::FILES && plan::file(directory, *n) == child)?;
                (FIRST_FILE + directory * plan::FILES + number, NodeKind::File)
            }
            _ => return None,
        };
        Some(LookupResult { inode, kind })
    }

    fn list_children(inode: u64) -> Vec<String> {
        match inode {
            0 => {
                let mut names = vec![plan::BIG.to_string()];
                names.extend((0..plan::DIRECTORIES).map(plan::directory));
                names
            }
            1..=plan::DIRECTORIES => (0..plan::FILES).map(|n| plan::file(inode - 1, n)).collect(),
            _ => vec![],
        }
    }

    fn read_file(inode: u64) -> Option<Vec<u8>> {
        if inode == BIG {
            return Some(bytes::pseudo_random(plan::BIG_SIZE));
        }
        let file = inode.checked_sub(FIRST_FILE)?;
        let (directory, number) = (file / plan::FILES, file % plan::FILES);
        (directory < plan::DIRECTORIES).then(|| plan::content(directory, number))
    }
}

/// Returns the numbers that a name may hold: a walk looks all names up, and to go through the
/// plan for each would cost more than all the rest.
fn numbers(name: &str) -> impl Iterator<Item = u64> + '_ {
    let ends = [name.get(..2), name.len().checked_sub(2).and_then(|at| name.get(at..))];
    ends.into_iter().flatten().filter_map(|digits| digits.parse().ok())
}

omnifs_provider::export!(Forest with_types_in omnifs_provider);
