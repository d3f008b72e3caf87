//! As much of URLs as following a link needs.
//!
//! The host parses every URL itself and decides what may be asked for. Here an unusual
//! spelling is an error and never a guess, so that no credential follows one.

/// Where a URL leads: requests to one origin carry the same credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// Returns the origin of an absolute URL, or `None` when it is not http or https, has a
    /// user name, or is written in a way that parsers disagree about.
    #[cfg_attr(not(feature = "json"), inline)]
    pub(super) fn of(url: &str) -> Option<Self> {
        let parts = Parts::of(url)?;
        let scheme = parts.scheme?.to_ascii_lowercase();
        let authority = parts.authority?;
        let default = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        if authority.contains('@') {
            return None;
        }
        // The colons of an IPv6 address stand inside its brackets.
        let inside = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority.get(inside..)?.find(':') {
            None => (authority, default),
            Some(at) => {
                let (host, port) = authority.split_at(inside + at);
                let port = port.get(1..)?;
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                match port {
                    "" => (host, default),
                    _ if digits => (host, port.parse().ok()?),
                    _ => return None,
                }
            }
        };
        (!host.is_empty()).then(|| Self { scheme, host: host.to_ascii_lowercase(), port })
    }
}

/// Returns the URL that `reference` means on the page `base` (RFC 3986, 5.2), without its
/// fragment; `None` when `base` is no URL of http, or either has characters that no URL has.
#[cfg_attr(not(feature = "json"), inline)]
pub(crate) fn resolve(base: &str, reference: &str) -> Option<String> {
    let base = Parts::of(base)?;
    let (scheme, authority) = (base.scheme?, base.authority?);
    let to = Parts::of(reference)?;
    if to.scheme.is_some() {
        return Some(without_fragment(reference).to_string());
    }
    let path = match to {
        Parts { authority: Some(_), path, .. } => without_dots(path),
        Parts { path: "", .. } => base.path.to_string(),
        Parts { path, .. } if path.starts_with('/') => without_dots(path),
        Parts { path, .. } => {
            let directory = base.path.rfind('/').and_then(|at| base.path.get(..at));
            without_dots(&format!("{}/{path}", directory.unwrap_or_default()))
        }
    };
    let authority = to.authority.unwrap_or(authority);
    let query = match to.query {
        None if to.path.is_empty() && to.authority.is_none() => base.query,
        query => query,
    };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Some(format!("{scheme}://{authority}{path}{query}"))
}

/// Returns the URL up to its `#`.
pub(super) fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or(url)
}

/// The parts of a reference (RFC 3986, appendix B).
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    #[cfg_attr(not(feature = "json"), inline)]
    fn of(text: &'a str) -> Option<Self> {
        // Browsers read `\` as `/` and drop line breaks; others do not.
        let odd = |c: char| c.is_control() || c.is_whitespace() || r#""<>\^`{|}"#.contains(c);
        if text.contains(odd) {
            return None;
        }
        let text = without_fragment(text);
        let (text, query) = match text.split_once('?') {
            Some((text, query)) => (text, Some(query)),
            None => (text, None),
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Some(Self { scheme, authority, path, query })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Takes `.` and `..` out of a path that is empty or starts with `/`.
#[cfg_attr(not(feature = "json"), inline)]
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_in_rfc_3986() {
        // 5.4.1 and 5.4.2, but for the fragments, which no request has, and `g;x=1/../y`,
        // whose path is resolved all the same.
        let base = "http://a/b/c/d;p?q";
        for (reference, url) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h/x#f", "https://h/x"),
        ] {
            assert_eq!(resolve(base, reference).as_deref(), Some(url), "{reference:?}");
        }
        assert_eq!(resolve("https://h", "g").as_deref(), Some("https://h/g"));
        assert_eq!(resolve("https://h?a", "").as_deref(), Some("https://h?a"));
        for (base, reference) in
            [("/p", "g"), ("mailto:a", "g"), ("http://a/", "g h"), (base, "\\g")]
        {
            assert_eq!(resolve(base, reference), None, "{base:?} {reference:?}");
        }
    }

    #[test]
    fn origins_are_equal_by_scheme_host_and_port() {
        let origin = Origin::of("https://api.example.com/a").expect("an origin");
        for same in [
            "https://api.example.com",
            "HTTPS://API.Example.com:443/b?c#d",
            "https://api.example.com:?x",
            "https://api.example.com?@evil.example/",
        ] {
            assert_eq!(Origin::of(same).as_ref(), Some(&origin), "{same}");
        }
        for other in [
            "http://api.example.com/a",
            "https://api.example.com:8443/a",
            "https://example.com/a",
            "https://api.example.com.evil.example/a",
            "https://evil.example/https://api.example.com/a",
        ] {
            let other = Origin::of(other).expect("an origin");
            assert_ne!(other, origin);
        }
        assert_eq!(Origin::of("http://[::1]/"), Origin::of("http://[::1]:80/"));
        assert_ne!(Origin::of("http://[::1]/"), Origin::of("http://[::1]:8080/"));
    }

    #[test]
    fn odd_spellings_have_no_origin() {
        for odd in [
            "",
            "/path",
            "//api.example.com/a",
            "https:",
            "https:api.example.com",
            "https:/api.example.com",
            "https:///a",
            "https://user@api.example.com/",
            "https://api.example.com@evil.example/",
            "https://api.example.com\\@evil.example/",
            "https://api.example.com:80:80/",
            "https://api.example.com:+443/",
            "https://api.example.com:99999/",
            "https://api.exam\nple.com/",
            "https://api.example.com /",
            "ftp://api.example.com/",
            "data:,x",
        ] {
            assert_eq!(Origin::of(odd), None, "{odd:?}");
        }
    }
}
