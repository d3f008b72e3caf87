//! Answering from a recording.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use parking_lot::Mutex;
use url::Url;

use super::{Answered, HeaderText, Recorded, bytes, kept};
use crate::http::failure::HttpFailure;
use crate::http::gate::{Approved, shown_origin};

/// Answers requests from a recording, the same one as often as it is made.
#[derive(Debug)]
pub struct Replay {
    exchanges: Arc<[Ready]>,
    /// The exchange that fails, and how.
    fault: Option<(usize, Fault)>,
    seen: Mutex<Seen>,
}

/// How an upstream can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers 503.
    Unavailable,
    /// Nobody listens.
    Refused,
    /// It answers when nobody waits any more.
    Late,
}

/// What was asked for.
#[derive(Debug, Default)]
struct Seen {
    /// Exchanges in the order of their first requests.
    used: Vec<usize>,
    unrecorded: BTreeSet<String>,
}

/// An exchange, made ready.
#[derive(Debug)]
struct Ready {
    method: String,
    url: String,
    /// Compared when it is there.
    body: Option<Bytes>,
    /// It says which part of the answer comes, so it is compared, too.
    range: Option<String>,
    outcome: Result<Response<Bytes>, super::Failed>,
}

impl Replay {
    /// What the failure of a request says that no exchange answers.
    pub const UNRECORDED: &str = "is in no recording";

    /// Answers from these exchanges; of two for one request from the first.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn new(exchanges: &[Recorded]) -> Result<Self, String> {
        let ready: Vec<Ready> = exchanges.iter().map(Ready::of).collect::<Result<_, _>>()?;
        Ok(Self { exchanges: ready.into(), fault: None, seen: Mutex::default() })
    }

    /// Returns one whose exchange with this number fails at each request, and that has seen none.
    #[must_use]
    pub fn failing(&self, number: usize, fault: Fault) -> Self {
        let exchanges = Arc::clone(&self.exchanges);
        Self { exchanges, fault: Some((number, fault)), seen: Mutex::default() }
    }

    /// Returns the numbers of the exchanges that were asked for, in the order of their first
    /// requests.
    pub fn used(&self) -> Vec<usize> {
        self.seen.lock().used.clone()
    }

    /// Returns the requests that no exchange answers.
    pub fn unrecorded(&self) -> Vec<String> {
        self.seen.lock().unrecorded.iter().cloned().collect()
    }

    /// Answers a request that passed all checks.
    pub(in crate::http) async fn answer(
        &self,
        to: &Approved,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response<Full<Bytes>>, HttpFailure> {
        let (method, url) = (to.method.as_str(), kept::url(&to.url));
        let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let fits = |ready: &Ready| {
            ready.method == method
                && ready.url == url
                && ready.body.as_ref().is_none_or(|recorded| recorded == body)
                && ready.range.as_deref() == range
        };
        let found = self.exchanges.iter().enumerate().find(|(_, ready)| fits(ready));
        let Some((number, ready)) = found else {
            self.seen.lock().unrecorded.insert(format!("{method} {url}"));
            return Err(HttpFailure::Unreachable(format!(
                "{method} {url} {}: `omnifs test --record` makes one from the upstream, or write it \
                 into a file of tests/exchanges",
                Self::UNRECORDED
            )));
        };
        {
            let used = &mut self.seen.lock().used;
            if !used.contains(&number) {
                used.push(number);
            }
        }
        let fault = self.fault.filter(|(failing, _)| *failing == number).map(|(_, fault)| fault);
        match fault {
            None => {}
            Some(Fault::Unavailable) => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(response);
            }
            Some(Fault::Refused) => {
                return Err(super::Failed::Refused.failure(&shown_origin(&to.url)));
            }
            Some(Fault::Late) => return std::future::pending().await,
        }
        match &ready.outcome {
            Ok(response) => Ok(response.clone().map(Full::new)),
            Err(failed) => Err(failed.failure(&shown_origin(&to.url))),
        }
    }
}

impl Ready {
    fn of(recorded: &Recorded) -> Result<Self, String> {
        let wrong = |why: String| format!("{}: {why}", recorded.request());
        let asked = &recorded.request;
        let url = Url::parse(&asked.url).map_err(|error| wrong(error.to_string()))?;
        let range = asked.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
        let range = range.and_then(|(_, value)| match value {
            HeaderText::Text(text) => Some(text.clone()),
            HeaderText::Several(_) | HeaderText::Secret { .. } => None,
        });
        let outcome = match (&recorded.response, recorded.error) {
            (Some(answered), _) => Ok(response(answered).map_err(wrong)?),
            (None, Some(failed)) => Err(failed),
            (None, None) => return Err(wrong("it has no answer".to_owned())),
        };
        Ok(Self {
            method: asked.method.clone(),
            url: kept::url(&url),
            body: bytes(asked.body.as_ref(), asked.body_base64.as_ref()).map_err(wrong)?,
            range,
            outcome,
        })
    }
}

fn response(answered: &Answered) -> Result<Response<Bytes>, String> {
    let body = bytes(answered.body.as_ref(), answered.body_base64.as_ref())?.unwrap_or_default();
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answered.status).map_err(|error| error.to_string())?;
    for (name, value) in &answered.headers {
        let values = match value {
            HeaderText::Text(text) => std::slice::from_ref(text),
            HeaderText::Several(texts) => texts,
            HeaderText::Secret { .. } => return Err(format!("{name} of an answer is a secret")),
        };
        let parsed = HeaderName::try_from(name).map_err(|error| format!("{name}: {error}"))?;
        for value in values {
            let value = HeaderValue::try_from(value).map_err(|error| format!("{name}: {error}"))?;
            response.headers_mut().append(&parsed, value);
        }
    }
    Ok(response)
}
