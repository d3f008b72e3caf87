//! Path patterns of allow entries: which paths of a host a provider may ask for.

use std::fmt;

/// One pattern: `*` stands for one segment, `**` at the end for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    segments: Vec<String>,
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The reason, for the reader of the configuration.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
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
        Ok(Self { segments })
    }
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
    fn refuses_what_it_would_not_match() {
        for bad in ["", "v1", "/a*", "/**/a", "/a/../b", "/./a", "/a?b", "/a#b", "/a b", "/a\\b"] {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
