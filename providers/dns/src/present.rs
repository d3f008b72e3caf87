//! What messages hold, in the presentation format of master files (RFC 1035, 5.1; RFC 4343, 2.1).
//!
//! Nothing that a resolver sends reaches a terminal or a line's end as it is: what is no printable
//! ASCII character is written as `\DDD`.

use std::fmt::{Display, Write as _};

use domain::base::name::ToLabelIter;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt as _};
use domain::rdata::AllRecordData;

/// What ends a token of a master file, begins a comment, or means something else.
const SPECIAL: &[u8] = b"\"();@$.\\";

/// Returns a name with a dot at its end.
pub(crate) fn name(name: &impl ToLabelIter) -> String {
    let mut text = String::new();
    for label in name.iter_labels().filter(|label| !label.is_root()) {
        for byte in label.iter() {
            if SPECIAL.contains(&byte) {
                text.push('\\');
            }
            push(&mut text, byte, 0x21);
        }
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

/// Returns a text in one line, whatever is in it.
pub(crate) fn line(text: &[u8]) -> String {
    let mut line = String::with_capacity(text.len());
    text.iter().for_each(|byte| push(&mut line, *byte, 0x20));
    line
}

/// Adds a byte, as `\DDD` where it is below `first` or no ASCII.
fn push(text: &mut String, byte: u8, first: u8) {
    if (first..0x7f).contains(&byte) {
        text.push(char::from(byte));
    } else {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\{byte:03}");
    }
}

/// Returns the data of a record.
pub(crate) fn data<O, N>(data: &AllRecordData<O, N>) -> String
where
    O: AsRef<[u8]>,
    N: ToLabelIter + Display,
    AllRecordData<O, N>: domain::base::zonefile_fmt::ZonefileFmt,
{
    match data {
        AllRecordData::Cname(data) => name(data.cname()),
        AllRecordData::Dname(data) => name(data.dname()),
        AllRecordData::Ns(data) => name(data.nsdname()),
        AllRecordData::Ptr(data) => name(data.ptrdname()),
        AllRecordData::Mx(data) => format!("{} {}", data.preference(), name(data.exchange())),
        AllRecordData::Srv(data) => {
            let target = name(data.target());
            format!("{} {} {} {target}", data.priority(), data.weight(), data.port())
        }
        AllRecordData::Soa(data) => {
            let (mname, rname) = (name(data.mname()), name(data.rname()));
            let (refresh, retry) = (data.refresh().as_secs(), data.retry().as_secs());
            let (expire, minimum) = (data.expire().as_secs(), data.minimum().as_secs());
            format!("{mname} {rname} {} {refresh} {retry} {expire} {minimum}", data.serial())
        }
        other => line(other.display_zonefile(DisplayKind::Simple).to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use domain::base::Name;

    use super::*;

    #[test]
    fn nothing_in_a_name_is_taken_for_something_else() {
        let wire = b"\x09a.b;\"c\n\xff\x1b\x03 \\@\0";
        let hostile = Name::<Vec<u8>>::from_octets(wire.to_vec()).unwrap();
        assert_eq!(name(&hostile), "a\\.b\\;\\\"c\\010\\255\\027.\\032\\\\\\@.");
        assert_eq!(name(&Name::<Vec<u8>>::root_vec()), ".");
    }

    #[test]
    fn a_line_is_one_line_of_ascii() {
        assert_eq!(line("a \u{1b}[2J\r\n\u{fc}".as_bytes()), "a \\027[2J\\013\\010\\195\\188");
    }
}
