//! Lists that come in pages.

use std::iter::FusedIterator;

use super::url::{without_fragment, Origin};
use super::{fetch, Error, Request, RequestBuilder, Response};

/// How many pages are read when [`Pages::limit`] says nothing: a listing of the host's
/// largest size, in pages of 1,000.
const PAGES_MAX: usize = 1000;

/// Returns an iterator over the pages of a list: the answer to `first`, then to the same
/// request for the link `next` of each answer (RFC 8288), as long as there is one.
///
/// The iterator ends with an error when there is no answer, when the status is none of 200 to
/// 299, when a link leads to another scheme, host or port (to which the same secrets would
/// go), and when there are more pages than [`Pages::limit`] allows: what was read until then
/// is not the whole list. It ends without one at a page that it has read before.
///
/// One page is asked for at a time, since each names the next. Where the upstream counts its
/// pages, [`send_all`](super::send_all) is faster.
///
/// ```no_run
/// use omnifs_provider::{http, serde_json::Value};
///
/// let mut titles = Vec::new();
/// for page in http::pages(http::get("https://api.example.com/items")) {
///     let items: Vec<Value> = page?.json()?;
///     titles.extend(items.iter().filter_map(|item| item["title"].as_str().map(String::from)));
/// }
/// # Ok::<(), http::Error>(())
/// ```
pub fn pages(first: RequestBuilder<'_>) -> Pages<'_> {
    Pages { next: Some(first.build()), origin: None, seen: Vec::new(), limit: PAGES_MAX }
}

/// The pages of a list; see [`pages`].
#[derive(Debug)]
#[must_use = "nothing is sent before the iterator is asked"]
pub struct Pages<'a> {
    /// The next request, or why there cannot be one.
    next: Option<Result<Request<'a>, Error>>,
    /// Where the first request went: not where a redirect led, as the secrets were not for
    /// that place.
    origin: Option<Origin>,
    /// The URLs that were asked for or that answered, without fragments. No set: searching a
    /// thousand is nothing beside asking for them, and every provider would compile it.
    seen: Vec<String>,
    limit: usize,
}

impl<'a> Pages<'a> {
    /// Sets how many pages are read at most, 1,000 when this is not called. One more is an
    /// error; `take(n)` is for who wants the first few.
    pub fn limit(self, pages: usize) -> Self {
        Self { limit: pages, ..self }
    }

    /// Returns the next page by means of `fetch`.
    fn advance(
        &mut self,
        fetch: impl FnOnce(&Request<'a>) -> Result<Response, Error>,
    ) -> Option<Result<Response, Error>> {
        let request = match self.next.take()? {
            Ok(request) => request,
            Err(error) => return Some(Err(error)),
        };
        if self.limit == 0 {
            return Some(Err(Error::new("the list has more pages than are read").at(request.url)));
        }
        self.limit -= 1;
        let page = match fetch(&request) {
            Ok(page) if page.is_success() => page,
            Ok(page) => return Some(Err(Error::of_status(page.status).at(page.url))),
            Err(error) => return Some(Err(error.at(request.url))),
        };
        self.next = self.after(request, &page);
        Some(Ok(page))
    }

    /// Returns the request for the page after this one.
    #[cfg_attr(not(feature = "json"), inline)]
    fn after(
        &mut self,
        mut request: Request<'a>,
        page: &Response,
    ) -> Option<Result<Request<'a>, Error>> {
        for read in [&request.url, &page.url] {
            self.seen.push(without_fragment(read).to_string());
        }
        if self.origin.is_none() {
            self.origin = Origin::of(&request.url);
        }
        let next = page.next_page()?;
        if self.seen.contains(&next) {
            return None;
        }
        if self.origin.is_none() || Origin::of(&next) != self.origin {
            let reason = format!("the next page is at another origin, {next}");
            return Some(Err(Error::new(reason).at(&page.url)));
        }
        request.url = next;
        Some(Ok(request))
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Response, Error>;

    #[cfg_attr(not(feature = "json"), inline)]
    fn next(&mut self) -> Option<Self::Item> {
        self.advance(|request| fetch(request).map_err(Error::from))
    }
}

impl FusedIterator for Pages<'_> {}

#[cfg(test)]
mod tests {
    use super::super::{get, HttpError};
    use super::*;

    const FIRST: &str = "https://api.example.com/items";

    /// Returns the pages of a list whose answers `links` gives by URL, each shown as the URL
    /// that was asked for, or as its error.
    fn read(mut pages: Pages<'_>, links: impl Fn(&str) -> &'static str) -> Vec<String> {
        let mut shown = Vec::new();
        while let Some(page) = pages.advance(|request| {
            assert_eq!(request.headers.len(), 1, "the headers go with every page");
            let link = ("link".to_string(), links(&request.url).as_bytes().to_vec());
            let url = request.url.clone();
            Ok(Response { status: 200, url, headers: vec![link], body: Vec::new() })
        }) {
            shown.push(match page {
                Ok(page) => page.url.replace(FIRST, ""),
                Err(error) => error.to_string(),
            });
        }
        assert!(pages.advance(|_| panic!("asked after the end")).is_none());
        shown
    }

    fn list() -> Pages<'static> {
        pages(get(FIRST).header("accept", "application/json"))
    }

    #[test]
    fn links_are_followed_to_the_end() {
        let shown = read(list(), |url| match url {
            FIRST => "<?page=2>; rel=next",
            "https://api.example.com/items?page=2" => {
                "<https://API.example.com:443/items?page=3>; rel=\"next\", </items>; rel=first"
            }
            _ => "</items>; rel=first",
        });
        assert_eq!(shown, ["", "?page=2", "https://API.example.com:443/items?page=3"]);
    }

    #[test]
    fn a_page_that_was_read_is_the_end() {
        assert_eq!(read(list(), |_| "<>; rel=next"), [""]);
        let cycle = |url: &str| match url {
            FIRST => "<?page=2#x>; rel=next",
            _ => "</items>; rel=next",
        };
        assert_eq!(read(list(), cycle), ["", "?page=2"]);
    }

    #[test]
    fn another_origin_is_an_error() {
        for link in [
            "<https://evil.example/items>; rel=next",
            "<http://api.example.com/items>; rel=next",
            "<https://api.example.com:8443/items>; rel=next",
            "<//evil.example/items>; rel=next",
            "<https://api.example.com@evil.example/>; rel=next",
            "<https:evil.example>; rel=next",
            "<\\\\evil.example/>; rel=next",
            "<data:,>; rel=next",
        ] {
            let shown = read(list(), |_| link);
            assert_eq!(shown.len(), 2, "{shown:?}");
            assert!(shown[1].contains("the next page is at another origin"), "{shown:?}");
        }
        assert!(read(pages(get("about:x").header("a", "b")), |_| "<https://a/>; rel=next")[1]
            .contains("another origin"));
    }

    #[test]
    fn a_redirect_does_not_move_the_origin() {
        let mut pages = list();
        let answer = |request: &Request<'_>| {
            let url = request.url.replace("api.example.com", "other.example");
            let link = ("link".to_string(), b"<?page=2>; rel=next".to_vec());
            Ok(Response { status: 200, url, headers: vec![link], body: Vec::new() })
        };
        assert!(pages.advance(answer).is_some_and(|page| page.is_ok()));
        let error = pages.advance(answer).expect("an item").expect_err("an error").to_string();
        assert!(error.contains("another origin, https://other.example/items?page=2"), "{error}");
    }

    #[test]
    fn more_pages_than_the_limit_are_an_error() {
        let endless = |url: &str| match url.strip_prefix(FIRST) {
            Some("") => "<?page=2>; rel=next",
            Some("?page=2") => "<?page=3>; rel=next",
            _ => "<?page=4>; rel=next",
        };
        let error = "https://api.example.com/items?page=3: the list has more pages than are read";
        assert_eq!(read(list().limit(2), endless), ["", "?page=2", error]);
    }

    #[test]
    fn a_failure_is_the_last_item_and_names_its_page() {
        let mut pages = list();
        let redirect = |request: &Request<'_>| {
            Ok(Response { status: 302, url: request.url.clone(), headers: vec![], body: vec![] })
        };
        let error = pages.advance(redirect).expect("an item").expect_err("an error");
        assert_eq!((error.status(), error.url()), (Some(302), Some(FIRST)));
        assert!(pages.next().is_none());
        let mut pages = list();
        let error = pages.advance(|_| Err(HttpError::Timeout.into()));
        let error = error.expect("an item").expect_err("an error");
        assert!(error.is_timeout() && error.url() == Some(FIRST));
        assert!(pages.next().is_none());
        let fault = super::pages(get(FIRST).segment("..")).next();
        assert!(fault.expect("an item").is_err());
    }
}
