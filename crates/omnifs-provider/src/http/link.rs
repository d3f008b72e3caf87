//! The header `Link` (RFC 8288).

use super::url;

/// One link of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The absolute URL, without its fragment; the text as it came when that is not a URL.
    pub url: String,
    /// The parameters in order: names in lower case, values without quotes. A parameter
    /// without a value has an empty one.
    pub params: Vec<(String, String)>,
}

impl Link {
    /// Returns the first parameter of this name, which is given in lower case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether the link has this relation, in capitals or not: `"next"`, `"last"`.
    ///
    /// A link may have several, and only its first `rel` counts (RFC 8288, 3.3).
    #[must_use]
    #[cfg_attr(not(feature = "json"), inline)]
    pub fn has_rel(&self, relation: &str) -> bool {
        self.param("rel").is_some_and(|all| {
            all.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(relation))
        })
    }
}

/// Returns the links in one value of the header on the page `base`.
///
/// A value that is broken is read up to that place, as the algorithm in appendix B.2 of the
/// RFC does.
#[cfg_attr(not(feature = "json"), inline)]
pub(super) fn parse(base: &str, value: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((target, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'))
        else {
            return links;
        };
        let (params, after) = parameters(after);
        let url = url::resolve(base, target).unwrap_or_else(|| target.to_string());
        links.push(Link { url, params });
        // What no parameter explains is passed over, up to the next link.
        rest = after.split_once(',').map_or("", |(_, next)| next);
    }
}

/// Reads `; name=value` as often as it comes, and returns what follows.
#[cfg_attr(not(feature = "json"), inline)]
fn parameters(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut params = Vec::new();
    loop {
        let Some(after) = spaces(rest).strip_prefix(';') else {
            return (params, rest);
        };
        let after = spaces(after);
        let (name, after) =
            after.split_at(after.find(['=', ';', ',', ' ', '\t']).unwrap_or(after.len()));
        let (value, after) = match spaces(after).strip_prefix('=').map(spaces) {
            None => (String::new(), after),
            Some(text) => match text.strip_prefix('"') {
                Some(quoted) => unquoted(quoted),
                None => {
                    let (token, after) = text.split_at(text.find([';', ',']).unwrap_or(text.len()));
                    (token.trim_end().to_string(), after)
                }
            },
        };
        if !name.is_empty() {
            params.push((name.to_ascii_lowercase(), value));
        }
        rest = after;
    }
}

/// Reads a quoted text behind its first quote, and returns what follows its last.
#[cfg_attr(not(feature = "json"), inline)]
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

fn spaces(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://api.example.com/repos/1/items?page=2";

    fn rel(value: &str, relation: &str) -> Vec<String> {
        let links = parse(BASE, value).into_iter();
        links.filter(|link| link.has_rel(relation)).map(|link| link.url).collect()
    }

    #[test]
    fn links_as_services_send_them() {
        let github = "<https://api.example.com/repositories/1/issues?per_page=1&page=3>; rel=\"next\", \
                      <https://api.example.com/repositories/1/issues?per_page=1&page=9>; rel=\"last\"";
        let page = "https://api.example.com/repositories/1/issues?per_page=1&page=";
        assert_eq!(rel(github, "next"), [format!("{page}3")]);
        assert_eq!(rel(github, "last"), [format!("{page}9")]);
        assert_eq!(rel(github, "prev"), [""; 0]);
        let tight = "<?page=3>;rel=next,</x>;rel=prev";
        assert_eq!(rel(tight, "next"), ["https://api.example.com/repos/1/items?page=3"]);
        assert_eq!(rel(tight, "prev"), ["https://api.example.com/x"]);
    }

    #[test]
    fn quoted_texts_may_have_every_separator() {
        let value =
            r#"<a,b;c>; title="one, <two>; rel=\"next\" \\"; rel="start NEXT", <d>; REL=Prev"#;
        let links = parse(BASE, value);
        assert_eq!(links.len(), 2);
        assert_eq!(links[0].url, "https://api.example.com/repos/1/a,b;c");
        assert_eq!(links[0].param("title"), Some(r#"one, <two>; rel="next" \"#));
        assert!(links[0].has_rel("next") && links[0].has_rel("start"));
        assert!(links[1].has_rel("prev") && !links[1].has_rel("next"));
    }

    #[test]
    fn only_the_first_rel_counts() {
        assert_eq!(rel("<a>; rel=prev; rel=next", "next"), [""; 0]);
        assert_eq!(rel("<a>; rel=nextly", "next"), [""; 0]);
        assert_eq!(rel("<a>; title=next", "next"), [""; 0]);
    }

    #[test]
    fn spaces_and_parameters_without_value() {
        let links = parse(BASE, " ,\t<a> ;  crossorigin ; rel = \"next\" ;; x=  y , ,<b>");
        assert_eq!(links.len(), 2);
        let params: Vec<_> =
            links[0].params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(params, [("crossorigin", ""), ("rel", "next"), ("x", "y")]);
        assert_eq!(links[1].params, []);
    }

    #[test]
    fn what_is_broken_ends_the_reading() {
        assert_eq!(parse(BASE, ""), []);
        assert_eq!(parse(BASE, "a>; rel=next"), []);
        assert_eq!(parse(BASE, "<a; rel=next"), []);
        assert_eq!(rel("<a>; rel=\"next", "next").len(), 1);
        assert_eq!(rel("<a> junk; rel=next, <b>; rel=next", "next").len(), 1);
        assert_eq!(parse(BASE, "<a b>; rel=next")[0].url, "a b");
    }
}
