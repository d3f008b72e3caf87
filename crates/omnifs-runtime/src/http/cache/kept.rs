//! An answer in the form in which it is kept.

use bytes::Bytes;
use http_cache_semantics::CachePolicy;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::http::Answer;

/// What an answer costs besides its bytes here: the tables that lead to it.
const OVERHEAD: usize = 256;

/// An answer and its rules in one piece of memory, and its body. Parsed, the headers of a small
/// answer are several times as large as its body, and hold on to the buffer of its connection.
pub(super) struct Kept {
    /// In which age it was asked for.
    pub(super) asked: u64,
    record: Box<[u8]>,
    body: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Record {
    policy: CachePolicy,
    status: u16,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Kept {
    /// Returns what is kept of an answer that these rules allow to be kept, and that was asked for
    /// in this age; `None` for one that has no such form.
    pub(super) fn new(policy: CachePolicy, asked: u64, answer: &Answer) -> Option<Self> {
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), value.as_bytes().to_owned())
        };
        let record = Record {
            policy,
            status: answer.status.as_u16(),
            url: answer.url.as_str().to_owned(),
            headers: answer.headers.iter().map(header).collect(),
        };
        let record = postcard::to_allocvec(&record).ok()?.into_boxed_slice();
        Some(Self { asked, record, body: answer.body.clone() })
    }

    /// Returns the rules and the answer.
    pub(super) fn open(&self) -> Option<(CachePolicy, Answer)> {
        let record: Record = postcard::from_bytes(&self.record).ok()?;
        let mut headers = HeaderMap::with_capacity(record.headers.len());
        for (name, value) in record.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(&value).ok()?);
        }
        let status = StatusCode::from_u16(record.status).ok()?;
        let url = Url::parse(&record.url).ok()?;
        Some((record.policy, Answer { status, url, headers, body: self.body.clone() }))
    }

    /// Returns what it takes of the memory, in bytes.
    pub(super) fn weight(&self) -> usize {
        OVERHEAD + self.record.len() + self.body.len()
    }
}
