//! A file about whose size its listing is vague: asked for its beginning, which tells all of it.

use omnifs_provider::http::{self, Incoming};
use omnifs_provider::router::Entry;
use omnifs_provider::Error;

use crate::entry;
use crate::listing::Row;

/// So much of a file comes with the question about it: who asks for a smaller one has it all.
const BEGINNING: u64 = 64 << 10;

const PARTIAL_CONTENT: u16 = 206;

/// Of a file with nothing in it there is no first byte.
const RANGE_NOT_SATISFIABLE: u16 = 416;

/// Returns the entry of a row with the size of its file, and the bytes of a small one.
///
/// # Errors
/// As the request failed, and by its status.
pub fn ask(url: &str, row: Row) -> Result<Entry, Error> {
    let answer = beginning(url)?;
    let entry = entry::dated(&row);
    let whole = answer.header("content-range").and_then(|range| whole(&range));
    match (answer.status(), whole) {
        (PARTIAL_CONTENT, Some(size)) => told(entry, &answer, size),
        (RANGE_NOT_SATISFIABLE, Some(0)) => Ok(entry.size(0).content(Vec::new())),
        (200, _) => {
            let size = answer.header("content-length").and_then(|size| size.parse().ok());
            match size.filter(|_| answer.header("content-encoding").is_none()) {
                // It has answered with all though a part was asked for.
                Some(size) => told(entry, &answer, size).map(Entry::whole),
                None => Ok(entry.whole()),
            }
        }
        (status, _) => {
            answer.error_for_status()?;
            Err(Error::new(format!("{url} answered {status}, and not with a part of the file")))
        }
    }
}

/// Asks for the beginning of a file.
fn beginning(url: &str) -> Result<Incoming, Error> {
    let request = || http::get(url).header("Range", format!("bytes=0-{}", BEGINNING - 1));
    let answer = request().open()?;
    if !(300..400).contains(&answer.status()) {
        return Ok(answer);
    }
    match answer.header("location") {
        Some(location) if location.ends_with('/') => {
            Err(Error::new(format!("{url} is a directory by now")))
        }
        Some(_) | None => request().follow_redirects().open(),
    }
}

/// Returns an entry with what an answer tells of its file.
fn told(entry: Entry, answer: &Incoming, size: u64) -> Result<Entry, Error> {
    let entry = entry.size(size);
    let entry = match version(answer, size) {
        Some(version) => entry.version(version),
        None => entry,
    };
    if size > BEGINNING {
        return Ok(entry);
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.read(u32::MAX)? {
        bytes.extend_from_slice(&piece);
    }
    // What is not all of it is read again, as a whole.
    Ok(if bytes.len() as u64 == size { entry.content(bytes) } else { entry })
}

/// Returns what changes with the bytes: a strong `ETag` (RFC 9110, 8.8.1).
fn version(answer: &Incoming, size: u64) -> Option<String> {
    let etag = answer.header("etag").filter(|etag| !etag.starts_with("W/"))?;
    Some(format!("{etag}-{size}"))
}

/// Returns the size of the whole file by a `Content-Range`: `bytes 0-99/1000`, `bytes */0`.
fn whole(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.rsplit_once('/')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_all_stands_behind_the_part() {
        assert_eq!(whole("bytes 0-99/1000"), Some(1_000));
        assert_eq!(whole("bytes */0"), Some(0));
        assert_eq!([whole("bytes 0-99/*"), whole("pages 0-1/2"), whole("")], [None; 3]);
    }
}
