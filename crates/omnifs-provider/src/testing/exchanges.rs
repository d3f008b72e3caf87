//! Recorded exchanges, as `docs/testing.md` describes their files, and answering from them.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;

use super::Problem;
use crate::http::{resolve, HttpError, Redirects, Request, Response};
use crate::native::Host;

/// Names in a URL's query that stand before a credential; no recording has them.
const CREDENTIALS: &str = "\
    access_token api-key api_key apikey auth auth_token authorization client_secret \
    id_token jwt key passwd password private_token refresh_token secret session sig \
    signature token x-amz-credential x-amz-security-token x-amz-signature \
    x-goog-credential x-goog-signature";

/// How many redirects are followed, as in the host.
const HOPS: usize = 5;

/// What upstreams answered, or would.
#[derive(Debug, Clone, Default)]
pub struct Exchanges {
    all: Rc<Vec<Exchange>>,
}

#[derive(Debug)]
struct Exchange {
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    range: Option<String>,
    outcome: Result<Response, HttpError>,
}

impl Exchanges {
    /// Reads a file, or all files of a directory whose names end in `.json`, in their order.
    ///
    /// # Errors
    /// Which file cannot be read, and what is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Problem> {
        let path = path.as_ref();
        let unreadable = |error| Problem::new(format!("cannot read {}: {error}", path.display()));
        let mut files: Vec<PathBuf> = vec![path.to_path_buf()];
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(unreadable)?;
            files = entries.flatten().map(|entry| entry.path()).collect();
            files.retain(|file| file.extension().is_some_and(|end| end == "json"));
            files.sort();
        }
        let mut all = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).map_err(unreadable)?;
            let named = |why| Problem::new(format!("{}: {why}", file.display()));
            all.extend(exchanges(&text).map_err(named)?);
        }
        Ok(Self { all: Rc::new(all) })
    }

    /// Returns what answers a `GET` of this URL, for functions that read an answer.
    #[must_use]
    pub fn answer(&self, url: &str) -> Option<Response> {
        let url = normal(url);
        let mut all = self.all.iter();
        let found = all.find(|exchange| exchange.method == "GET" && exchange.url == url)?;
        found.outcome.as_ref().ok().cloned()
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Ok(Self { all: Rc::new(exchanges(text).map_err(Problem::new)?) })
    }
}

fn exchanges(text: &str) -> Result<Vec<Exchange>, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = file.get("exchanges").and_then(Value::as_array).ok_or("it has no `exchanges`")?;
    let numbered =
        |(at, value)| exchange(value).map_err(|why| format!("exchange {}: {why}", at + 1));
    list.iter().enumerate().map(numbered).collect()
}

fn exchange(value: &Value) -> Result<Exchange, String> {
    let request = value.get("request").ok_or("it has no `request`")?;
    let text = |key: &str| {
        let text = request.get(key).and_then(Value::as_str);
        text.ok_or_else(|| format!("its request has no `{key}`"))
    };
    let url = text("url")?;
    let range = headers(request)?.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
    let outcome = match (value.get("response"), value.get("error").and_then(Value::as_str)) {
        (Some(response), None) => Ok(Response {
            status: response
                .get("status")
                .and_then(Value::as_u64)
                .and_then(|status| u16::try_from(status).ok())
                .ok_or("its response has no `status`")?,
            url: url.to_string(),
            headers: headers(response)?,
            body: body(response)?.unwrap_or_default(),
        }),
        (None, Some(error)) => Err(failure(error)?),
        _ => return Err("it needs a `response` or an `error`, and not both".to_string()),
    };
    Ok(Exchange {
        method: text("method")?.to_string(),
        url: normal(url),
        body: body(request)?,
        range: range.and_then(|(_, value)| String::from_utf8(value).ok()),
        outcome,
    })
}

/// Reads headers whose values are known: those of secrets are not.
fn headers(of: &Value) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut all = Vec::new();
    for (name, value) in of.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let mut add = |text: &str| all.push((name.clone(), text.as_bytes().to_vec()));
        match value {
            Value::String(text) => add(text),
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).for_each(add),
            Value::Object(secret) if secret.contains_key("secret") => {}
            _ => return Err(format!("the header {name:?} is neither a text nor several")),
        }
    }
    Ok(all)
}

/// Reads a body: a text, JSON without white space, or base64.
fn body(of: &Value) -> Result<Option<Vec<u8>>, String> {
    match (of.get("body"), of.get("body_base64").and_then(Value::as_str)) {
        (None, None) => Ok(None),
        (Some(Value::String(text)), None) => Ok(Some(text.clone().into_bytes())),
        (Some(value), None) => Ok(Some(value.to_string().into_bytes())),
        (None, Some(text)) => base64(text).map(Some).ok_or_else(|| "no base64".to_string()),
        (Some(_), Some(_)) => Err("it has a `body` and a `body_base64`".to_string()),
    }
}

/// Decodes base64 (RFC 4648, 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(six), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn failure(name: &str) -> Result<HttpError, String> {
    let recorded = || "recorded as an error".to_string();
    Ok(match name {
        "dns" => HttpError::Dns(recorded()),
        "unreachable" | "refused" | "reset" => HttpError::Connect(recorded()),
        "tls" => HttpError::Tls(recorded()),
        "protocol" => HttpError::Protocol(recorded()),
        "timeout" => HttpError::Timeout,
        "too-large" => HttpError::TooLarge,
        other => return Err(format!("there is no error {other:?}")),
    })
}

/// Returns a URL as it is compared: as the host sends it, and without credentials in its query.
fn normal(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let scheme = scheme.to_ascii_lowercase();
    let authority = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let port = if scheme == "http" { ":80" } else { ":443" };
    let authority = authority.strip_suffix(port).unwrap_or(&authority);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = if path.is_empty() { "/" } else { path };
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        !pair.is_empty() && CREDENTIALS.split(' ').all(|known| known != name)
    };
    let query: Vec<&str> = query.split('&').filter(is_kept).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{authority}{path}{mark}{}", query.join("&"))
}

/// How an upstream can fail.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Unavailable,
    Refused,
    Late,
}

/// Answers requests from exchanges.
pub(super) struct Replay {
    exchanges: Exchanges,
    config: String,
    fault: Option<(usize, Fault)>,
    used: RefCell<Vec<usize>>,
    /// Why a request of the running call has no answer.
    failure: RefCell<Option<String>>,
    pub(super) unrecorded: Cell<bool>,
}

impl Replay {
    pub(super) fn new(exchanges: Exchanges, config: String) -> Self {
        let (used, failure) = (RefCell::default(), RefCell::default());
        Self { exchanges, config, fault: None, used, failure, unrecorded: Cell::new(false) }
    }

    /// Returns one of which an exchange fails.
    pub(super) fn failing(&self, number: usize, fault: Fault) -> Self {
        let healthy = Self::new(self.exchanges.clone(), self.config.clone());
        Self { fault: Some((number, fault)), ..healthy }
    }

    /// Returns the numbers of the exchanges that were asked for, and their requests.
    pub(super) fn used(&self) -> Vec<(usize, String)> {
        let named = |number: &usize| {
            let exchange = self.exchanges.all.get(*number)?;
            Some((*number, format!("{} {}", exchange.method, exchange.url)))
        };
        self.used.borrow().iter().filter_map(named).collect()
    }

    /// Begins a call.
    pub(super) fn begin(&self) {
        self.failure.replace(None);
    }

    /// Returns why a request of the call has no answer, or one that is a failure.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    fn answer(&self, request: &Request<'_>, url: &str) -> Result<Response, HttpError> {
        let (method, url) = (&request.method, normal(url));
        let range = request.headers.iter().find_map(|(name, value)| match value {
            crate::http::HeaderValue::Text(text) if name.eq_ignore_ascii_case("range") => {
                Some(text)
            }
            _ => None,
        });
        let fits = |exchange: &Exchange| {
            exchange.method == *method
                && exchange.url == url
                && exchange.body.as_ref().is_none_or(|body| request.body.as_ref() == Some(body))
                && exchange.range.as_ref() == range
        };
        let found = self.exchanges.all.iter().enumerate().find(|(_, exchange)| fits(exchange));
        let Some((number, exchange)) = found else {
            self.unrecorded.set(true);
            return Err(HttpError::Connect(format!(
                "{method} {url} is in no recording: `omnifs test --record` makes one from the \
                 upstream, or write it into a file of tests/exchanges"
            )));
        };
        if !self.used.borrow().contains(&number) {
            self.used.borrow_mut().push(number);
        }
        match self.fault.filter(|(failing, _)| *failing == number) {
            None => exchange.outcome.clone(),
            Some((_, Fault::Unavailable)) => {
                Ok(Response { status: 503, url, headers: Vec::new(), body: Vec::new() })
            }
            Some((_, Fault::Refused)) => Err(HttpError::Connect("it is made to fail".to_string())),
            Some((_, Fault::Late)) => Err(HttpError::Timeout),
        }
    }
}

impl Host for Replay {
    fn fetch(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let mut url = request.url.clone();
        let mut outcome = self.answer(request, &url);
        for _ in 0..HOPS {
            let Ok(answer) = &outcome else { break };
            let redirects = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            let to = answer.header("location").and_then(|to| resolve(&url, to));
            match to.filter(|_| redirects && request.redirects == Redirects::Follow) {
                Some(to) => url = to,
                None => break,
            }
            outcome = self.answer(request, &url);
        }
        let failure = match &outcome {
            Err(error) => Some(crate::Error::from(error.clone()).to_string()),
            Ok(answer) => {
                let failed = answer.status >= 400 && !matches!(answer.status, 404 | 410);
                failed.then(|| format!("{url} answered {}", answer.status))
            }
        };
        if failure.is_some() {
            self.failure.replace(failure);
        }
        outcome
    }

    fn config(&self) -> String {
        self.config.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_as_the_host_sends_them() {
        for (url, expected) in [
            ("HTTPS://A.example:443", "https://a.example/"),
            ("http://a.example:80/x?b=1&token=2#f", "http://a.example/x?b=1"),
            ("https://u:p@a.example:8443?api_key=1", "https://a.example:8443/"),
        ] {
            assert_eq!(normal(url), expected);
        }
    }

    #[test]
    fn base64_is_decoded() {
        assert_eq!(base64("AP/+").unwrap(), b"\0\xff\xfe");
        assert_eq!(base64("aGk=").unwrap(), b"hi");
        assert!(base64("a-b").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, said) in [
            ("{}", "it has no `exchanges`"),
            (r#"{"exchanges": [{}]}"#, "exchange 1: it has no `request`"),
            (
                r#"{"exchanges": [{"request": {"method": "GET", "url": "x"}, "error": "no"}]}"#,
                "exchange 1: there is no error \"no\"",
            ),
        ] {
            assert_eq!(Exchanges::parse(text).unwrap_err().to_string(), said);
        }
        let missing = Exchanges::read("no/such/file").unwrap_err().to_string();
        assert!(missing.starts_with("cannot read no/such/file: "), "{missing}");
    }
}
