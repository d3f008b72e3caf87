//! How an answer came about: which call it was, and what that asked upstream.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Names one call of a source wherever it is told of: in the log, with an error, with what is
/// known of a path. No two calls of one user's daemons have the same, one after the other either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// When the daemon began, in seconds since 1970.
    pub daemon: u32,
    /// Which of its calls it is.
    pub call: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r-{:x}-{:x}", self.daemon, self.call)
    }
}

/// How a call of a source went about its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The call.
    pub request: RequestId,
    /// What it asked upstream, in the order of the ends; the first [`Made::KEPT`].
    pub exchanges: Vec<Exchange>,
    /// How many more there were.
    pub more: u64,
}

impl Made {
    /// How many exchanges of a call are kept.
    pub const KEPT: usize = 16;

    /// Returns the one that the answer is from: the last that was answered well.
    pub fn source(&self) -> Option<&Exchange> {
        self.exchanges.iter().rev().find(|exchange| exchange.is_good())
    }

    /// Returns how an answer came about that this call gave a part of, and a later one another.
    pub(crate) fn and(&self, later: &Self) -> Self {
        let mut both = self.clone();
        let kept = Self::KEPT.saturating_sub(both.exchanges.len());
        both.exchanges.extend(later.exchanges.iter().take(kept).cloned());
        both.more += later.more + later.exchanges.len().saturating_sub(kept) as u64;
        both
    }

    /// Returns its size in memory, in bytes, roughly.
    pub(crate) fn weight(&self) -> u64 {
        let weight = |exchange: &Exchange| {
            let etag = exchange.etag.as_ref().map_or(0, String::len);
            size_of::<Exchange>() + exchange.url.len() + etag
        };
        (size_of::<Self>() + self.exchanges.iter().map(weight).sum::<usize>()) as u64
    }
}

/// One request to an upstream. Its texts are short, and can be shown on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// Where the answer came from, after redirects.
    pub url: String,
    /// The status of the answer, or why there is none.
    pub outcome: Result<u16, String>,
    /// How long it took.
    pub took: Duration,
    /// Who answered.
    pub by: AnsweredBy,
    /// The header `ETag` of the answer (RFC 9110, 8.8.3), with its quotes.
    pub etag: Option<String>,
}

impl Exchange {
    fn is_good(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|status| (200..300).contains(status))
    }
}

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnsweredBy {
    /// The upstream, with the whole answer.
    Upstream,
    /// The upstream, which said that the answer that was kept still holds.
    Confirmation,
    /// The cache of HTTP answers.
    Cache,
    /// Another call's request for the same, which was under way.
    Another,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(url: &str, outcome: Result<u16, String>) -> Exchange {
        let (method, took) = ("GET".to_owned(), Duration::ZERO);
        Exchange {
            method,
            url: url.to_owned(),
            outcome,
            took,
            by: AnsweredBy::Upstream,
            etag: None,
        }
    }

    #[test]
    fn an_answer_is_from_the_last_good_exchange() {
        let exchanges = vec![
            exchange("a", Ok(200)),
            exchange("b", Ok(204)),
            exchange("c", Ok(404)),
            exchange("d", Err("refused".to_owned())),
        ];
        let request = RequestId { daemon: 0x1a, call: 0x2b };
        let made = Made { request, exchanges, more: 0 };
        assert_eq!(made.source().unwrap().url, "b");
        assert_eq!(made.request.to_string(), "r-1a-2b");
    }
}
