//! What a call asked upstream, for whoever wonders how its answer came about.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ETAG, HeaderMap, HeaderValue};
use omnifs_vfs::{AnsweredBy, Exchange, Made, RequestId};
use url::Url;

use crate::http::{Fetched, HttpFailure, Started};
use crate::log::Escaped;

/// The longest URL or reason that is kept, in bytes.
const TEXT: usize = 512;

/// The longest `ETag` that is kept, in bytes: part of one is of no use to anybody.
const ETAG_MAX: usize = 256;

/// The exchanges of the running call.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    kept: Vec<Exchange>,
    more: u64,
}

/// What was asked for, before there is an answer.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) url: String,
}

impl Exchanges {
    /// Begins another call.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Ends the call, and returns what there was of it.
    pub(crate) fn take(&mut self, request: RequestId) -> Made {
        let Self { kept, more } = std::mem::take(self);
        Made { request, exchanges: kept, more }
    }

    /// Takes in how a `fetch` ended.
    pub(crate) fn fetched(
        &mut self,
        question: &Question,
        outcome: &Result<Fetched, HttpFailure>,
        took: Duration,
    ) {
        let came = outcome.as_ref().map(|Fetched { answer, by }| Came {
            url: &answer.url,
            status: answer.status,
            headers: &answer.headers,
            by: *by,
        });
        self.add(question, came, took);
    }

    /// Takes in how a request began whose body is not waited for.
    pub(crate) fn started(
        &mut self,
        question: &Question,
        outcome: &Result<Started, HttpFailure>,
        took: Duration,
    ) {
        let came = outcome.as_ref().map(|started| Came {
            url: &started.url,
            status: started.status,
            headers: &started.headers,
            by: AnsweredBy::Upstream,
        });
        self.add(question, came, took);
    }

    fn add(&mut self, question: &Question, came: Result<Came<'_>, &HttpFailure>, took: Duration) {
        if self.kept.len() >= Made::KEPT {
            self.more += 1;
            return;
        }
        let method = shown(&question.method);
        self.kept.push(match came {
            Ok(Came { url, status, headers, by }) => {
                let (url, outcome) = (shown(url.as_str()), Ok(status.as_u16()));
                Exchange { method, url, outcome, took, by, etag: etag(headers) }
            }
            Err(failure) => {
                let (url, outcome) = (shown(&question.url), Err(shown(&failure.to_string())));
                Exchange { method, url, outcome, took, by: AnsweredBy::Upstream, etag: None }
            }
        });
    }
}

/// What came of a request.
#[derive(Clone, Copy)]
struct Came<'a> {
    url: &'a Url,
    status: StatusCode,
    headers: &'a HeaderMap,
    by: AnsweredBy,
}

fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG).map(HeaderValue::as_bytes);
    let etag = etag.filter(|etag| etag.len() <= ETAG_MAX)?;
    Some(shown(&String::from_utf8_lossy(etag)))
}

/// Returns a text as it is kept: escaped, and not too long.
fn shown(text: &str) -> String {
    let mut shown = Escaped(text).to_string();
    if shown.len() > TEXT {
        let end = (0..=TEXT).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or(0);
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> (Question, Result<Fetched, HttpFailure>) {
        let question = Question { method: "GET".to_owned(), url: url.to_owned() };
        (question, Err(HttpFailure::Refused("nobody\nlistens".to_owned())))
    }

    #[test]
    fn a_call_keeps_so_many_exchanges_and_counts_the_others() {
        let mut exchanges = Exchanges::default();
        for number in 0..20 {
            let (question, outcome) = refused(&format!("http://x/{number}"));
            exchanges.fetched(&question, &outcome, Duration::from_millis(number));
        }
        let request = RequestId { daemon: 1, call: 2 };
        let made = exchanges.take(request);
        assert_eq!((made.request, made.exchanges.len(), made.more), (request, Made::KEPT, 4));
        assert_eq!(made.exchanges[3].url, "http://x/3");
        assert_eq!(made.exchanges[3].took, Duration::from_millis(3));
        assert_eq!(made.exchanges[3].outcome, Err("nobody\\nlistens".to_owned()));
        assert_eq!(exchanges.take(request).exchanges, []);
    }

    #[test]
    fn what_is_kept_is_short_and_obeyed_by_no_terminal() {
        let (question, outcome) = refused(&format!("http://x/\x1b[2J{}", "é".repeat(600)));
        let mut exchanges = Exchanges::default();
        exchanges.fetched(&question, &outcome, Duration::ZERO);
        let url = exchanges.take(RequestId { daemon: 0, call: 0 }).exchanges.remove(0).url;
        assert!(url.starts_with("http://x/\\u{1b}[2Jéé") && url.ends_with('…'), "{url}");
        assert!(url.len() <= TEXT + '…'.len_utf8());
    }
}
