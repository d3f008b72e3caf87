//! Which answers count as failures, for the rule that a failure is never shown as absence.

use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use omnifs_vfs::VfsError;
use url::Url;

use super::gate::shown_origin;

/// Returns whether a status is a failure; that something is not there, or that a part begins behind
/// the end, is an answer.
pub(super) fn is_failure(status: StatusCode) -> bool {
    let absent = matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::RANGE_NOT_SATISFIABLE
    );
    (status.is_client_error() || status.is_server_error()) && !absent
}

/// Returns what a reader gets of which only this answer could have told the truth, or none when
/// it is no failure.
pub(super) fn failure(
    method: &str,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<VfsError> {
    if !is_failure(status) {
        return None;
    }
    // Without the query, which may hold what is nobody's business.
    let text = format!("{method} {}{} answered {status}", shown_origin(url), url.path());
    let limited = headers.contains_key(RETRY_AFTER)
        || ["x-ratelimit-remaining", "ratelimit-remaining"]
            .iter()
            .any(|name| headers.get(*name).is_some_and(|value| value.as_bytes() == b"0"));
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS => VfsError::Busy(text),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN if limited => VfsError::Busy(text),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => VfsError::Denied(text),
        _ => VfsError::Upstream(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, header: Option<(&'static str, &'static str)>) -> Option<VfsError> {
        let url = Url::parse("https://a.example/x?token=1").unwrap();
        let headers = header
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        failure("GET", &url, StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn absence_and_success_are_answers() {
        for status in [200, 204, 206, 301, 304, 404, 410, 416] {
            assert_eq!(of(status, None), None, "{status}");
        }
    }

    #[test]
    fn each_failure_has_its_kind_and_says_who_answered_what() {
        let text = |what: &str| format!("GET https://a.example/x answered {what}");
        assert_eq!(of(401, None), Some(VfsError::Denied(text("401 Unauthorized"))));
        assert_eq!(of(403, None), Some(VfsError::Denied(text("403 Forbidden"))));
        assert_eq!(of(429, None), Some(VfsError::Busy(text("429 Too Many Requests"))));
        assert_eq!(of(500, None), Some(VfsError::Upstream(text("500 Internal Server Error"))));
        assert_eq!(of(400, None), Some(VfsError::Upstream(text("400 Bad Request"))));
        assert_eq!(of(503, None), Some(VfsError::Upstream(text("503 Service Unavailable"))));
    }

    #[test]
    fn a_rate_limit_is_no_missing_right() {
        for limit in [("retry-after", "5"), ("x-ratelimit-remaining", "0")] {
            assert!(matches!(of(403, Some(limit)), Some(VfsError::Busy(_))), "{limit:?}");
            assert!(matches!(of(503, Some(limit)), Some(VfsError::Busy(_))), "{limit:?}");
        }
        let left = Some(("x-ratelimit-remaining", "10"));
        assert!(matches!(of(403, left), Some(VfsError::Denied(_))));
        assert!(matches!(of(401, Some(("retry-after", "5"))), Some(VfsError::Denied(_))));
    }
}
