//! The one mapping between the contract's types and the tree's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use omnifs_vfs::{
    Child, Details, Found, Freshness, Inode, Listed, NodeKind, ProviderId, Timestamp, VfsError,
};

use crate::bindings::{self, projection};

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

/// The longest identity that a provider may give, in bytes.
pub(crate) const ID_MAX: usize = 4 << 10;

/// The longest name of a version, in bytes.
const VERSION_MAX: usize = 4 << 10;

/// How many bits of an identity's digest make an inode: some programs keep one in a double, which
/// has 53.
const INODE_BITS: u32 = 53;

/// Returns the inode of the object with this identity: the same one at each start.
pub(crate) fn inode(id: &str) -> Inode {
    let digest = blake3::hash(id.as_bytes());
    let number = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    // 0 is the root's; 2^53 - 1 is far below the highest.
    let number = (number & ((1 << INODE_BITS) - 1)).max(1);
    Inode::of_child(number).unwrap_or(Inode::ROOT)
}

/// The longest cursor, in bytes.
const CURSOR_MAX: usize = 64 << 10;

/// Turns a page of a listing into what the tree is told.
///
/// # Errors
/// [`VfsError::Contract`] for a cursor that is too long, and as [`node`] has it.
pub(crate) fn page(page: projection::Page) -> Result<Listed, VfsError> {
    if let Some(length) = page.next.as_ref().map(String::len).filter(|length| *length > CURSOR_MAX)
    {
        let what = format!("a cursor of {length} bytes: the longest has {CURSOR_MAX}");
        return Err(VfsError::Contract(what));
    }
    let mut listed = Listed { next: page.next, complete: page.complete, ..Listed::default() };
    for entry in page.entries {
        listed.found.push(node(entry.node)?);
        listed.names.push(entry.name);
    }
    Ok(listed)
}

/// Turns a node of the second face into what the tree is told.
///
/// # Errors
/// [`VfsError::Contract`] for an identity that is the root's or too long, a time that is none, and
/// contents that are not as long as they are said to be.
pub(crate) fn node(node: projection::Node) -> Result<Found, VfsError> {
    let violation = |what: String| Err(VfsError::Contract(what));
    if node.id.is_empty() {
        return violation("the empty id for a child: it is the root's".to_owned());
    }
    if node.id.len() > ID_MAX {
        return violation(format!("an id of {} bytes: the longest has {ID_MAX}", node.id.len()));
    }
    let mut details = Details {
        modified: node.modified.map(modified).transpose()?,
        freshness: match node.freshness {
            projection::Freshness::Inherit => Freshness::Inherit,
            projection::Freshness::Seconds(seconds) => {
                Freshness::For(Duration::from_secs(seconds.into()))
            }
            projection::Freshness::Immutable => Freshness::Immutable,
        },
        source: node.source.map(Into::into),
        ..Details::default()
    };
    let kind = match node.kind {
        projection::NodeKind::Directory => NodeKind::Directory,
        projection::NodeKind::Symlink(target) => {
            details.target = Some(target.into());
            NodeKind::Symlink
        }
        projection::NodeKind::File(facts) => {
            let length = facts.content.as_ref().map(|content| content.len() as u64);
            if let (Some(size), Some(length)) = (facts.size, length)
                && size != length
            {
                return violation(format!("{length} bytes of a file that is to have {size}"));
            }
            let version = facts.version.unwrap_or_default();
            if version.len() > VERSION_MAX {
                let length = version.len();
                return violation(format!(
                    "a version of {length} bytes: it may have {VERSION_MAX}"
                ));
            }
            details.size = facts.size.or(length);
            details.version = (!version.is_empty()).then(|| version.into());
            details.content = facts.content.map(Bytes::from);
            (details.ranges, details.live) = (facts.ranges, facts.live);
            NodeKind::File
        }
    };
    let child = Child { inode: inode(&node.id), kind };
    details.id = Some(ProviderId::new(node.id));
    Ok(Found { child, details: Some(Arc::new(details)) })
}

fn modified(time: projection::Datetime) -> Result<Timestamp, VfsError> {
    let seconds = u64::try_from(time.seconds).ok();
    match seconds.filter(|_| time.nanoseconds < 1_000_000_000) {
        Some(seconds) => Ok(Timestamp { seconds, nanoseconds: time.nanoseconds }),
        None => {
            let projection::Datetime { seconds, nanoseconds } = time;
            let what =
                format!("the time {seconds} s and {nanoseconds} ns, which is none after 1969");
            Err(VfsError::Contract(what))
        }
    }
}

/// Turns an error of the second face into the tree's.
pub(crate) fn error(error: projection::Error) -> VfsError {
    let escaped = |text: &str| crate::log::Escaped(text).to_string();
    match error {
        projection::Error::NotFound => VfsError::NotFound,
        projection::Error::Denied(why) => VfsError::Denied(escaped(&why)),
        projection::Error::Unauthenticated(why) => {
            VfsError::Denied(format!("it needs credentials: {}", escaped(&why)))
        }
        projection::Error::RateLimited(wait) => VfsError::Busy(match wait {
            Some(seconds) => format!("the upstream asks to wait for {seconds} s"),
            None => "the upstream asks to wait".to_owned(),
        }),
        projection::Error::Unavailable(why) => VfsError::Upstream(escaped(&why)),
        projection::Error::TimedOut => {
            VfsError::TimedOut("the provider gave up waiting".to_owned())
        }
        projection::Error::TooLarge => {
            VfsError::TooLarge("there is more than can be shown".to_owned())
        }
        projection::Error::Invalid(why) => VfsError::Upstream(escaped(&why)),
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
