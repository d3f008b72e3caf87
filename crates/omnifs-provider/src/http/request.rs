//! Describing a request and sending it.

use std::fmt::Display;
use std::time::Duration;

use super::{
    download, fetch, fetch_all, open, query, Blob, Error, HeaderValue, Incoming, Redirects,
    Request, Response, Secret, SecretUse,
};

/// Begins a `GET` of an absolute URL.
pub fn get<'a>(url: impl Into<String>) -> RequestBuilder<'a> {
    request("GET", url)
}

/// Begins a `POST` to an absolute URL.
pub fn post<'a>(url: impl Into<String>) -> RequestBuilder<'a> {
    request("POST", url)
}

/// Begins a request with any other method, given in capitals, for an absolute URL.
pub fn request<'a>(method: impl Into<String>, url: impl Into<String>) -> RequestBuilder<'a> {
    let request = Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        redirects: Redirects::ReturnThem,
        timeout_ms: None,
    };
    RequestBuilder { request, fault: None }
}

/// Sends several requests at once and returns as many answers, in the order of the requests.
///
/// It takes about as long as the slowest of them, where one after the other would take the
/// sum.
///
/// ```no_run
/// use omnifs_provider::http;
///
/// let urls = ["https://api.example.com/a", "https://api.example.com/b"];
/// for answer in http::send_all(urls.map(http::get)) {
///     println!("{}", answer?.status());
/// }
/// # Ok::<(), http::Error>(())
/// ```
pub fn send_all<'a>(
    requests: impl IntoIterator<Item = RequestBuilder<'a>>,
) -> Vec<Result<Response, Error>> {
    all_by(requests, |requests| fetch_all(requests).into_iter().map(|one| one.map_err(Error::from)))
}

/// Sends those requests that are whole with `fetch_all`, and puts its answers where the
/// requests stood.
fn all_by<'a, Answers: Iterator<Item = Result<Response, Error>>>(
    requests: impl IntoIterator<Item = RequestBuilder<'a>>,
    fetch_all: impl FnOnce(&[Request<'a>]) -> Answers,
) -> Vec<Result<Response, Error>> {
    let mut whole = Vec::new();
    let mut places = Vec::new();
    for request in requests {
        let url = request.request.url.clone();
        places.push(match request.build() {
            Ok(request) => {
                whole.push(request);
                Ok(url)
            }
            Err(error) => Err(error),
        });
    }
    let mut answers = fetch_all(&whole);
    let next = |place: Result<String, Error>| {
        let url = place?;
        let answer = answers.next().unwrap_or_else(|| Err(Error::new("the host has no answer")));
        answer.map_err(|error| error.at(url))
    };
    places.into_iter().map(next).collect()
}

/// A request that is being described; [`get`], [`post`] and [`request()`] begin one.
///
/// What a method cannot do (a body that does not become JSON) is the error of what ends the
/// description: [`send`](Self::send), [`download`](Self::download), [`open`](Self::open) or
/// [`build`](Self::build).
///
/// The methods that take a secret take a `&Secret` or a `&Option<Secret>`, and leave the
/// header out for `None`: a secret that was not granted. The host sets `Host`,
/// `Content-Length` and what else belongs to the connection, and refuses them here.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`, `download` or `open`"]
pub struct RequestBuilder<'a> {
    request: Request<'a>,
    fault: Option<Error>,
}

impl<'a> RequestBuilder<'a> {
    /// Adds a segment to the path, [encoded](super::encode): `/` in it separates nothing.
    ///
    /// An empty segment, `.` and `..` are errors: no URL holds them as they are, and the
    /// request would go somewhere else.
    ///
    /// ```
    /// use omnifs_provider::http;
    ///
    /// let request = http::get("https://api.example.com/").segment("a/b").segment("c").build()?;
    /// assert_eq!(request.url, "https://api.example.com/a%2Fb/c");
    /// assert!(http::get("https://api.example.com").segment("..").build().is_err());
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn segment(mut self, segment: impl AsRef<str>) -> Self {
        let segment = segment.as_ref();
        if matches!(segment, "" | "." | "..") {
            return self.fails(|| Error::new(format!("{segment:?} cannot be a part of a path")));
        }
        let (path, rest) = query::split_path(&self.request.url);
        let path = path.strip_suffix('/').unwrap_or(path);
        self.request.url = format!("{path}/{}{rest}", query::encode(segment));
        self
    }

    /// Adds pairs to the query, [encoded](super::encode).
    ///
    /// ```
    /// use omnifs_provider::http;
    ///
    /// let request = http::get("https://api.example.com/items?state=open")
    ///     .query(&[("per_page", 100), ("page", 2)])
    ///     .query(&[("q", "size > 1 & new")])
    ///     .build()?;
    /// let query = "state=open&per_page=100&page=2&q=size%20%3E%201%20%26%20new";
    /// assert_eq!(request.url, format!("https://api.example.com/items?{query}"));
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn query<K: AsRef<str>, V: Display>(mut self, pairs: &[(K, V)]) -> Self {
        self.request.url = query::with_query(&self.request.url, pairs);
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.headers.push((name.into(), HeaderValue::Text(value.into())));
        self
    }

    /// Adds `Authorization: Bearer SECRET`.
    pub fn bearer(self, secret: impl Into<Option<&'a Secret>>) -> Self {
        self.authorization(secret.into().map(SecretUse::Bearer))
    }

    /// Adds `Authorization: Basic` with this user name and the secret as the password.
    pub fn basic(self, user: impl Into<String>, secret: impl Into<Option<&'a Secret>>) -> Self {
        self.authorization(secret.into().map(|secret| SecretUse::Basic((user.into(), secret))))
    }

    /// Adds a header whose value is the secret: `X-Api-Key: SECRET`.
    pub fn secret_header(
        self,
        name: impl Into<String>,
        secret: impl Into<Option<&'a Secret>>,
    ) -> Self {
        self.secret(name, secret.into().map(SecretUse::Raw))
    }

    /// Adds a header whose value is this text, then the secret: `Authorization: token SECRET`
    /// with the prefix `"token "`.
    pub fn prefixed_secret_header(
        self,
        name: impl Into<String>,
        prefix: impl Into<String>,
        secret: impl Into<Option<&'a Secret>>,
    ) -> Self {
        let value = secret.into().map(|secret| SecretUse::Prefix((prefix.into(), secret)));
        self.secret(name, value)
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// Sets the body to this value as JSON, and adds `Content-Type: application/json`.
    ///
    /// ```
    /// use omnifs_provider::{http, serde_json::json};
    ///
    /// let request = http::post("https://api.example.com/search").json(&json!({ "q": "x" })).build()?;
    /// assert_eq!(request.body.as_deref(), Some(br#"{"q":"x"}"#.as_slice()));
    /// # Ok::<(), http::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body(body).header("content-type", "application/json"),
            Err(error) => self.fails(|| Error::new(format!("the body is no JSON: {error}"))),
        }
    }

    /// Has the host follow redirects, up to 5; each passes the same checks, and secrets stay
    /// behind where one leads to another origin.
    pub fn follow_redirects(mut self) -> Self {
        self.request.redirects = Redirects::Follow;
        self
    }

    /// Sets a time limit for the whole answer, shorter than the host's own; counted in
    /// milliseconds, 1 at least.
    pub fn timeout(mut self, limit: Duration) -> Self {
        let limit = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        self.request.timeout_ms = Some(limit.max(1));
        self
    }

    /// Returns the request, for [`fetch`] and its like.
    ///
    /// # Errors
    /// When a part of the description could not be made.
    pub fn build(self) -> Result<Request<'a>, Error> {
        match self.fault {
            None => Ok(self.request),
            Some(error) => Err(error.at(self.request.url)),
        }
    }

    /// Sends the request and returns the whole answer, whatever its status.
    ///
    /// # Errors
    /// When the description could not be made or the host has no answer.
    pub fn send(self) -> Result<Response, Error> {
        self.ends_in(fetch)
    }

    /// Sends the request and leaves the body with the host, for bodies that are big or of
    /// which a part is read; returns when the headers are in.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// ```no_run
    /// use omnifs_provider::http;
    ///
    /// let dump = http::get("https://api.example.com/dump").download()?.error_for_status()?;
    /// let magic = dump.read(0, 8)?;
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn download(self) -> Result<Blob, Error> {
        self.ends_in(download)
    }

    /// Sends the request and returns, when the headers are in, what reads the body as it
    /// arrives.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// ```no_run
    /// use omnifs_provider::http;
    ///
    /// let events = http::get("https://api.example.com/events").open()?.error_for_status()?;
    /// while let Some(bytes) = events.read(4096)? {
    ///     println!("{} bytes", bytes.len());
    /// }
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn open(self) -> Result<Incoming, Error> {
        self.ends_in(open)
    }

    fn ends_in<T, E: Into<Error>>(
        self,
        call: impl FnOnce(&Request<'a>) -> Result<T, E>,
    ) -> Result<T, Error> {
        let request = self.build()?;
        call(&request).map_err(|error| error.into().at(request.url))
    }

    fn authorization(self, value: Option<SecretUse<'a>>) -> Self {
        self.secret("authorization", value)
    }

    fn secret(mut self, name: impl Into<String>, value: Option<SecretUse<'a>>) -> Self {
        let header = value.map(|value| (name.into(), HeaderValue::Secret(value)));
        self.request.headers.extend(header);
        self
    }

    /// Keeps the first fault: those after it may come from it.
    fn fails(mut self, fault: impl FnOnce() -> Error) -> Self {
        self.fault.get_or_insert_with(fault);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::HttpError;
    use super::*;

    const URL: &str = "https://api.example.com";

    fn url(builder: RequestBuilder<'_>) -> String {
        builder.build().expect("a request").url
    }

    #[test]
    fn segments_stand_before_the_query() {
        assert_eq!(url(get(URL).segment("a b")), "https://api.example.com/a%20b");
        let whole = get("https://api.example.com/v1/?x=/#f").segment("\u{fc}").segment("%2e");
        assert_eq!(url(whole), "https://api.example.com/v1/%C3%BC/%252e?x=/#f");
    }

    #[test]
    fn a_fault_is_kept_until_the_end_and_names_the_url() {
        for wrong in ["", ".", ".."] {
            let error = get(URL).segment("a").segment(wrong).segment("b").send().expect_err(wrong);
            let expected = format!("{URL}/a/b: {wrong:?} cannot be a part of a path");
            assert_eq!(error.to_string(), expected);
            assert!(!error.is_known_to_host());
        }
    }

    #[test]
    fn what_the_builder_is_told_is_in_the_request() {
        let secret: Option<Secret> = None;
        let request = request("PATCH", URL)
            .header("Accept", "application/json")
            .bearer(&secret)
            .basic("user", &secret)
            .secret_header("x-key", secret.as_ref())
            .prefixed_secret_header("authorization", "token ", None)
            .body("text")
            .follow_redirects()
            .timeout(Duration::from_micros(1))
            .build()
            .expect("a request");
        assert_eq!(request.method, "PATCH");
        let [(name, HeaderValue::Text(value))] = request.headers.as_slice() else {
            panic!("{:?}", request.headers);
        };
        assert_eq!((name.as_str(), value.as_str()), ("Accept", "application/json"));
        assert_eq!(request.body.as_deref(), Some(b"text".as_slice()));
        assert_eq!(request.redirects, Redirects::Follow);
        assert_eq!(request.timeout_ms, Some(1));
        let plain = get(URL).timeout(Duration::MAX).build().expect("a request");
        assert_eq!((plain.method.as_str(), plain.redirects), ("GET", Redirects::ReturnThem));
        assert_eq!((plain.body, plain.timeout_ms), (None, Some(u32::MAX)));
    }

    #[test]
    fn json_is_the_body_and_says_so() {
        let request = post(URL).json(&[1, 2]).build().expect("a request");
        assert_eq!(request.body.as_deref(), Some(b"[1,2]".as_slice()));
        assert_eq!(request.headers[0].0, "content-type");
        let keys = std::collections::HashMap::from([((1, 2), 3)]);
        let error = post(URL).json(&keys).send().expect_err("keys are no texts");
        assert!(error.to_string().contains("the body is no JSON"), "{error}");
    }

    #[test]
    fn without_a_host_a_request_is_denied() {
        let error = get(URL).send().expect_err("there is no host");
        assert!(error.is_denied());
        assert_eq!(error.url(), Some(URL));
        assert!(get(URL).download().is_err() && get(URL).open().is_err());
        assert_eq!(send_all([get(URL), get(URL)]).len(), 2);
    }

    #[test]
    fn answers_stand_where_their_requests_stood() {
        let requests = ["a", "..", "b", "c", "d"].map(|segment| get(URL).segment(segment));
        let answers = all_by(requests, |whole| {
            assert_eq!(whole.len(), 4);
            let mut answers = whole.iter().take(3).map(|request| {
                let body = request.url.clone().into_bytes();
                Ok(Response { status: 200, url: request.url.clone(), headers: vec![], body })
            });
            vec![answers.next().unwrap(), Err(HttpError::Timeout.into()), answers.nth(1).unwrap()]
                .into_iter()
        });
        let shown: Vec<String> = answers
            .into_iter()
            .map(|answer| match answer {
                Ok(response) => response.url,
                Err(error) => error.to_string(),
            })
            .collect();
        let expected = [
            "https://api.example.com/a",
            "https://api.example.com: \"..\" cannot be a part of a path",
            "https://api.example.com/b: a time limit passed",
            "https://api.example.com/c",
            "https://api.example.com/d: the host has no answer",
        ];
        assert_eq!(shown, expected);
    }
}
