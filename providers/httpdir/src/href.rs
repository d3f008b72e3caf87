//! From a link of a listing to a name in its directory.

use std::borrow::Cow;

/// The longest name of a file, in bytes.
const NAME_MAX: usize = 255;

/// What a link of a listing leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// Something in the directory.
    Child {
        /// What the server calls it.
        name: String,
        /// Whether the link ends with a slash.
        is_directory: bool,
    },
    /// Something else: the way up, another order, another host.
    Elsewhere,
    /// A name that no file has: with a slash or NUL in it, too long, or not UTF-8.
    Unusable,
}

/// Returns what a link leads to, as it stands in the HTML of the page at `url`.
pub fn target(url: &str, href: &[u8]) -> Target {
    let href = unescaped(href.trim_ascii());
    // A listing in another order, and a place in this page; of names both are encoded.
    if href.iter().any(|byte| matches!(byte, b'?' | b'#')) {
        return Target::Elsewhere;
    }
    let Some(rest) = below(url, &href) else { return Target::Elsewhere };
    let (rest, is_directory) = match rest.strip_suffix(b"/") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if rest.is_empty() || rest.contains(&b'/') {
        return Target::Elsewhere;
    }
    match name(decoded(rest)) {
        Some(name) if matches!(name.as_str(), "." | "..") => Target::Elsewhere,
        Some(name) => Target::Child { name, is_directory },
        None => Target::Unusable,
    }
}

/// Returns the name that a server means, if a file can have it.
pub fn name(bytes: Vec<u8>) -> Option<String> {
    let name = String::from_utf8(bytes).ok()?;
    let is_name = (1..=NAME_MAX).contains(&name.len()) && !name.contains(['/', '\0']);
    is_name.then_some(name)
}

/// Returns what of a link leads on from the directory at `url`, if it leads there at all.
fn below<'a>(url: &str, href: &'a [u8]) -> Option<&'a [u8]> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, directory) = rest.split_at(rest.find('/')?);
    let path = if let Some(rest) = href.strip_prefix(b"//") {
        authority_of(rest, authority)?
    } else if let Some(at) = scheme_of(href) {
        let (own, rest) = href.split_at_checked(at)?;
        if !own.eq_ignore_ascii_case(scheme.as_bytes()) {
            return None;
        }
        authority_of(rest.strip_prefix(b"://")?, authority)?
    } else if href.starts_with(b"/") {
        href
    } else {
        // Servers write `./` before a name that would read as a scheme.
        return Some(href.strip_prefix(b"./").unwrap_or(href));
    };
    let directory = directory.split(['?', '#']).next()?;
    below_path(directory.as_bytes(), path)
}

/// Returns what comes after the host of a link, if it is that of the page.
fn authority_of<'a>(rest: &'a [u8], own: &str) -> Option<&'a [u8]> {
    let (there, path) = rest.split_at_checked(own.len())?;
    (there.eq_ignore_ascii_case(own.as_bytes()) && path.starts_with(b"/")).then_some(path)
}

/// Returns what a path has behind a directory's, both of which may be encoded differently.
fn below_path<'a>(directory: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = path;
    for segment in directory.split_inclusive(|byte| *byte == b'/') {
        let end = rest.iter().position(|byte| *byte == b'/')? + 1;
        let (first, behind) = rest.split_at_checked(end)?;
        if decoded(first) != decoded(segment) {
            return None;
        }
        rest = behind;
    }
    Some(rest)
}

/// Returns where the colon of a scheme is (RFC 3986, 3.1), if a link begins with one.
fn scheme_of(href: &[u8]) -> Option<usize> {
    let end =
        href.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)))?;
    let begins = href.first().is_some_and(u8::is_ascii_alphabetic);
    (begins && href.get(end) == Some(&b':')).then_some(end)
}

/// Decodes `%41`; a `%` without two digits stands for itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let digits = || {
            let (high, low) = (digit(*behind.first()?)?, digit(*behind.get(1)?)?);
            Some((high << 4 | low, behind.get(2..)?))
        };
        match (*first == b'%').then(digits).flatten() {
            Some((byte, behind)) => {
                bytes.push(byte);
                rest = behind;
            }
            None => bytes.push(*first),
        }
    }
    bytes
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The longest reference to a character: `&#x10FFFF;`.
const REFERENCE: usize = 10;

/// Puts characters in the place of references to them: `&amp;`, `&#38;`, `&#x26;`.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'&') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let reference = || {
            let end = behind.iter().take(REFERENCE).position(|byte| *byte == b';')?;
            Some((character(behind.get(..end)?)?, behind.get(end + 1..)?))
        };
        match (*first == b'&').then(reference).flatten() {
            Some((character, behind)) => {
                let mut buffer = [0; 4];
                bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                rest = behind;
            }
            None => bytes.push(*first),
        }
    }
    Cow::Owned(bytes)
}

fn character(reference: &[u8]) -> Option<char> {
    Some(match reference {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"nbsp" => '\u{a0}',
        [b'#', b'x' | b'X', digits @ ..] => {
            char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)?
        }
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://a.example/pub/x%20y/";

    fn child(name: &str, is_directory: bool) -> Target {
        Target::Child { name: name.to_string(), is_directory }
    }

    #[test]
    fn names_are_what_the_links_mean() {
        for (href, target_name) in [
            ("a.txt", "a.txt"),
            ("./a:b", "a:b"),
            ("a%20b.txt", "a b.txt"),
            ("a+b", "a+b"),
            ("100%25", "100%"),
            ("50%", "50%"),
            ("%zz", "%zz"),
            ("a&amp;b", "a&b"),
            ("a&b", "a&b"),
            ("a&nothing;b", "a&nothing;b"),
            ("&#39;&#x22;&quot;&lt;&gt;", "'\"\"<>"),
            ("%C3%BCml%C3%A4ut", "\u{fc}ml\u{e4}ut"),
            ("line%0Abreak", "line\nbreak"),
            ("%3Fquery%23", "?query#"),
            ("back\\slash", "back\\slash"),
            (" a ", "a"),
            ("...", "..."),
            ("/pub/x%20y/z", "z"),
            ("/p%75b/x%20y/z", "z"),
            ("//a.example/pub/x%20y/z", "z"),
            ("https://A.Example/pub/x%20y/z", "z"),
            ("very-long-name-that-the-text-cuts..", "very-long-name-that-the-text-cuts.."),
        ] {
            assert_eq!(target(URL, href.as_bytes()), child(target_name, false), "{href}");
            let directory = format!("{}/", href.trim());
            assert_eq!(target(URL, directory.as_bytes()), child(target_name, true), "{href}/");
        }
    }

    #[test]
    fn what_is_not_in_the_directory_is_elsewhere() {
        for href in [
            "",
            "/",
            "./",
            ".",
            "..",
            "../",
            "../x",
            "%2e%2E/",
            ".%2e",
            "%2E",
            "a/b",
            "a/../..",
            "a//",
            "/pub/",
            "/pub/x",
            "/pub/x%20y/",
            "/pub/x%20y/a/b",
            "/other/z",
            "?C=N;O=D",
            "?",
            "#top",
            "a?b",
            "a#b",
            "http://a.example/pub/x%20y/z",
            "https://b.example/pub/x%20y/z",
            "https://a.example.evil/pub/x%20y/z",
            "https:///pub/x%20y/z",
            "//b.example/z",
            "javascript:alert(1)",
            "mailto:a@b",
            "data:,x",
            "file:///etc/passwd",
        ] {
            assert_eq!(target(URL, href.as_bytes()), Target::Elsewhere, "{href}");
        }
    }

    #[test]
    fn what_no_file_is_called_is_no_name() {
        for href in ["a%2Fb", "%2f", "a%00b", "%FF", "..%2F..%2Fetc%2Fpasswd", "a%2F"] {
            assert_eq!(target(URL, href.as_bytes()), Target::Unusable, "{href}");
        }
        assert_eq!(target(URL, b"\xff"), Target::Unusable);
        assert_eq!(target(URL, "x".repeat(256).as_bytes()), Target::Unusable);
        assert_eq!(target(URL, "x".repeat(255).as_bytes()), child(&"x".repeat(255), false));
        assert_eq!(target(URL, b"&#0;"), Target::Unusable);
        assert_eq!(target(URL, b"&#xD800;"), Target::Elsewhere, "# of what is no character");
    }
}
