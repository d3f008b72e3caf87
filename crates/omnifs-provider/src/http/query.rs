//! Texts inside a URL.

use std::fmt::{Display, Write as _};

/// Returns `text` as it stands inside a URL, as one segment of a path or in a query.
///
/// Letters, digits, `-`, `.`, `_` and `~` (the unreserved characters of RFC 3986) stay; of
/// everything else each byte of the UTF-8 becomes `%` and two hexadecimal digits. The host
/// reads URLs as the WHATWG URL Standard says, which leaves such text as it is.
///
/// ```
/// assert_eq!(omnifs_provider::http::encode("a/b c&d"), "a%2Fb%20c%26d");
/// ```
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Splits a URL behind its path: what follows begins with `?` or `#`, or is empty.
pub(super) fn split_path(url: &str) -> (&str, &str) {
    url.split_at(url.find(['?', '#']).unwrap_or(url.len()))
}

/// Returns the URL with these pairs at the end of its query.
pub(super) fn with_query<K: AsRef<str>, V: Display>(url: &str, pairs: &[(K, V)]) -> String {
    let (before, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let mut new = before.to_string();
    for (key, value) in pairs {
        let separator = match new.find('?') {
            None => "?",
            Some(_) if new.ends_with(['?', '&']) => "",
            Some(_) => "&",
        };
        let (key, value) = (encode(key.as_ref()), encode(&value.to_string()));
        // As above.
        let _ = write!(new, "{separator}{key}={value}");
    }
    new + fragment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode("AZaz09-._~"), "AZaz09-._~");
        assert_eq!(
            encode(" \"#<>'%&=+?/\\:@\n"),
            "%20%22%23%3C%3E%27%25%26%3D%2B%3F%2F%5C%3A%40%0A"
        );
        assert_eq!(encode("\u{fc}\u{1f980}"), "%C3%BC%F0%9F%A6%80");
    }

    #[test]
    fn pairs_go_to_the_end_of_the_query() {
        let pairs = [("q", "a b"), ("x&", "")];
        for (url, expected) in [
            ("https://h/p", "https://h/p?q=a%20b&x%26="),
            ("https://h/p?", "https://h/p?q=a%20b&x%26="),
            ("https://h/p?a=1", "https://h/p?a=1&q=a%20b&x%26="),
            ("https://h/p?a=1&", "https://h/p?a=1&q=a%20b&x%26="),
            ("https://h/p#f?", "https://h/p?q=a%20b&x%26=#f?"),
        ] {
            assert_eq!(with_query(url, &pairs), expected, "{url}");
        }
        assert_eq!(
            with_query("https://h/p", &[("page", 2), ("size", 100)]),
            "https://h/p?page=2&size=100"
        );
        assert_eq!(with_query::<&str, &str>("https://h/p", &[]), "https://h/p");
    }
}
