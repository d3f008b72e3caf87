//! The records of a message, read once.

use std::fmt;

use domain::base::message::RecordSection;
use domain::base::name::ToName as _;
use domain::base::wire::ParseError;
use domain::base::{Name, ParsedRecord, Rtype};
use domain::rdata::AllRecordData;

use crate::present;

/// The longest that a record is believed, in seconds: what most resolvers keep one for at most.
const TTL_MAX: u32 = 7 * 24 * 60 * 60;

/// A record.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Whose record it is.
    pub(crate) owner: Name<Vec<u8>>,
    /// What it is.
    pub(crate) rtype: Rtype,
    /// For how long it may be believed from now on, in seconds.
    pub(crate) ttl: u32,
    /// Its data, in presentation format.
    pub(crate) data: String,
    /// Where an alias leads to.
    pub(crate) target: Option<Name<Vec<u8>>>,
    /// For how long the absence of records is believed, in seconds, as a start of authority says
    /// (RFC 2308, section 5).
    pub(crate) absence: Option<u32>,
    class: String,
}

impl Row {
    /// Reads a section.
    ///
    /// # Errors
    /// When a record is none.
    pub(crate) fn of_section(
        section: RecordSection<'_, Vec<u8>>,
        age: u32,
    ) -> Result<Vec<Self>, ParseError> {
        let rows = section.map(|record| Self::of(&record?, age));
        rows.filter(|row| !row.as_ref().is_ok_and(|row| row.rtype == Rtype::OPT)).collect()
    }

    fn of(record: &ParsedRecord<'_, Vec<u8>>, age: u32) -> Result<Self, ParseError> {
        let parsed = record.to_any_record::<AllRecordData<_, _>>().map_err(|_| {
            let what = "a record's data is not that of its type";
            ParseError::form_error(what)
        })?;
        let ttl = left(record.ttl().as_secs(), age);
        let (mut target, mut absence) = (None, None);
        match parsed.data() {
            AllRecordData::Cname(alias) => target = Some(alias.cname().to_name()),
            AllRecordData::Soa(soa) => {
                absence = Some(ttl.min(left(soa.minimum().as_secs(), age)));
            }
            _ => {}
        }
        Ok(Self {
            owner: record.owner().to_name(),
            rtype: record.rtype(),
            ttl,
            data: present::data(parsed.data()),
            target,
            absence,
            class: record.class().to_string(),
        })
    }

    /// Returns whether another row is the same record, for however long either may be believed.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.owner == other.owner
            && (self.rtype, &self.class, &self.data) == (other.rtype, &other.class, &other.data)
    }

    /// What rows of one type are sorted by: a number that their data begins with, then the data.
    pub(crate) fn order(&self) -> (u32, &str) {
        let first = self.data.split(' ').next().and_then(|word| word.parse().ok());
        (first.unwrap_or(0), &self.data)
    }
}

/// As a line of a master file.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = present::name(&self.owner);
        let class = present::line(self.class.as_bytes());
        write!(f, "{owner} {} {class} {} {}", self.ttl, self.rtype, self.data)
    }
}

/// Returns what is left of a time to live, which is none when its highest bit is set (RFC 2181,
/// section 8).
fn left(ttl: u32, age: u32) -> u32 {
    let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl };
    ttl.min(TTL_MAX).saturating_sub(age)
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn a_time_to_live_has_its_bounds() {
        assert_eq!((left(300, 0), left(300, 40), left(300, 301)), (300, 260, 0));
        assert_eq!(
            (left(u32::MAX, 0), left(1 << 31, 0), left(i32::MAX as u32, 0)),
            (0, 0, 604_800)
        );
    }
}
