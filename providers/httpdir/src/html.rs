//! Listings in HTML, in one pass over their bytes: no tree of them is made, and every byte is looked
//! at a fixed number of times, whatever the page is.

use crate::date;
use crate::size::Size;

/// How titles of listings begin, in small letters: of nginx, Apache and lighttpd; of Python; of Jetty.
const TITLES: [&[u8]; 3] = [b"index of", b"directory listing", b"directory:"];

/// What the links begin with by which Apache sorts its listings.
const SORTED: &[u8] = b"?C=";

/// How much behind a link may tell of it.
const TAIL: usize = 1_024;

/// A link of a page, and what the page says beside it.
#[derive(Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Where it leads to, as it stands there.
    pub href: &'a [u8],
    /// When that was changed, and how exact this is, in seconds.
    pub modified: Option<(i64, i64)>,
    /// How large it is.
    pub size: Size,
}

/// Reads a page and gives every link of it to `each`. Returns whether it is a listing.
pub fn links<'a>(page: &'a [u8], mut each: impl FnMut(Link<'a>)) -> bool {
    let mut is_listing = false;
    let mut tags = Tags { page, at: 0 };
    while let Some(tag) = tags.next() {
        if tag.is(b"title") || tag.is(b"h1") {
            let text = tags.text_of(TAIL).trim_ascii_start();
            is_listing |= TITLES.iter().any(|title| begins_with(text, title));
        } else if tag.is(b"script") || tag.is(b"style") {
            tags.skip_to_end_of(tag.name);
        } else if tag.is(b"a") {
            let Some(href) = tag.href() else { continue };
            is_listing |= href.starts_with(SORTED);
            tags.skip_to_end_of(b"a");
            let (modified, size) = told(tags.rest());
            each(Link { href, modified, size });
        }
    }
    is_listing
}

fn begins_with(text: &[u8], small: &[u8]) -> bool {
    text.get(..small.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(small))
}

/// A tag that begins something.
struct Tag<'a> {
    name: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Tag<'a> {
    fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns the value of the first attribute `href`.
    fn href(&self) -> Option<&'a [u8]> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_ascii_start();
            let (name, behind) = split(rest, |byte| byte == b'=' || byte.is_ascii_whitespace());
            if rest.is_empty() {
                return None;
            }
            let Some(behind) = behind.trim_ascii_start().strip_prefix(b"=") else {
                // One without a value.
                rest = behind;
                continue;
            };
            let behind = behind.trim_ascii_start();
            let (value, behind) = match behind.split_first() {
                Some((quote @ (b'"' | b'\''), text)) => {
                    let (value, behind) = split(text, |byte| byte == *quote);
                    (value, behind.get(1..).unwrap_or_default())
                }
                Some(_) | None => split(behind, |byte| byte.is_ascii_whitespace()),
            };
            if name.eq_ignore_ascii_case(b"href") {
                return Some(value);
            }
            rest = behind;
        }
    }
}

/// Splits before the first byte that is one of those.
fn split(text: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| is_end(*byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// The tags of a page, in their order.
struct Tags<'a> {
    page: &'a [u8],
    /// Up to where it was read; it only grows.
    at: usize,
}

impl<'a> Tags<'a> {
    fn rest(&self) -> &'a [u8] {
        self.page.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.page.len());
    }

    /// Returns the next tag that begins something, and goes on behind it.
    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let rest = self.rest();
            let open = rest.iter().position(|byte| *byte == b'<')?;
            self.skip(open + 1);
            let rest = self.rest();
            if let Some(comment) = rest.strip_prefix(b"!--") {
                let end = comment.windows(3).position(|three| three == b"-->");
                self.skip(end.map_or(rest.len(), |end| end + 6));
                continue;
            }
            if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
                continue;
            }
            let (name, behind) =
                split(rest, |b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
            let length = length_of(behind);
            self.skip(name.len() + length + 1);
            return Some(Tag { name, attributes: behind.get(..length).unwrap_or_default() });
        }
    }

    /// Goes on behind `</name>`, or before the next link or row where that is missing.
    fn skip_to_end_of(&mut self, name: &[u8]) {
        let is_text = !name.eq_ignore_ascii_case(b"a");
        loop {
            let rest = self.rest();
            let Some(open) = rest.iter().position(|byte| *byte == b'<') else {
                return self.skip(rest.len());
            };
            let tag = rest.get(open + 1..).unwrap_or_default();
            if tag.strip_prefix(b"/").is_some_and(|end| is_tag(end, name)) {
                let end = tag.iter().position(|byte| *byte == b'>').unwrap_or(tag.len());
                return self.skip(open + 1 + end + 1);
            }
            if !is_text && ends_row(tag) {
                return self.skip(open);
            }
            self.skip(open + 1);
        }
    }

    /// Returns the text up to the next tag, `most` bytes at most.
    fn text_of(&self, most: usize) -> &'a [u8] {
        let rest = self.rest();
        split(rest.get(..most).unwrap_or(rest), |byte| byte == b'<').0
    }
}

/// Returns where the attributes of a tag end: before its `>`, one in quotes being text.
fn length_of(attributes: &[u8]) -> usize {
    let mut quote = None;
    for (place, byte) in attributes.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return place,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None | Some(_), _) => {}
        }
    }
    attributes.len()
}

/// Returns whether a text behind `<` or `</` is a tag of this name.
fn is_tag(text: &[u8], name: &[u8]) -> bool {
    let end = text.get(name.len());
    let ends = end.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    begins_with(text, name) && ends
}

/// Returns whether a tag, without its `<`, begins another link or ends the row of this one.
fn ends_row(tag: &[u8]) -> bool {
    is_tag(tag, b"a") || is_tag(tag, b"/tr") || is_tag(tag, b"tr")
}

/// Returns what a listing says behind a link: the date and the size.
fn told(tail: &[u8]) -> (Option<(i64, i64)>, Size) {
    let mut words = Words { rest: tail.get(..TAIL).unwrap_or(tail) };
    let none = (None, Size::Unknown);
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return none };
    match date::of_listing(first, second) {
        Some(modified) => (Some(modified), words.next().map_or(Size::Unknown, Size::parse)),
        None => none,
    }
}

/// The words of a row: what stands between blanks and tags.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if let Some(behind) = self.rest.strip_prefix(b"&nbsp;") {
                self.rest = behind;
            } else if let Some(tag) = self.rest.strip_prefix(b"<") {
                if ends_row(tag) {
                    return None;
                }
                let end = tag.iter().position(|byte| *byte == b'>')?;
                self.rest = tag.get(end + 1..)?;
            } else {
                break;
            }
        }
        let (word, rest) =
            split(self.rest, |b| b.is_ascii_whitespace() || matches!(b, b'<' | b'&'));
        self.rest = rest;
        if word.is_empty() {
            return None;
        }
        std::str::from_utf8(word).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> (Vec<Link<'_>>, bool) {
        let mut all = Vec::new();
        let is_listing = links(page.as_bytes(), |link| all.push(link));
        (all, is_listing)
    }

    fn link(href: &str, modified: i64, size: Size) -> Link<'_> {
        Link { href: href.as_bytes(), modified: Some((modified, 60)), size }
    }

    const AT: i64 = 1_795_878_000;

    #[test]
    fn a_listing_of_nginx() {
        let page = "<html>\r\n<head><title>Index of /pub/</title></head>\r\n<body>\r\n\
            <h1>Index of /pub/</h1><hr><pre><a href=\"../\">../</a>\r\n\
            <a href=\"d/\">d/</a>                           28-Nov-2026 15:00                   -\r\n\
            <a href=\"long\">long..&gt;</a>                 28-Nov-2026 15:00          1073741824\r\n\
            </pre><hr></body>\r\n</html>\r\n";
        let (links, is_listing) = read(page);
        assert!(is_listing);
        let up = Link { href: b"../", modified: None, size: Size::Unknown };
        let rows = [link("d/", AT, Size::Unknown), link("long", AT, Size::Exact(1 << 30))];
        assert_eq!(links[0], up);
        assert_eq!(links[1..], rows);
    }

    #[test]
    fn tables_and_columns_of_apache() {
        let sort = "<a href=\"?C=N;O=D\">Name</a> <a href=\"?C=M;O=A\">Last modified</a>";
        let table = format!(
            "{sort}<tr><td valign=\"top\"><img src=\"/icons/x.gif\" alt=\"[ ]\"></td>\
             <td><a href=\"f.iso\">f.iso</a></td><td align=\"right\">2026-11-28 15:00  </td>\
             <td align=\"right\">1.0K</td><td>&nbsp;</td></tr>\n<tr><td><a href='d/'>d/</a></td>\
             <td align=\"right\">2026-11-28 15:00  </td><td align=\"right\">  - </td></tr>\n"
        );
        let columns = format!(
            "{sort}<hr><img src=\"/icons/x.gif\"> <a href=\"f.iso\">f.iso</a>   2026-11-28 15:00  \
             1.0K  a description 12\n<a href=d/><img src=x> </a> <a href=d/>d/</a> 2026-11-28 15:00  -\n"
        );
        for page in [table, columns] {
            let (links, is_listing) = read(&page);
            assert!(is_listing);
            assert_eq!(links[2], link("f.iso", AT, Size::About(1 << 10)), "{page}");
            assert_eq!(links.last(), Some(&link("d/", AT, Size::Unknown)), "{page}");
        }
    }

    #[test]
    fn names_alone_are_a_listing_by_its_title() {
        for title in ["Index of /", "Directory listing for /", "  index OF /x"] {
            let page = format!("<title>{title}</title><ul><li><a href=\"a\">a</a></li>");
            let (links, is_listing) = read(&page);
            assert!(is_listing, "{title}");
            assert_eq!(links[0], Link { href: b"a", modified: None, size: Size::Unknown });
        }
        let (links, is_listing) = read("<title>Welcome</title><a href=a>Index of</a>");
        assert_eq!((links.len(), is_listing), (1, false));
    }

    #[test]
    fn what_tags_hold_is_no_tag() {
        let page = "<!-- <a href=no> --><script>'<a href=no>'</script><STYLE><a href=no></style>\
            <a title='<a href=\"no\">' class = x href = \"yes\" href=no>x</a><abbr href=no>\
            <a name=x>no</a><a href>no</a><a / href=\"yes\">y</a>";
        let (links, _) = read(page);
        let hrefs: Vec<_> = links.iter().map(|link| link.href).collect();
        assert_eq!(hrefs, [b"yes".as_slice(), b"yes"]);
    }

    #[test]
    fn what_follows_one_link_is_not_told_of_another() {
        let page = "<title>Index of</title><tr><td><a href=a>a</a></td></tr><tr><td>\
            28-Nov-2026 15:00 7</td></tr><a href=b>b<a href=c>c</a> 28-Nov-2026 15:00 7";
        let (links, _) = read(page);
        assert_eq!(links.len(), 3);
        assert_eq!([links[0].modified, links[1].modified], [None, None]);
        assert_eq!(links[2], link("c", AT, Size::Exact(7)));
    }

    #[test]
    fn pages_without_end_are_read_once() {
        // Each of these would take hours if what is open were looked for again and again.
        for piece in
            ["<a href=x>", "<a href=\"", "<a ", "<!--", "<", "<a href=x></a>&nbsp;", "<td ", "="]
        {
            let page = piece.repeat(4_000_000 / piece.len());
            let mut count = 0;
            let is_listing = links(page.as_bytes(), |_| count += 1);
            assert!(!is_listing && count <= page.len(), "{piece}");
        }
        let page = format!("<title>Index of{}", "<a href=x>x</a>".repeat(1_000_000));
        let mut count = 0;
        assert!(links(page.as_bytes(), |_| count += 1));
        assert_eq!(count, 1_000_000);
    }
}
