//! Extended attributes: what is known of a node, for getfattr(1). They are not listed, so that
//! copies take nothing of ours along.

use omnifs_vfs::{Facts, LastFailure, NodeId, Timestamp, Tree};
use rustix::io::Errno;

use crate::errno::{errno, errno_name};
use crate::reply::{Answer, Outcome};

/// The longest value that is answered, in bytes.
const VALUE_MAX: usize = 4096;

/// Answers GETXATTR for `name` of `node`, for which there is room in `size` bytes; 0 asks for the
/// length.
pub(crate) fn answer(tree: &Tree, node: NodeId, (name, size): (&[u8], u32)) -> Outcome {
    if !name.starts_with(b"user.") {
        // `ls` remembers this per device, and then asks no more.
        return Err(Errno::OPNOTSUPP);
    }
    let Some(name) = name.strip_prefix(b"user.omnifs.") else { return Err(Errno::NODATA) };
    let facts = tree.facts(node).map_err(|error| errno(&error))?;
    let mut value = value(name, facts).ok_or(Errno::NODATA)?.into_bytes();
    value.truncate(VALUE_MAX);
    let length = u32::try_from(value.len()).map_err(|_| Errno::TOOBIG)?;
    match size {
        0 => Ok(Answer::XattrSize(length)),
        room if room < length => Err(Errno::RANGE),
        _ => Ok(Answer::Bytes(value.into())),
    }
}

/// Returns the value of `user.omnifs.NAME`: times in seconds since 1970, 1 for yes and 0 for no.
fn value(name: &[u8], facts: Facts) -> Option<String> {
    let seconds = |time: Timestamp| time.seconds.to_string();
    let word = |yes: bool| u8::from(yes).to_string();
    match name {
        b"provider" => Some(facts.provider),
        b"fetched_at" => facts.fetched_at.map(seconds),
        b"fresh_until" => facts.fresh_until.map(seconds),
        b"stale" => Some(word(facts.stale)),
        b"partial" => Some(word(facts.partial)),
        b"source" => match facts.source {
            Some(url) => Some(url),
            None => Some(facts.made?.source()?.url.clone()),
        },
        b"etag" => facts.made?.source()?.etag.clone(),
        b"error" => facts.error.map(|LastFailure { error, request }| {
            format!("{} {error} ({request})", errno_name(&error))
        }),
        _ => None,
    }
}
