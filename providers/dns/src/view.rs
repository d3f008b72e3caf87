//! What the files of a domain are called.

use std::fmt;
use std::str::FromStr;

use domain::base::Rtype;

/// The types that are asked for when a domain is listed.
pub(crate) const TYPES: [Rtype; 9] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::CNAME,
    Rtype::MX,
    Rtype::NS,
    Rtype::TXT,
    Rtype::SOA,
    Rtype::SRV,
    Rtype::CAA,
];

/// The types of which no record is: of questions and of messages (RFC 6895, 3.1).
const META: std::ops::RangeInclusive<u16> = 128..=255;

/// A file of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The records of a type.
    Type(Rtype),
    /// The records of all of [`TYPES`].
    All,
    /// What was answered for each of them.
    Raw,
}

/// A text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoView;

impl FromStr for View {
    type Err = NoView;

    /// Takes every name that is a file's, also those that no listing has: `_all` and `_raw`, and
    /// the types besides [`TYPES`], as `HTTPS` or `TYPE65280`.
    fn from_str(text: &str) -> Result<Self, NoView> {
        match text {
            "all" | "_all" => return Ok(Self::All),
            "raw" | "_raw" => return Ok(Self::Raw),
            _ => {}
        }
        let rtype = Rtype::from_str(text).map_err(|_| NoView)?;
        let is_meta = META.contains(&rtype.to_int()) || matches!(rtype.to_int(), 0 | 41);
        // One name a type: neither `mx` nor `TYPE15`.
        if is_meta || rtype.to_string() != text {
            return Err(NoView);
        }
        Ok(Self::Type(rtype))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(rtype) => rtype.fmt(f),
            Self::All => f.write_str("all"),
            Self::Raw => f.write_str("raw"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_name_and_those_of_old() {
        for rtype in TYPES {
            assert_eq!(rtype.to_string().parse(), Ok(View::Type(rtype)));
        }
        for (text, name) in [
            ("_all", "all"),
            ("raw", "raw"),
            ("_raw", "raw"),
            ("HTTPS", "HTTPS"),
            ("DNSKEY", "DNSKEY"),
            ("TYPE65280", "TYPE65280"),
        ] {
            assert_eq!(text.parse::<View>().map(|view| view.to_string()), Ok(name.to_string()));
        }
        for text in ["", "a", "mx", "TYPE1", "TYPE01", "ANY", "AXFR", "OPT", "TYPE0", "A ", ".git"]
        {
            assert_eq!(text.parse::<View>(), Err(NoView), "{text:?}");
        }
    }
}
