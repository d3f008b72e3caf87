//! The one error of this crate.

use std::fmt;

use crate::bindings::omnifs::provider::http::HttpError;

/// Why a request, an answer or the configuration gave nothing to show.
///
/// Everything here that can fail returns it, so `?` works through a whole function:
/// [`HttpError`] of the raw calls turns into it, too. [`Error::new`] is for reasons of the
/// provider's own.
///
/// `Display` names the URL, where there is one, and the reason; for [`HttpError::Denied`] the
/// reason holds the line of `providers.toml` that would grant the request.
///
/// ```
/// use omnifs_provider::http::{Error, HttpError};
///
/// let error = Error::from(HttpError::Timeout);
/// assert!(error.is_timeout() && error.is_known_to_host());
/// assert_eq!(error.to_string(), "a time limit passed");
/// ```
#[derive(Debug, Clone)]
pub struct Error {
    url: Option<String>,
    reason: Reason,
}

#[derive(Debug, Clone)]
enum Reason {
    /// The host has no answer.
    Host(HttpError),
    /// The upstream's answer has this status.
    Status(u16),
    /// What only the provider finds out.
    Own(String),
    /// As `Own`: there is no such thing.
    Absent(String),
    /// As `Own`: the upstream could not answer.
    Unavailable(String),
}

impl Error {
    /// Returns an error with this reason: lower case, without a full stop, with the value
    /// that was wrong.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { url: None, reason: Reason::Own(reason.into()) }
    }

    /// Returns the error of an upstream that says, in the words of its own protocol, that there is no
    /// such thing, as status 404 does.
    ///
    /// ```
    /// assert!(omnifs_provider::Error::not_found("nowhere.example: NXDOMAIN").is_not_found());
    /// ```
    #[must_use]
    pub fn not_found(reason: impl Into<String>) -> Self {
        Self { url: None, reason: Reason::Absent(reason.into()) }
    }

    /// Returns the error of an upstream that says, in the words of its own protocol, that it cannot
    /// answer, as status 503 does: what was read before goes on being served.
    ///
    /// The host sees no failure in such an answer, so it has to be returned as an error; see
    /// [`is_known_to_host`](Self::is_known_to_host).
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { url: None, reason: Reason::Unavailable(reason.into()) }
    }

    /// Returns the error of an answer with this status.
    pub(crate) fn of_status(status: u16) -> Self {
        Self { url: None, reason: Reason::Status(status) }
    }

    /// Returns the same error about this URL.
    pub(crate) fn at(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }

    /// Returns the URL that was asked for or that answered, if the error is about one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Returns the status of the answer, when that is the reason.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.reason {
            Reason::Status(status) => Some(status),
            Reason::Host(_) | Reason::Own(_) | Reason::Absent(_) | Reason::Unavailable(_) => None,
        }
    }

    /// Returns why the host has no answer, when that is the reason.
    #[must_use]
    pub fn host_error(&self) -> Option<&HttpError> {
        match &self.reason {
            Reason::Host(error) => Some(error),
            Reason::Status(_) | Reason::Own(_) | Reason::Absent(_) | Reason::Unavailable(_) => None,
        }
    }

    /// Returns whether the upstream says that there is no such thing: status 404 or 410, or
    /// [`not_found`](Self::not_found).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.reason, Reason::Status(404 | 410) | Reason::Absent(_))
    }

    /// Returns whether it was made by [`unavailable`](Self::unavailable).
    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self.reason, Reason::Unavailable(_))
    }

    /// Returns whether the user or the upstream does not permit it: not granted, an echoed
    /// secret, status 401 or 403.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(
            self.reason,
            Reason::Status(401 | 403) | Reason::Host(HttpError::Denied(_) | HttpError::SecretEcho)
        )
    }

    /// Returns whether the upstream asks to wait: it told the host so, or status 429.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.reason, Reason::Status(429) | Reason::Host(HttpError::RateLimited(_)))
    }

    /// Returns whether a time limit passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::Host(HttpError::Timeout))
    }

    /// Returns whether the host saw this failure itself: it has no answer, or the answer has
    /// a status of 400 or above other than 404 and 410.
    ///
    /// Then an empty result is all that is needed: the host answers the reader with the
    /// errno of the failure. Of anything else (a body that is no JSON, a missing key of the
    /// configuration) it knows nothing, and an empty result would be shown as the truth: say
    /// it in a file.
    #[must_use]
    pub fn is_known_to_host(&self) -> bool {
        match self.reason {
            Reason::Host(_) => true,
            Reason::Status(status) => status >= 400 && !self.is_not_found(),
            Reason::Own(_) | Reason::Absent(_) | Reason::Unavailable(_) => false,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self { url: None, reason: Reason::Host(error) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.url, &self.reason) {
            (Some(url), Reason::Status(status)) => write!(f, "{url} answered {status}"),
            (None, Reason::Status(status)) => write!(f, "the upstream answered {status}"),
            (Some(url), reason) => write!(f, "{url}: {reason}"),
            (None, reason) => write!(f, "{reason}"),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Own(reason) | Self::Absent(reason) | Self::Unavailable(reason) => {
                f.write_str(reason)
            }
            // The text is the host's, for the user, and says all of it.
            Self::Host(
                HttpError::Denied(why)
                | HttpError::Dns(why)
                | HttpError::Connect(why)
                | HttpError::Tls(why)
                | HttpError::Protocol(why),
            ) => f.write_str(why),
            Self::Host(HttpError::Timeout) => f.write_str("a time limit passed"),
            Self::Host(HttpError::TooLarge) => f.write_str("the answer is over a size limit"),
            Self::Host(HttpError::RateLimited(None)) => f.write_str("the upstream asks to wait"),
            Self::Host(HttpError::RateLimited(Some(seconds))) => {
                write!(f, "the upstream asks to wait {seconds} s")
            }
            Self::Host(HttpError::SecretEcho) => {
                f.write_str("the answer contains the value of a secret")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_url_and_the_reason() {
        let url = "https://api.example.com/items";
        for (error, text) in [
            (Error::of_status(503), "the upstream answered 503"),
            (Error::of_status(404).at(url), "https://api.example.com/items answered 404"),
            (Error::new("no items"), "no items"),
            (Error::new("no items").at(url), "https://api.example.com/items: no items"),
            (
                Error::from(HttpError::RateLimited(Some(30))).at(url),
                "https://api.example.com/items: the upstream asks to wait 30 s",
            ),
            (HttpError::Denied("add \"x\"".into()).into(), "add \"x\""),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn the_host_knows_what_it_saw_fail_and_404_is_an_answer() {
        let known = [
            Error::of_status(400),
            Error::of_status(401),
            Error::of_status(429),
            Error::of_status(500),
            HttpError::SecretEcho.into(),
        ];
        let unknown = [
            Error::of_status(301),
            Error::of_status(404),
            Error::of_status(410),
            Error::new("the body is no JSON"),
            Error::not_found("NXDOMAIN"),
            Error::unavailable("SERVFAIL"),
        ];
        assert!(known.iter().all(Error::is_known_to_host));
        assert!(!unknown.iter().any(Error::is_known_to_host));
    }

    #[test]
    fn kinds_of_errors() {
        assert!(Error::of_status(410).is_not_found());
        assert!(!Error::of_status(403).is_not_found());
        let (absent, failed) = (Error::not_found("NXDOMAIN"), Error::unavailable("SERVFAIL"));
        assert!(absent.is_not_found() && !absent.is_unavailable());
        assert!(failed.is_unavailable() && !failed.is_not_found());
        assert_eq!(
            (absent.to_string(), failed.to_string()),
            ("NXDOMAIN".into(), "SERVFAIL".into())
        );
        assert!(Error::of_status(403).is_denied());
        assert!(Error::from(HttpError::Denied(String::new())).is_denied());
        assert!(Error::of_status(429).is_rate_limited());
        assert!(Error::from(HttpError::RateLimited(None)).is_rate_limited());
        assert!(!Error::new("").is_denied());
        assert_eq!(Error::of_status(418).status(), Some(418));
        assert!(matches!(Error::from(HttpError::Timeout).host_error(), Some(HttpError::Timeout)));
    }
}
