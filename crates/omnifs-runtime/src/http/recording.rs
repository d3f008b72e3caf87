//! Recorded exchanges: what upstreams answered, in a file that people read and edit.
//!
//! `docs/testing.md` describes the file. The SDK reads the same one for tests without a host.

mod kept;
mod replay;
mod tape;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use url::Url;

pub use replay::{Fault, Replay};
pub(super) use tape::Tape;
pub use tape::{Recorder, Unrecordable};

use super::failure::HttpFailure;

/// What answers the requests of a provider that passed all checks.
#[derive(Debug, Clone, Default)]
pub enum Upstreams {
    /// The network.
    #[default]
    Network,
    /// The network, and what it answers is written down.
    Watched(Arc<Recorder>),
    /// A recording, and no network.
    Recorded(Arc<Replay>),
}

/// One file of recorded exchanges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// How it came to be.
    pub made: MadeBy,
    /// In the order of their first requests.
    pub exchanges: Vec<Recorded>,
}

/// How a recording came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MadeBy {
    /// `omnifs test --record` wrote down what an upstream answered.
    #[serde(rename = "recorded")]
    Recorder,
    /// Somebody wrote it.
    #[serde(rename = "by hand")]
    Hand,
}

/// One exchange: a request, and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    request: Asked,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Answered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failed>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, HeaderText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, HeaderText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// The value of a header, the values of several of one name, or the secret that it was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderText {
    Text(String),
    Several(Vec<String>),
    Secret { secret: String },
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Failed {
    Dns,
    Unreachable,
    Refused,
    Reset,
    Tls,
    Protocol,
    Timeout,
    TooLarge,
}

impl Recording {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let recording: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (at, exchange) in recording.exchanges.iter().enumerate() {
            let wrong = |why: String| format!("exchange {}: {why}", at + 1);
            exchange.check().map_err(wrong)?;
        }
        Ok(recording)
    }

    /// Returns the text of its file.
    pub fn text(&self) -> String {
        // Keys are texts and numbers are whole: it can be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Recorded {
    /// Returns method and URL, as in messages.
    pub fn request(&self) -> String {
        format!("{} {}", self.request.method, self.request.url)
    }

    fn check(&self) -> Result<(), String> {
        let url = &self.request.url;
        Url::parse(url).map_err(|error| format!("{url:?} is no URL: {error}"))?;
        bytes(self.request.body.as_ref(), self.request.body_base64.as_ref())?;
        match (&self.response, self.error) {
            (Some(response), None) if (100..1_000).contains(&response.status) => {
                bytes(response.body.as_ref(), response.body_base64.as_ref()).map(|_| ())
            }
            (Some(Answered { status, .. }), None) => Err(format!("{status} is no status")),
            (None, Some(_)) => Ok(()),
            _ => Err("it needs a `response` or an `error`, and not both".to_owned()),
        }
    }
}

/// Returns the bytes of a body: of a text, of JSON without white space, or of base64.
fn bytes(
    body: Option<&serde_json::Value>,
    base64: Option<&String>,
) -> Result<Option<Bytes>, String> {
    Ok(match (body, base64) {
        (None, None) => None,
        (Some(serde_json::Value::String(text)), None) => Some(text.clone().into()),
        (Some(value), None) => Some(value.to_string().into()),
        (None, Some(text)) => {
            let decoded = STANDARD.decode(text);
            Some(decoded.map_err(|error| format!("body_base64: {error}"))?.into())
        }
        (Some(_), Some(_)) => {
            return Err("it has a `body` and a `body_base64`: one is enough".to_owned());
        }
    })
}

/// Writes a body down in the form that reads best and gives the same bytes.
fn written(body: &[u8]) -> (Option<serde_json::Value>, Option<String>) {
    let Ok(text) = std::str::from_utf8(body) else { return (None, Some(STANDARD.encode(body))) };
    let value = serde_json::from_str::<serde_json::Value>(text);
    let again = |value: &serde_json::Value| {
        !value.is_string() && serde_json::to_string(value).is_ok_and(|again| again == text)
    };
    let same = value.ok().filter(again);
    (Some(same.unwrap_or_else(|| text.into())), None)
}

impl Failed {
    fn of(failure: &HttpFailure) -> Option<Self> {
        Some(match failure {
            HttpFailure::Dns(_) => Self::Dns,
            HttpFailure::Unreachable(_) => Self::Unreachable,
            HttpFailure::Refused(_) => Self::Refused,
            HttpFailure::Reset(_) | HttpFailure::Short(_) => Self::Reset,
            HttpFailure::Tls(_) => Self::Tls,
            HttpFailure::Protocol(_) => Self::Protocol,
            HttpFailure::Timeout(_) => Self::Timeout,
            HttpFailure::TooLarge(_) => Self::TooLarge,
            // The host's own: a replay comes to the same by itself.
            HttpFailure::Denied(_)
            | HttpFailure::RateLimited { .. }
            | HttpFailure::SecretEcho { .. } => return None,
        })
    }

    fn failure(self, origin: &str) -> HttpFailure {
        let recorded = |what: &str| format!("{origin} {what} (recorded)");
        match self {
            Self::Dns => HttpFailure::Dns(recorded("has no address")),
            Self::Unreachable => HttpFailure::Unreachable(recorded("cannot be reached")),
            Self::Refused => HttpFailure::Refused(recorded("refuses connections")),
            Self::Reset => HttpFailure::Reset(recorded("broke the connection")),
            Self::Tls => HttpFailure::Tls(recorded("has no trusted TLS session")),
            Self::Protocol => HttpFailure::Protocol(recorded("does not speak HTTP")),
            Self::Timeout => HttpFailure::Timeout(recorded("does not answer")),
            Self::TooLarge => HttpFailure::TooLarge(recorded("sends too much")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_as_it_was_read() {
        let text = r#"{
  "made": "by hand",
  "exchanges": [
    {
      "request": {
        "method": "GET",
        "url": "https://a.example/x?page=1",
        "headers": {
          "authorization": {
            "secret": "K"
          }
        }
      },
      "response": {
        "status": 200,
        "headers": {
          "link": [
            "</a>",
            "</b>"
          ]
        },
        "body": [
          {
            "id": 1
          }
        ]
      }
    },
    {
      "request": {
        "method": "POST",
        "url": "https://a.example/y",
        "body": "text"
      },
      "error": "refused"
    }
  ]
}
"#;
        let recording = Recording::parse(text).unwrap();
        assert_eq!(recording.text(), text);
        let response = recording.exchanges[0].response.as_ref().unwrap();
        let body = bytes(response.body.as_ref(), None).unwrap().unwrap();
        assert_eq!(body, r#"[{"id":1}]"#);
    }

    #[test]
    fn a_body_is_written_so_that_the_same_bytes_come_back() {
        for body in [
            b"".as_slice(),
            b"text",
            b"\"a string\"",
            b"{\"a\":1,\"b\":[null]}",
            b"{\"b\":1,\"a\":2}",
            b"{ \"a\": 1.50 }",
            b"\xff\0",
        ] {
            let (text, base64) = written(body);
            assert_eq!(bytes(text.as_ref(), base64.as_ref()).unwrap().unwrap(), body);
        }
        assert!(written(b"[1]").0.unwrap().is_array());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let file = |exchange: &str| {
            Recording::parse(&format!(r#"{{"made": "by hand", "exchanges": [{exchange}]}}"#))
        };
        let request = r#""request": {"method": "GET", "url": "https://a.example/"}"#;
        for (exchange, said) in [
            (format!("{{{request}}}"), "exchange 1: it needs a `response` or an `error`"),
            (format!(r#"{{{request}, "error": "gone"}}"#), "unknown variant `gone`"),
            (format!(r#"{{{request}, "response": {{"status": 20}}}}"#), "20 is no status"),
            (
                format!(r#"{{{request}, "response": {{"status": 200, "body_base64": "!"}}}}"#),
                "exchange 1: body_base64: ",
            ),
            (
                r#"{"request": {"method": "GET", "url": "/x"}, "error": "dns"}"#.to_owned(),
                "\"/x\" is no URL",
            ),
        ] {
            let error = file(&exchange).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(Recording::parse("{}").unwrap_err().contains("missing field `made`"));
    }
}
