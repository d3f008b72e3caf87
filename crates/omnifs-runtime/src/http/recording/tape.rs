//! Writing exchanges down while they happen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use parking_lot::Mutex;

use super::{Answered, Asked, Failed, HeaderText, MadeBy, Recorded, Recording, kept, written};
use crate::http::Prepared;
use crate::http::echo::Scanner;
use crate::http::failure::HttpFailure;
use crate::http::request::Field;
use crate::http::secret::Secret;

/// Writes down what a provider asks for and is answered.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Guards what was written down so far.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    exchanges: Vec<Recorded>,
    /// Which whole URL stands behind one that a credential was taken out of.
    whole: HashMap<String, String>,
    /// Those behind which there are two.
    doubled: Vec<String>,
    /// Requests whose answers were not read to their end.
    unfinished: Vec<String>,
}

/// Why what was written down makes no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrecordable {
    /// A secret's value is in it. The text does not hold the value.
    #[error(
        "the recording would hold the value of the secret {0:?}: nothing was written; requests \
         may hold it in headers only, put there by the host"
    )]
    Secret(String),
    /// Two requests cannot be told apart without their credentials.
    #[error(
        "requests for {0} differ in what looks like a credential of their URL, which no recording \
         holds: nothing was written"
    )]
    Doubled(String),
}

impl Recorder {
    /// Returns what was written down, if none of the secrets is in it.
    ///
    /// # Errors
    /// [`Unrecordable`].
    pub fn recording(&self, secrets: &[Secret]) -> Result<Recording, Unrecordable> {
        let inner = self.inner.lock();
        if let Some(url) = inner.doubled.first() {
            return Err(Unrecordable::Doubled(url.clone()));
        }
        let recording = Recording { made: MadeBy::Recorder, exchanges: inner.exchanges.clone() };
        match Scanner::new(secrets).look(recording.text().as_bytes()) {
            Some(name) => Err(Unrecordable::Secret(name.to_owned())),
            None => Ok(recording),
        }
    }

    /// Returns the requests whose answers are in the recording only as far as they were read.
    pub fn unfinished(&self) -> Vec<String> {
        self.inner.lock().unfinished.clone()
    }

    /// Begins to write an answer down.
    pub(in crate::http) fn answered(
        self: &Arc<Self>,
        hop: &Prepared,
        (status, headers): (StatusCode, &HeaderMap),
    ) -> Tape {
        let mut kept_headers: BTreeMap<String, HeaderText> = BTreeMap::new();
        let method = &hop.to.method;
        for name in headers.keys().filter(|name| kept::keeps_of_answer(name, method)) {
            let values = headers.get_all(name).iter();
            let values: Vec<String> = values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .map(|value| match name.as_str() {
                    "link" | "location" => kept::links(&value),
                    _ => value,
                })
                .collect();
            kept_headers.insert(name.as_str().to_owned(), header_text(values));
        }
        let answered = Answered {
            status: status.as_u16(),
            headers: kept_headers,
            body: None,
            body_base64: None,
        };
        self.note(hop);
        Tape {
            recorder: Arc::clone(self),
            request: asked(hop),
            answered,
            body: Some(Vec::new()),
            // Nobody reads where a redirect's own text ends.
            ended: status.is_redirection(),
        }
    }

    /// Writes down that a request has no answer.
    pub(in crate::http) fn failed(&self, hop: &Prepared, failure: &HttpFailure) {
        let Some(error) = Failed::of(failure) else { return };
        self.note(hop);
        self.add(Recorded { request: asked(hop), response: None, error: Some(error) });
    }

    /// Notices requests that are one in a recording and were two.
    fn note(&self, hop: &Prepared) {
        let (url, whole) = (kept::url(&hop.to.url), hop.to.url.to_string());
        let mut inner = self.inner.lock();
        let known = inner.whole.entry(url.clone()).or_insert_with(|| whole.clone());
        if *known != whole {
            inner.doubled.push(url);
        }
    }

    /// Keeps the first answer to a request, unless that was a failure.
    fn add(&self, new: Recorded) {
        let mut inner = self.inner.lock();
        let same = |old: &Recorded| {
            old.request.method == new.request.method
                && old.request.url == new.request.url
                && old.request.body == new.request.body
                && old.request.body_base64 == new.request.body_base64
                && old.request.headers.get("range") == new.request.headers.get("range")
        };
        match inner.exchanges.iter_mut().find(|old| same(old)) {
            None => inner.exchanges.push(new),
            Some(old) if old.is_failure() => *old = new,
            Some(_) => {}
        }
    }
}

impl Recorded {
    fn is_failure(&self) -> bool {
        self.response.as_ref().is_none_or(|it| it.status >= 500 || it.status == 429)
    }
}

/// The text of one header, or of several of one name.
fn header_text(mut values: Vec<String>) -> HeaderText {
    match (values.pop(), values.is_empty()) {
        (Some(only), true) => HeaderText::Text(only),
        (Some(last), false) => {
            values.push(last);
            HeaderText::Several(values)
        }
        (None, _) => HeaderText::Several(values),
    }
}

fn asked(hop: &Prepared) -> Asked {
    let mut headers = BTreeMap::new();
    for Field { name, value, secret } in &hop.fields {
        let value = match secret {
            Some(secret) => HeaderText::Secret { secret: secret.name().to_owned() },
            None if kept::keeps_of_request(name) => {
                HeaderText::Text(String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            None => continue,
        };
        headers.insert(name.as_str().to_owned(), value);
    }
    let (body, body_base64) = if hop.body.is_empty() { (None, None) } else { written(&hop.body) };
    let (method, url) = (hop.to.method.as_str().to_owned(), kept::url(&hop.to.url));
    Asked { method, url, headers, body, body_base64 }
}

/// An answer that is being written down; it is whole when this is dropped.
pub(in crate::http) struct Tape {
    recorder: Arc<Recorder>,
    request: Asked,
    answered: Answered,
    /// None once the answer turned out to be none.
    body: Option<Vec<u8>>,
    ended: bool,
}

impl Tape {
    /// Takes bytes that were decoded and looked through.
    pub(in crate::http) fn piece(&mut self, piece: &Bytes) {
        if let Some(body) = &mut self.body {
            body.extend_from_slice(piece);
        }
    }

    /// Takes in that this is all of it.
    pub(in crate::http) fn end(&mut self) {
        self.ended = true;
    }

    /// Takes in that there is no answer after all.
    pub(in crate::http) fn failed(&mut self, failure: &HttpFailure) {
        self.body = None;
        if let Some(error) = Failed::of(failure) {
            let request = self.request.clone();
            self.recorder.add(Recorded { request, response: None, error: Some(error) });
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        // What confirms an earlier answer is no answer by itself.
        if self.answered.status == StatusCode::NOT_MODIFIED.as_u16() {
            return;
        }
        let Some(body) = self.body.take() else { return };
        let mut answered = self.answered.clone();
        if !body.is_empty() {
            (answered.body, answered.body_base64) = written(&body);
        }
        let recorded =
            Recorded { request: self.request.clone(), response: Some(answered), error: None };
        if !self.ended {
            self.recorder.inner.lock().unfinished.push(recorded.request());
        }
        self.recorder.add(recorded);
    }
}
