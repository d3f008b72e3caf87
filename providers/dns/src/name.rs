//! Names of domains, as paths have them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use domain::base::name::ToName as _;
use domain::base::Name;

use crate::present;

/// The longest text of a name: 253 characters, each of which may be written as `\DDD`.
const TEXT_MAX: usize = 4 * 253;

/// The name of a domain. However it is written, in capitals or not, in Unicode or in ASCII, with a
/// dot at its end or without: what it means is one name, and its text the one that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain(Name<Vec<u8>>);

/// A text is not the name of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoDomain;

impl Domain {
    /// Returns the name under which an address is looked up (RFC 1035, 3.5; RFC 3596, 2.5).
    pub(crate) fn of_address(address: IpAddr) -> Result<Self, NoDomain> {
        let name = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(address) => {
                let nibbles = address.octets().into_iter().rev().flat_map(|o| [o & 15, o >> 4]);
                let labels: String = nibbles.map(|nibble| format!("{nibble:x}.")).collect();
                format!("{labels}ip6.arpa")
            }
        };
        name.parse()
    }

    /// Returns the name as messages have it.
    pub(crate) fn wire(&self) -> &Name<Vec<u8>> {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = NoDomain;

    fn from_str(text: &str) -> Result<Self, NoDomain> {
        // What begins with `@` is a resolver, and with a dot a file that programs look for.
        let is_root = text == ".";
        if text.is_empty() || text.len() > TEXT_MAX || text.starts_with(['@', '.']) && !is_root {
            return Err(NoDomain);
        }
        let ascii = match text.is_ascii() {
            true => text.to_string(),
            false => idna::domain_to_ascii(text).map_err(|_| NoDomain)?,
        };
        let mut name = Name::<Vec<u8>>::from_str(&ascii).map_err(|_| NoDomain)?;
        name.make_canonical();
        if name.is_root() != is_root {
            return Err(NoDomain);
        }
        Ok(Self(name))
    }
}

/// Without the dot at its end, and with `\` before what would mean something else.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_root() {
            return f.write_str(".");
        }
        let absolute = present::name(&self.0);
        // The root's label is the last one, and empty.
        f.write_str(absolute.strip_suffix('.').unwrap_or(&absolute))
    }
}

impl Domain {
    /// Returns the name as records have it, with a dot at its end.
    pub(crate) fn absolute(&self) -> String {
        present::name(&self.0)
    }

    /// Returns whether a name of a message is this one.
    pub(crate) fn is(&self, other: &Name<Vec<u8>>) -> bool {
        self.0.name_eq(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Option<String> {
        let domain: Domain = text.parse().ok()?;
        let again: Domain = domain.to_string().parse().expect("its own text");
        assert_eq!(again, domain, "{text:?}");
        Some(domain.to_string())
    }

    #[test]
    fn every_spelling_is_one_name() {
        for (text, name) in [
            ("example.com", "example.com"),
            ("Example.COM.", "example.com"),
            ("com", "com"),
            (".", "."),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("M\u{fc}nchen.example", "xn--mnchen-3ya.example"),
            ("mu\u{308}nchen\u{3002}example", "xn--mnchen-3ya.example"),
            ("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"),
            ("fa\u{df}.example", "xn--fa-hia.example"),
            ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
            ("a\\.b.example", "a\\.b.example"),
            ("a\\046b.example", "a\\.b.example"),
            ("a;b\\000.example", "a\\;b\\000.example"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(name), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        let long = format!("{}.example", "a".repeat(64));
        let longer = vec!["a".repeat(63); 4].join(".");
        for text in
            ["", "..", "a..b", ".git", "@google", "@", "a\\", "a\\2", "a\\999", &long, &longer]
        {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        assert_eq!(canonical("\u{200b}"), None, "nothing is left of it");
        assert_eq!(canonical(&"\\".repeat(5_000)), None);
    }

    #[test]
    fn addresses_are_looked_up_backwards() {
        let of = |text: &str| Domain::of_address(text.parse().unwrap()).unwrap().to_string();
        assert_eq!(of("192.0.2.1"), "1.2.0.192.in-addr.arpa");
        assert_eq!(of("2001:db8::1f"), format!("f.1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(22)));
    }
}
