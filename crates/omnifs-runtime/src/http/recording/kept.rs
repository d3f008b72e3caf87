//! What a recording keeps of headers and URLs, and what it leaves out.

use hyper::Method;
use hyper::header::{self, HeaderName};
use url::Url;

/// Names in a URL's query that stand before a credential.
const CREDENTIALS: &[&str] = &[
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "auth_token",
    "authorization",
    "client_secret",
    "id_token",
    "jwt",
    "key",
    "passwd",
    "password",
    "private_token",
    "refresh_token",
    "secret",
    "session",
    "sig",
    "signature",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-credential",
    "x-goog-signature",
];

/// Parts of a header's name that say that a credential is in it.
const CONFIDENTIAL: &[&str] = &[
    "access-token",
    "api-key",
    "auth",
    "cookie",
    "credential",
    "csrf",
    "password",
    "private-token",
    "secret",
    "security-token",
    "session",
];

/// Headers of answers that are about the connection or the moment, not about what was asked for.
const PASSING: &[&str] = &[
    "age",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "date",
    "expires",
    "keep-alive",
    "nel",
    "report-to",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
];

/// Beginnings of further names of that kind.
const PASSING_BEGINNINGS: &[&str] = &["access-control-", "ratelimit-", "x-ratelimit-"];

/// Returns whether a header of an answer to a request with this method is kept.
pub(super) fn keeps_of_answer(name: &HeaderName, method: &Method) -> bool {
    if name == header::CONTENT_LENGTH && method == Method::HEAD {
        // What was asked for.
        return true;
    }
    let name = name.as_str();
    !PASSING.contains(&name)
        && !PASSING_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        && !name.ends_with("request-id")
        && !is_confidential(name)
}

/// Returns whether a header of a request is kept, when no secret is in it.
pub(super) fn keeps_of_request(name: &HeaderName) -> bool {
    !is_confidential(name.as_str())
}

fn is_confidential(name: &str) -> bool {
    CONFIDENTIAL.iter().any(|part| name.contains(part))
}

/// Returns a URL as a recording has it: without what stands for a credential in its query.
pub(super) fn url(url: &Url) -> String {
    let mut kept = url.clone();
    kept.set_fragment(None);
    if let Some(query) = url.query() {
        let query = without_credentials(query).join("&");
        kept.set_query((!query.is_empty()).then_some(query.as_str()));
    }
    kept.into()
}

/// Returns the pairs of a query that are kept.
fn without_credentials(query: &str) -> Vec<&str> {
    query.split('&').filter(|pair| !is_credential(pair)).collect()
}

fn is_credential(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    CREDENTIALS.contains(&name.as_str())
}

/// Returns the value of a `Link` or `Location` without the credentials in its URLs.
pub(super) fn links(value: &str) -> String {
    // A query ends where the URL does: at `>` in a `Link`, and at the end in a `Location`.
    let mut kept = String::new();
    for (at, piece) in value.split('?').enumerate() {
        if at == 0 {
            kept.push_str(piece);
            continue;
        }
        let (query, rest) = piece.find('>').map_or((piece, ""), |end| piece.split_at(end));
        let pairs = without_credentials(query);
        if !pairs.is_empty() {
            kept.push('?');
            kept.push_str(&pairs.join("&"));
        }
        kept.push_str(rest);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_query_are_left_out() {
        for (from, to) in [
            ("https://a.example/x?api_key=1&page=2#f", "https://a.example/x?page=2"),
            ("https://a.example/x?Access_Token=1", "https://a.example/x"),
            ("https://a.example/x?page_token=1&a=%20b", "https://a.example/x?page_token=1&a=%20b"),
        ] {
            assert_eq!(url(&Url::parse(from).unwrap()), to);
        }
        let link = "<https://a.example/x?token=1&page=2>; rel=next, </y?sig=2>; rel=last";
        assert_eq!(links(link), "<https://a.example/x?page=2>; rel=next, </y>; rel=last");
        assert_eq!(links("/x?a=1&password=2"), "/x?a=1");
    }

    #[test]
    fn the_sdk_and_the_page_know_the_same_credentials() {
        let sdk = include_str!("../../../../omnifs-provider/src/testing/exchanges.rs");
        let (_, list) = sdk.split_once("const CREDENTIALS: &str = \"\\\n").unwrap();
        let list = list.split_once("\";").unwrap().0.replace('\\', "");
        let there: Vec<&str> = list.split_whitespace().collect();
        assert_eq!(there, CREDENTIALS);
        let page = include_str!("../../../../../docs/testing.md");
        for name in CREDENTIALS {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn headers_that_matter_are_kept() {
        let name = |text: &str| HeaderName::try_from(text).unwrap();
        for kept in ["content-type", "link", "etag", "x-total-count", "cache-control", "location"] {
            assert!(keeps_of_answer(&name(kept), &Method::GET), "{kept}");
        }
        for left_out in ["set-cookie", "date", "x-request-id", "www-authenticate", "x-auth-token"] {
            assert!(!keeps_of_answer(&name(left_out), &Method::HEAD), "{left_out}");
        }
        let length = name("content-length");
        assert!(keeps_of_answer(&length, &Method::HEAD) && !keeps_of_answer(&length, &Method::GET));
        assert!(keeps_of_request(&name("accept")) && !keeps_of_request(&name("authorization")));
    }
}
