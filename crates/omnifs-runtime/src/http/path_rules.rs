//! Path patterns of allow entries: which paths of a host a provider may ask for.

use std::fmt;

/// One pattern: `*` stands for one segment, `**` at the end for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<String>,
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The reason, for the reader of the configuration.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix('/').ok_or("a path begins with /")?;
        if rest.contains(['?', '#']) {
            return Err("a path pattern has neither a query nor a fragment");
        }
        if rest.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return Err("write blanks, backslashes and control characters percent-encoded");
        }
        let segments: Vec<String> = rest.split('/').map(str::to_owned).collect();
        let last = segments.len().saturating_sub(1);
        for (at, segment) in segments.iter().enumerate() {
            match segment.as_str() {
                "**" if at == last => {}
                "**" => return Err("** stands for the rest and so comes last"),
                "*" => {}
                "." | ".." => return Err("a path pattern has no . or .. segments"),
                part if part.contains('*') => return Err("* stands for one whole segment"),
                _ => {}
            }
        }
        // Compared in one form: the pattern is written in any.
        let segments = segments.iter().map(|segment| normalised(segment)).collect();
        Ok(Self { segments })
    }

    /// Returns whether it means a path in the form of [`segments`].
    pub(crate) fn covers(&self, path: &[String]) -> bool {
        let mut path = path.iter();
        for pattern in &self.segments {
            match (pattern.as_str(), path.next()) {
                ("**", Some(_)) => return true,
                ("*", Some(segment)) if !segment.is_empty() => {}
                (literal, Some(segment)) if literal == segment => {}
                _ => return false,
            }
        }
        path.next().is_none()
    }
}

/// Returns the segments of a URL's path in the one form that patterns are compared with, or
/// `None` when a server that decodes `%2F` or `%5C` would see `.` or `..` in it, and with that
/// another path than was compared.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    let segments: Vec<String> =
        path.strip_prefix('/').unwrap_or(path).split('/').map(normalised).collect();
    let climbs = |segment: &String| {
        let decoded = segment.replace("%2F", "/").replace("%5C", "/").replace("%2E", ".");
        decoded.contains('/') && decoded.split('/').any(|part| part == "." || part == "..")
    };
    (!segments.iter().any(climbs)).then_some(segments)
}

/// Decodes what need not be encoded and writes the rest in capitals (RFC 3986, 6.2.2).
fn normalised(segment: &str) -> String {
    let mut form = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('%') {
        form.push_str(before);
        let digits = after.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            // A lone percent sign is itself.
            form.push_str("%25");
            rest = after;
            continue;
        };
        match u8::from_str_radix(digits, 16).map(char::from) {
            Ok(plain) if plain.is_ascii_alphanumeric() || "-._~".contains(plain) => {
                form.push(plain);
            }
            _ => {
                form.push('%');
                form.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = after.get(2..).unwrap_or_default();
    }
    form.push_str(rest);
    if form.is_ascii() {
        return form;
    }
    // As a URL has it.
    form.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.segments.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_segments_and_stars() {
        for good in ["/", "/v1/*", "/v1/**", "/repos/*/issues", "/**", "/a%20b"] {
            assert_eq!(PathPattern::parse(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn one_star_is_one_segment_and_two_are_the_rest() {
        let covers = |pattern: &str, path: &str| {
            PathPattern::parse(pattern).unwrap().covers(&segments(path).unwrap())
        };
        for (pattern, path) in [
            ("/", "/"),
            ("/v1/*", "/v1/a"),
            ("/v1/**", "/v1/"),
            ("/v1/**", "/v1/a/b/c"),
            ("/**", "/"),
            ("/a/*/c", "/a/b/c"),
            ("/a%20b", "/a%20b"),
            ("/%61", "/a"),
            ("/a%2fb", "/a%2Fb"),
            ("/~a", "/%7ea"),
            ("/100%", "/100%25"),
            ("/é", "/%C3%A9"),
        ] {
            assert!(covers(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/", "/a"),
            ("/v1/*", "/v1/"),
            ("/v1/*", "/v1"),
            ("/v1/*", "/v1/a/b"),
            ("/v1/**", "/v1"),
            ("/v1/**", "/v2/a"),
            ("/a/*/c", "/a//c"),
            ("/v1/*", "//v1/a"),
            ("/a", "/A"),
            ("/a/b", "/a%2Fb"),
        ] {
            assert!(!covers(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_path_that_a_server_could_read_otherwise_has_no_form() {
        for path in ["/v1/..%2fadmin", "/v1/a%2F..%2Fb", "/v1/%2e%2e%5cadmin", "/%2E%2F"] {
            assert_eq!(segments(path), None, "{path}");
        }
        for path in ["/projects/group%2Fproject", "/a..b", "/..a%2Fb", "/a%5Cb"] {
            assert!(segments(path).is_some(), "{path}");
        }
    }

    #[test]
    fn refuses_what_it_would_not_match() {
        for bad in ["", "v1", "/a*", "/**/a", "/a/../b", "/./a", "/a?b", "/a#b", "/a b", "/a\\b"] {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
