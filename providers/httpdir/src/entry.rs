//! From rows to entries: sizes, times and versions.

use omnifs_provider::router::Entry;

use crate::listing::Row;
use crate::size::Size;

/// How long after a change a file may change again without a difference in its time, in seconds more
/// than the time is exact: the server's clock and its file system's need not tick together.
const UNSETTLED: i64 = 2;

/// The zones of listings are unknown. They are whole quarters of an hour apart from that of the
/// header `Date`, and no further than this, in seconds.
const QUARTER: i64 = 15 * 60;
const FURTHEST: i64 = 15 * 60 * 60;

/// Returns the entry of a row that a listing with this date has.
pub fn listed(row: Row, date: Option<i64>) -> Entry {
    let entry = dated(&row);
    match (row.size, row.modified) {
        (Size::Exact(size), Some(modified)) if !row.is_directory => {
            let entry = entry.size(size);
            if is_settled(modified, date) {
                entry.version(format!("{}-{size}", modified.0))
            } else {
                entry
            }
        }
        (Size::Exact(size), None) => entry.size(size),
        (Size::Exact(_) | Size::About(_) | Size::Unknown, _) => entry,
    }
}

/// Returns whether only the file itself can tell its size.
pub fn is_vague(row: &Row) -> bool {
    !row.is_directory && !matches!(row.size, Size::Exact(_))
}

/// Returns the entry of a row with what is certain: what it is, and since when.
pub fn dated(row: &Row) -> Entry {
    let entry = if row.is_directory { Entry::dir(&row.name) } else { Entry::file(&row.name) };
    match row.modified {
        Some((seconds, _)) => entry.modified(seconds),
        None => entry,
    }
}

/// Returns whether a time is old enough that a change since would have another one: a file that is
/// written twice within a minute may have one time, and one size, for two contents.
fn is_settled((modified, exact): (i64, i64), date: Option<i64>) -> bool {
    let Some(date) = date else { return false };
    let age = date - modified;
    if exact == 1 {
        // A header's time, whose zone is known.
        return age >= exact + UNSETTLED;
    }
    age.abs() > FURTHEST || age.rem_euclid(QUARTER) >= 2 * exact + UNSETTLED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_settles_whatever_its_zone() {
        let now = 1_795_878_000;
        for hours in [-12, -5, 0, 1, 14] {
            let zone = hours * 3_600 + QUARTER;
            let settled = |age: i64| is_settled((now + zone - age, 60), Some(now));
            assert!(![0, 1, 59, 60, 119].into_iter().any(settled), "{hours}");
            assert!([180, 600, 800].into_iter().all(settled), "{hours}");
        }
        assert!(is_settled((now - 20 * 3_600, 60), Some(now)), "no zone is so far away");
        assert!(is_settled((now - 3, 1), Some(now)) && !is_settled((now - 2, 1), Some(now)));
        assert!(!is_settled((now - 3_600, 1), None), "nobody knows");
    }
}
