//! Why a request has no answer, or one that counts as a failure.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use omnifs_vfs::VfsError;

use super::gate::Denied;

/// A request without an answer. Texts name the upstream and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpFailure {
    /// The gate refused it, or a secret may not be used so.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The name has no address.
    #[error("{0}")]
    Dns(String),
    /// No way to the address.
    #[error("{0}")]
    Unreachable(String),
    /// Nobody listens.
    #[error("{0}")]
    Refused(String),
    /// The connection ended before the answer did.
    #[error("{0}")]
    Reset(String),
    /// No trusted session.
    #[error("{0}")]
    Tls(String),
    /// What came is not HTTP, or not as it may be.
    #[error("{0}")]
    Protocol(String),
    /// The body is shorter than was said.
    #[error("{0}")]
    Short(String),
    /// A time limit passed.
    #[error("{0}")]
    Timeout(String),
    /// A size limit was passed.
    #[error("{0}")]
    TooLarge(String),
    /// It has to wait longer than it may.
    #[error("{reason}")]
    RateLimited {
        /// Who asks it to wait.
        reason: String,
        /// For how long, when that is known.
        wait: Option<Duration>,
    },
    /// The answer holds a secret's value.
    #[error(
        "the answer of {origin} holds the value of the secret {name:?}, and is not given to the provider"
    )]
    SecretEcho {
        /// Who answered.
        origin: String,
        /// The secret's name.
        name: String,
    },
}

impl HttpFailure {
    /// Returns whether the same request may fare better a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Reset(_) | Self::Short(_) => true,
            Self::Denied(_)
            | Self::Dns(_)
            | Self::Unreachable(_)
            | Self::Tls(_)
            | Self::Protocol(_)
            | Self::Timeout(_)
            | Self::TooLarge(_)
            | Self::RateLimited { .. }
            | Self::SecretEcho { .. } => false,
        }
    }

    /// Returns what the reader of a file gets that could not be made because of this.
    pub(crate) fn to_vfs(&self) -> VfsError {
        let text = self.to_string();
        match self {
            Self::Denied(_) | Self::SecretEcho { .. } => VfsError::Denied(text),
            Self::Dns(_) | Self::Unreachable(_) => VfsError::Unreachable(text),
            Self::Refused(_) => VfsError::Refused(text),
            Self::Reset(_) => VfsError::Reset(text),
            Self::Tls(_) | Self::Protocol(_) => VfsError::Protocol(text),
            Self::Short(_) => VfsError::Upstream(text),
            Self::Timeout(_) => VfsError::TimedOut(text),
            Self::TooLarge(_) => VfsError::TooLarge(text),
            Self::RateLimited { .. } => VfsError::Busy(text),
        }
    }

    /// Finds out what went wrong below a client, a body or a decoder; `origin` is the upstream.
    pub(super) fn classify(error: &(dyn StdError + 'static), origin: &str) -> Self {
        let mut at = Some(error);
        let mut incomplete = false;
        let mut outermost: Option<&io::Error> = None;
        while let Some(error) = at {
            if let Some(own) = error.downcast_ref::<Self>() {
                return own.clone();
            }
            if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
                incomplete |= hyper.is_incomplete_message();
                if hyper.is_parse_too_large() {
                    return Self::TooLarge(format!("the headers of {origin} are over 64 KiB"));
                }
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                outermost.get_or_insert(io);
                // Their own `source` skips what they hold.
                match io.get_ref() {
                    Some(inner) => {
                        at = Some(inner);
                        continue;
                    }
                    None => return Self::of_io(io, origin),
                }
            }
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::Tls(format!("no trusted TLS session with {origin}: {tls}"));
            }
            at = error.source();
        }
        if let Some(io) = outermost.filter(|io| io.kind() != io::ErrorKind::Other) {
            return Self::of_io(io, origin);
        }
        if incomplete {
            return Self::Reset(format!("{origin} ended the connection before it answered"));
        }
        Self::Protocol(format!("what {origin} sent is not HTTP ({})", root(error)))
    }

    /// Returns what an error of the operating system means.
    pub(super) fn of_io(error: &io::Error, origin: &str) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Self::Refused(format!("{origin} refuses connections")),
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
                Self::Reset(format!("{origin} broke the connection"))
            }
            // Also how a session without its proper end shows.
            Kind::UnexpectedEof => {
                Self::Short(format!("{origin} ended the connection before the answer's end"))
            }
            Kind::TimedOut => Self::Timeout(format!("{origin} does not answer")),
            Kind::InvalidData | Kind::InvalidInput => {
                Self::Protocol(format!("what {origin} sent cannot be decoded: {error}"))
            }
            _ => Self::Unreachable(format!("{origin} cannot be reached: {error}")),
        }
    }
}

fn root(error: &(dyn StdError + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_io_error_holds_counts() {
        let inner = HttpFailure::Dns("x".to_owned());
        let outer = io::Error::other(io::Error::other(inner.clone()));
        assert_eq!(HttpFailure::classify(&outer, "o"), inner);
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert!(matches!(HttpFailure::classify(&tls, "o"), HttpFailure::Tls(_)));
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(matches!(HttpFailure::classify(&refused, "o"), HttpFailure::Refused(_)));
        let short = io::Error::new(io::ErrorKind::UnexpectedEof, "a length was said");
        assert!(matches!(HttpFailure::classify(&short, "o"), HttpFailure::Short(_)));
        let short = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(matches!(HttpFailure::classify(&short, "o"), HttpFailure::Short(_)));
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        assert!(HttpFailure::Reset(String::new()).is_passing());
        assert!(!HttpFailure::Timeout(String::new()).is_passing());
        assert!(!HttpFailure::Denied(Denied::new("a", "b")).is_passing());
    }
}
