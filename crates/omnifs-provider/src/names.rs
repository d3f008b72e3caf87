//! Names of files for upstream names that cannot be one.

use std::fmt::Write as _;

/// Returns a name for the object that the upstream calls `text`, from which
/// [`unescape_name`] makes `text` again.
///
/// A name of a file has no `/` and no control character, is not empty, and is neither `.`
/// nor `..`. Those and `%` itself become `%` and two hexadecimal digits a byte, in capitals;
/// the empty text becomes a single `%`. Everything else stays as it is, so most names are
/// their own escape. Different texts have different names.
///
/// The host leaves out names over 255 bytes, also when they are over it only once escaped.
///
/// ```
/// use omnifs_provider::escape_name;
///
/// assert_eq!(escape_name("v1.0 beta"), "v1.0 beta");
/// assert_eq!(escape_name("feature/x"), "feature%2Fx");
/// assert_eq!(escape_name("100%"), "100%25");
/// assert_eq!(escape_name(".."), "%2E%2E");
/// ```
#[must_use]
pub fn escape_name(text: &str) -> String {
    let dots = matches!(text, "." | "..");
    if text.is_empty() {
        return "%".to_string();
    }
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        if dots || matches!(character, '/' | '%') || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        } else {
            name.push(character);
        }
    }
    name
}

/// Returns the text whose [`escape_name`] is `name`, or `None` when no text has that name.
///
/// It is strict, so that no object answers to two names: `%2f` (not in capitals) and `%61`
/// (an escape that nobody needs) are names of nothing.
///
/// ```
/// use omnifs_provider::unescape_name;
///
/// assert_eq!(unescape_name("feature%2Fx").as_deref(), Some("feature/x"));
/// assert_eq!(unescape_name("feature%2fx"), None);
/// ```
#[must_use]
pub fn unescape_name(name: &str) -> Option<String> {
    let text = match name {
        "%" => String::new(),
        _ => decoded(name)?,
    };
    (escape_name(&text) == name).then_some(text)
}

fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 16] = [
        "",
        ".",
        "..",
        "...",
        ".git",
        "%",
        "%%",
        "%2E",
        "a/b/../c",
        "a\0b\n\t\u{7f}",
        "\u{85}\u{9f}",
        "\u{fc}ber \u{1f980}.txt",
        "50% off",
        "%41",
        "a%2Fb",
        "/",
    ];

    #[test]
    fn every_text_has_a_legal_name_and_comes_back() {
        for text in TEXTS {
            let name = escape_name(text);
            let legal = !name.is_empty()
                && name != "."
                && name != ".."
                && !name.contains('/')
                && !name.chars().any(char::is_control);
            assert!(legal, "{text:?}: {name:?}");
            assert_eq!(unescape_name(&name).as_deref(), Some(text), "{name:?}");
        }
    }

    #[test]
    fn names_differ_when_texts_do() {
        let mut names = TEXTS.map(escape_name);
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }

    #[test]
    fn only_what_the_escape_makes_is_read_back() {
        for name in ["", ".", "..", "%2f", "%41", "a%", "%2", "%zz", "%FF", "a/b", "a\n"] {
            assert_eq!(unescape_name(name), None, "{name:?}");
        }
        assert_eq!(unescape_name("%2E%2E").as_deref(), Some(".."));
        assert_eq!(unescape_name("%2E%2Ea"), None);
    }
}
