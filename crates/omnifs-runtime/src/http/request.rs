//! A request as a provider asks for it, checked and made ready to send.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::failure::HttpFailure;
use super::gate::{Approved, Denied};
use super::secret::Secret;
use crate::limits::Bytes as Size;

/// What a provider may not say: it is the host's, or would be a way around it.
const FORBIDDEN: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Beginnings of further names of that kind.
const FORBIDDEN_BEGINNINGS: &[&str] = &["proxy-", "x-forwarded-"];

/// What a provider asks for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Value)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) redirects: Redirects,
    /// A shorter limit than the host's own.
    pub(crate) timeout: Option<Duration>,
    /// Whether only what the upstream has now will do: what is kept has to be confirmed by a
    /// version, and nobody's earlier request is joined.
    pub(crate) anew: bool,
}

/// What to do with an answer that redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Redirects {
    Return,
    Follow,
}

/// The value of a header.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Secret(Secret, Form),
}

/// How a secret becomes a header's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// After this text.
    After(String),
    /// As the password of this user.
    Basic(String),
}

/// A header that is ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    /// The secret that the value holds.
    pub(super) secret: Option<Secret>,
}

/// Checks the headers of a request to `to`, whose names and values are at most `limit` bytes, and
/// puts the secrets in.
///
/// # Errors
/// [`HttpFailure::Denied`] for a header that is the host's, one that is no header, or a secret
/// that may not go there; [`HttpFailure::TooLarge`].
pub(super) fn fields(
    headers: &[(String, Value)],
    to: &Approved,
    limit: u64,
) -> Result<Vec<Field>, HttpFailure> {
    let mut size = 0_u64;
    let mut fields = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let field = field(name, value, to)?;
        size += (field.name.as_str().len() + field.value.len()) as u64;
        if size > limit {
            return Err(HttpFailure::TooLarge(format!(
                "the headers of the request are over the limit of {} (limits.http_headers)",
                Size(limit)
            )));
        }
        fields.push(field);
    }
    Ok(fields)
}

fn field(name: &str, value: &Value, to: &Approved) -> Result<Field, HttpFailure> {
    let no_header = || Denied::new(format!("{name:?} cannot be a header"), "see RFC 9110, 5.1");
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| no_header())?;
    let text = parsed.as_str();
    if FORBIDDEN.contains(&text)
        || FORBIDDEN_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
    {
        let reason = format!("a provider may not set the header {text}");
        return Err(Denied::new(reason, "leave it out: the host sets what is needed").into());
    }
    let (value, secret) = match value {
        Value::Text(text) if !text.is_ascii() => (None, None),
        Value::Text(text) => (HeaderValue::from_str(text).ok(), None),
        Value::Secret(secret, form) => {
            secret.check(to)?;
            let value = match form {
                Form::After(prefix) => secret.after(prefix),
                Form::Basic(user) => secret.basic(user),
            };
            (value, Some(secret.clone()))
        }
    };
    let value = value.ok_or_else(|| {
        let reason = format!("the value of the header {text} holds a character that it cannot");
        Denied::new(reason, "send visible ASCII characters, blanks and tabs")
    })?;
    Ok(Field { name: parsed, value, secret })
}

/// Returns the body, which has at most `limit` bytes.
///
/// # Errors
/// [`HttpFailure::TooLarge`].
pub(super) fn body(body: Option<Vec<u8>>, limit: u64) -> Result<Bytes, HttpFailure> {
    let body = body.unwrap_or_default();
    if body.len() as u64 > limit {
        return Err(HttpFailure::TooLarge(format!(
            "a request body of {} bytes is over the limit of {} (limits.http_request)",
            body.len(),
            Size(limit)
        )));
    }
    Ok(body.into())
}

/// Takes what must not follow to another origin out: secrets, and credentials that the provider
/// wrote itself.
pub(super) fn drop_credentials(fields: &mut Vec<Field>) {
    let credentials = [header::AUTHORIZATION, header::COOKIE];
    fields.retain(|field| field.secret.is_none() && !credentials.contains(&field.name));
}

/// Returns the headers as they are sent; the provider's own come first, but for what decides
/// how a body is encoded, which is the host's affair.
pub(super) fn sent(fields: &[Field], agent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for Field { name, value, .. } in fields {
        headers.append(name, value.clone());
    }
    // A part of a file is a part of its bytes, not of their compressed form.
    let codings =
        if headers.contains_key(header::RANGE) { "identity" } else { "gzip, br, zstd, deflate" };
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(codings));
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    if let (header::Entry::Vacant(agents), Ok(agent)) =
        (headers.entry(header::USER_AGENT), HeaderValue::from_str(agent))
    {
        agents.insert(agent);
    }
    headers
}

/// Returns the headers for a cache: a secret stands there by its name.
pub(super) fn redacted(fields: &[Field]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for Field { name, value, secret } in fields {
        let shown = match secret {
            None => Some(value.clone()),
            Some(secret) => HeaderValue::from_str(&format!("secret {}", secret.name())).ok(),
        };
        if let Some(shown) = shown {
            headers.append(name, shown);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::super::allow::AllowEntry;
    use super::super::gate::Gate;
    use super::*;

    fn to() -> Approved {
        let entry = AllowEntry::of_origin("a.example").unwrap();
        Gate::new("p".into(), vec![entry], None).check("GET", "https://a.example/").unwrap()
    }

    fn with(headers: &[(String, Value)]) -> Result<Vec<Field>, HttpFailure> {
        fields(headers, &to(), 64 << 10)
    }

    fn text(name: &str, value: &str) -> (String, Value) {
        (name.to_owned(), Value::Text(value.to_owned()))
    }

    #[test]
    fn what_is_the_host_s_is_refused_in_any_spelling() {
        for name in [
            "Host",
            "CONTENT-LENGTH",
            "transfer-encoding",
            "Connection",
            "Upgrade",
            "TE",
            "Trailer",
            "Expect",
            "Proxy-Authorization",
            "proxy-anything",
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-host",
            "Keep-Alive",
            "HTTP2-Settings",
        ] {
            let failure = with(&[text(name, "x")]).unwrap_err();
            assert!(matches!(failure, HttpFailure::Denied(_)), "{name}");
        }
        for name in ["Accept", "X-Forward", "If-None-Match", "Authorization", "Range", "Referer"] {
            assert!(with(&[text(name, "x")]).is_ok(), "{name}");
        }
    }

    #[test]
    fn no_second_header_comes_in_with_a_first() {
        for (name, value) in [
            ("a b", "x"),
            ("a:b", "x"),
            ("a\r\nhost", "x"),
            ("", "x"),
            ("x", "a\r\nhost: b"),
            ("x", "a\nb"),
            ("x", "a\0b"),
            ("x", "é"),
        ] {
            assert!(with(&[text(name, value)]).is_err(), "{name:?}: {value:?}");
        }
        assert!(with(&[text("x", &"y".repeat(64 << 10))]).is_err());
    }

    #[test]
    fn secrets_and_credentials_do_not_follow_to_another_origin() {
        let secret = Secret::new("K".to_owned(), b"hunter2hunter2", Vec::new()).unwrap();
        let own = ("x-key".to_owned(), Value::Secret(secret, Form::After("token ".to_owned())));
        let mut fields =
            with(&[own, text("authorization", "mine"), text("cookie", "a"), text("x", "y")])
                .unwrap();
        assert_eq!(sent(&fields, "a")["x-key"], "token hunter2hunter2");
        let kept = redacted(&fields);
        assert_eq!(kept["x-key"], "secret K");
        drop_credentials(&mut fields);
        assert_eq!(fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["x"]);
    }
}
