//! Finding a secret's value in an answer, while the answer arrives.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use zeroize::Zeroizing;

use super::secret::Secret;

/// Shorter values are not looked for: they stand in ordinary text by chance.
const SHORTEST: usize = 8;

/// The forms in which an answer would give one value away.
pub(super) struct Needles(Vec<Zeroizing<Vec<u8>>>);

impl Needles {
    /// Returns the forms of a value: as it is, in hexadecimal digits, in base64 wherever it
    /// stands in the encoded text, percent-encoded, and escaped as in JSON.
    pub(super) fn of(value: &[u8]) -> Self {
        if value.len() < SHORTEST {
            return Self(Vec::new());
        }
        let mut forms = vec![value.to_vec(), hex(value, false), hex(value, true)];
        for alphabet in [STANDARD, URL_SAFE] {
            let engine = GeneralPurpose::new(&alphabet, NO_PAD);
            forms.extend((0..3).map(|before| base64_inside(&engine, value, before)));
        }
        for unreserved in [b"-._~".as_slice(), b"-._~!$&'()*+,;=:@/?", b"-_.!~*'()", b"", b"*-._"] {
            for capitals in [true, false] {
                forms.push(percent(value, unreserved, capitals));
            }
        }
        forms.push(percent_all(value, true));
        forms.push(percent_all(value, false));
        forms.push(json_all(value, true));
        forms.push(json_all(value, false));
        forms.push(json(value, false));
        forms.push(json(value, true));
        forms.sort();
        forms.dedup();
        Self(forms.into_iter().map(Zeroizing::new).collect())
    }

    fn longest(&self) -> usize {
        self.0.iter().map(|needle| needle.len()).max().unwrap_or(0)
    }
}

fn hex(value: &[u8], capitals: bool) -> Vec<u8> {
    value.iter().flat_map(|byte| hex_digits(*byte, capitals)).collect()
}

fn hex_digits(byte: u8, capitals: bool) -> [u8; 2] {
    let digits: &[u8; 16] = if capitals { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    [byte >> 4, byte & 15].map(|half| digits.get(usize::from(half)).copied().unwrap_or(b'0'))
}

/// Returns the characters of base64 that `value` alone decides when `before` bytes (modulo 3)
/// stand in front of it.
fn base64_inside(engine: &GeneralPurpose, value: &[u8], before: usize) -> Vec<u8> {
    let padded = Zeroizing::new([vec![0; before].as_slice(), value].concat());
    let encoded = engine.encode(&padded).into_bytes();
    // A character is 6 bits: those that share bits with a neighbour's byte are left out.
    let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    encoded.get(first..end).unwrap_or_default().to_vec()
}

/// Returns the value with everything but letters, digits and `unreserved` percent-encoded.
fn percent(value: &[u8], unreserved: &[u8], capitals: bool) -> Vec<u8> {
    let encode = |byte: &u8| {
        if byte.is_ascii_alphanumeric() || unreserved.contains(byte) {
            vec![*byte]
        } else {
            let [high, low] = hex_digits(*byte, capitals);
            vec![b'%', high, low]
        }
    };
    value.iter().flat_map(encode).collect()
}

fn percent_all(value: &[u8], capitals: bool) -> Vec<u8> {
    let encode = |byte: &u8| {
        let [high, low] = hex_digits(*byte, capitals);
        [b'%', high, low]
    };
    value.iter().flat_map(encode).collect()
}

/// Returns the value as it stands in a string of JSON, with or without `/` escaped.
fn json(value: &[u8], slashes: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let quoted = serde_json::to_string(&text).unwrap_or_default();
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if slashes { inside.replace('/', "\\/").into_bytes() } else { inside.as_bytes().to_vec() }
}

/// Returns the value with every character escaped as in JSON.
fn json_all(value: &[u8], capitals: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let escape = |unit| match capitals {
        true => format!("\\u{unit:04X}"),
        false => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(escape).collect::<String>().into_bytes()
}

/// Looks for the values of some secrets in bytes that come piece by piece.
pub(super) struct Scanner {
    secrets: Vec<Secret>,
    /// The end of what was looked at: a value may lie across two pieces.
    tail: Zeroizing<Vec<u8>>,
    longest: usize,
}

impl Scanner {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let longest = secrets.iter().map(|secret| secret.needles().longest()).max().unwrap_or(0);
        Self { secrets: secrets.to_vec(), tail: Zeroizing::default(), longest }
    }

    /// Looks at the next piece; returns the name of a secret whose value is in it.
    pub(super) fn look(&mut self, piece: &[u8]) -> Option<&str> {
        if self.longest == 0 {
            return None;
        }
        let keep = self.longest.saturating_sub(1);
        // Across the seam, then inside: the piece is not copied.
        let mut seam = Zeroizing::new(std::mem::take(&mut *self.tail));
        seam.extend_from_slice(piece.get(..keep.min(piece.len())).unwrap_or_default());
        let found = self.find(&seam).or_else(|| self.find(piece));
        let all = if piece.len() >= keep { piece } else { &seam };
        self.tail.extend_from_slice(all.get(all.len().saturating_sub(keep)..).unwrap_or_default());
        found.and_then(|at| self.secrets.get(at)).map(Secret::name)
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        self.secrets.iter().position(|secret| {
            secret.needles().0.iter().any(|needle| memchr::memmem::find(text, needle).is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;

    use super::*;

    const VALUE: &str = "s3cr3t/+\"=value";

    fn secret(value: &str) -> Secret {
        Secret::new("K".to_owned(), value.as_bytes(), Vec::new()).unwrap()
    }

    fn found_in(text: &[u8], step: usize) -> bool {
        let mut scanner = Scanner::new(&[secret(VALUE)]);
        text.chunks(step).any(|piece| scanner.look(piece).is_some())
    }

    fn forms() -> Vec<Vec<u8>> {
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![
            VALUE.to_owned(),
            hex.to_uppercase(),
            hex,
            "s3cr3t%2F%2B%22%3Dvalue".to_owned(),
            "s3cr3t%2f%2b%22%3dvalue".to_owned(),
            "s3cr3t/+%22=value".to_owned(),
            VALUE.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            "s3cr3t/+\\\"=value".to_owned(),
            "s3cr3t\\/+\\\"=value".to_owned(),
            VALUE.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
        ];
        for user in ["", "a", "ab", "abc"] {
            let pair = format!("{user}:{VALUE}:rest");
            forms.push(general_purpose::STANDARD.encode(&pair));
            forms.push(general_purpose::URL_SAFE_NO_PAD.encode(&pair));
        }
        forms.into_iter().map(String::into_bytes).collect()
    }

    #[test]
    fn finds_every_form_wherever_it_is_cut() {
        for form in forms() {
            let text = [b"{\"x\":\"".as_slice(), &form, b"\"}"].concat();
            for step in [1, 2, 3, 7, 16, 1_000] {
                assert!(found_in(&text, step), "{} by {step}", String::from_utf8_lossy(&form));
            }
        }
    }

    #[test]
    fn ordinary_text_and_short_values_are_not_taken_for_it() {
        assert!(!found_in(b"s3cr3t/+\"=valu", 1));
        assert!(!found_in(&b"a long text without it ".repeat(1_000), 64));
        let mut scanner = Scanner::new(&[secret("short77")]);
        assert_eq!(scanner.look(b"short77"), None);
    }
}
