//! The one mapping between the contract's types and the tree's.

use omnifs_vfs::{Child, Inode, NodeKind, VfsError};

use crate::bindings;

/// Turns what `lookup-child` found into a child.
///
/// # Errors
/// [`VfsError::Contract`] for the two numbers that no child can have.
pub(crate) fn child(found: &bindings::LookupResult) -> Result<Child, VfsError> {
    let inode = Inode::of_child(found.inode).ok_or_else(|| {
        VfsError::Contract(match found.inode {
            0 => "inode 0 for a child: 0 is the root's".to_owned(),
            number => format!("inode {number} for a child: the highest is {}", u64::MAX - 1),
        })
    })?;
    Ok(Child { inode, kind: kind(found.kind) })
}

fn kind(kind: bindings::NodeKind) -> NodeKind {
    match kind {
        bindings::NodeKind::File => NodeKind::File,
        bindings::NodeKind::Directory => NodeKind::Directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::LookupResult;

    #[test]
    fn maps_numbers_and_kinds() {
        for (inode, from, to) in [
            (1, bindings::NodeKind::File, NodeKind::File),
            (u64::MAX - 1, bindings::NodeKind::Directory, NodeKind::Directory),
        ] {
            let child = child(&LookupResult { inode, kind: from }).unwrap();
            assert_eq!((child.inode.number(), child.kind), (inode, to));
        }
    }

    #[test]
    fn refuses_two_numbers() {
        let refused = |inode| {
            child(&LookupResult { inode, kind: bindings::NodeKind::File }).unwrap_err().to_string()
        };
        assert_eq!(refused(0), "contract violation: inode 0 for a child: 0 is the root's");
        assert_eq!(
            refused(u64::MAX),
            "contract violation: inode 18446744073709551615 for a child: \
             the highest is 18446744073709551614"
        );
    }
}
