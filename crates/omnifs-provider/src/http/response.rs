//! Reading an answer.

use super::link::{self, Link};
use super::{Error, Response};

impl Response {
    /// Returns the status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns whether the status is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the answer, or an error when its status is 400 or above.
    ///
    /// # Errors
    /// With the status and the URL; see [`Error::is_not_found`] and its like.
    pub fn error_for_status(self) -> Result<Self, Error> {
        if self.status < 400 {
            Ok(self)
        } else {
            Err(Error::of_status(self.status).at(self.url))
        }
    }

    /// Returns the value of the first header of this name, in capitals or not, that is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).next()
    }

    /// Returns the bytes of the body, decoded from what `Content-Encoding` says; the field
    /// `body` gives them away.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.body)
            .map_err(|error| Error::new(format!("the body is no text: {error}")).at(&self.url))
    }

    /// Reads the body as JSON, whatever `Content-Type` says.
    ///
    /// # Errors
    /// When it is no JSON, or not that of a `T`; the text names the place.
    ///
    /// ```
    /// use omnifs_provider::{http::Response, serde_json::Value};
    ///
    /// let answer = Response {
    ///     status: 200,
    ///     url: "https://api.example.com/items/7".to_string(),
    ///     headers: vec![],
    ///     body: br#"{ "id": 7, "title": "seven" }"#.to_vec(),
    /// };
    /// let item: Value = answer.json()?;
    /// assert_eq!(item["title"].as_str(), Some("seven"));
    /// # Ok::<(), omnifs_provider::http::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(format!("the body is not the JSON that was expected: {error}")).at(&self.url)
        })
    }

    /// Returns the links in the headers `Link` (RFC 8288), in order, resolved against the URL
    /// that answered.
    #[must_use]
    #[cfg_attr(not(feature = "json"), inline)]
    pub fn links(&self) -> Vec<Link> {
        self.headers_named("link").flat_map(|value| link::parse(&self.url, value)).collect()
    }

    /// Returns the URL of the next page: that of the first link with the relation `next`.
    ///
    /// Links with an `anchor` speak of another page and do not count. [`pages`](super::pages)
    /// does all of it.
    ///
    /// ```
    /// use omnifs_provider::http::Response;
    ///
    /// let answer = Response {
    ///     status: 200,
    ///     url: "https://api.example.com/items".to_string(),
    ///     headers: vec![("link".to_string(), b"<?page=2>; rel=\"next\"".to_vec())],
    ///     body: vec![],
    /// };
    /// assert_eq!(answer.next_page().as_deref(), Some("https://api.example.com/items?page=2"));
    /// ```
    #[must_use]
    #[cfg_attr(not(feature = "json"), inline)]
    pub fn next_page(&self) -> Option<String> {
        let is_next = |link: &Link| link.has_rel("next") && link.param("anchor").is_none();
        self.links().into_iter().find(is_next).map(|link| link.url)
    }

    fn headers_named<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(there, _)| there.eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn answer(status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_string(), value.to_vec()));
        let url = "https://api.example.com/items?page=1".to_string();
        Response { status, url, headers: headers.collect(), body: body.to_vec() }
    }

    #[test]
    fn headers_are_found_in_capitals_or_not() {
        let answer = answer(200, &[("ETag", b"\xff"), ("etag", b"\"1\""), ("ETAG", b"\"2\"")], b"");
        assert_eq!(answer.header("Etag"), Some("\"1\""));
        assert_eq!(answer.header("link"), None);
    }

    #[test]
    fn statuses_from_400_on_are_errors() {
        for status in [200, 204, 301, 304, 399] {
            assert!(answer(status, &[], b"").error_for_status().is_ok(), "{status}");
        }
        for status in [400, 404, 500, 599] {
            let error = answer(status, &[], b"").error_for_status().expect_err("an error");
            assert_eq!(error.status(), Some(status));
            assert_eq!(error.url(), Some("https://api.example.com/items?page=1"));
        }
        assert!(answer(204, &[], b"").is_success() && !answer(301, &[], b"").is_success());
    }

    #[test]
    fn bodies_that_cannot_be_read_are_errors_with_a_place() {
        let good = answer(200, &[], b"[1]");
        assert_eq!((good.text().expect("text"), good.bytes()), ("[1]", b"[1]".as_slice()));
        assert_eq!(good.json::<Vec<u8>>().expect("JSON"), [1]);
        let error = answer(200, &[], b"<html>").json::<Value>().expect_err("no JSON").to_string();
        let expected = "https://api.example.com/items?page=1: the body is not the JSON that was \
                        expected: expected value at line 1 column 1";
        assert_eq!(error, expected);
        assert!(good.json::<String>().is_err());
        assert!(answer(200, &[], b"\xff").text().is_err());
    }

    #[test]
    fn the_next_page_is_that_of_this_page_in_any_of_the_headers() {
        let headers: [(&str, &[u8]); 3] = [
            ("link", b"</a>; rel=next; anchor=\"/other\", </b>; rel=last"),
            ("content-type", b"application/json"),
            ("Link", b"<?page=2>; rel=\"prefetch next\", <?page=3>; rel=next"),
        ];
        let answer = answer(200, &headers, b"");
        assert_eq!(answer.links().len(), 4);
        let next = answer.next_page();
        assert_eq!(next.as_deref(), Some("https://api.example.com/items?page=2"));
    }
}
