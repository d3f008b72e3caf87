//! Secrets: values that the host puts into requests and that nothing else ever shows.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

use super::address::is_loopback;
use super::allow::{HostPattern, Origin, Scheme};
use super::echo::Needles;
use super::gate::{Approved, Denied, Route, shown_origin};

/// One secret that the user granted.
///
/// Its value has no way out but the header of a request that passed the gate: there is no
/// `Display`, no `Serialize`, and `Debug` shows the name alone. The memory is wiped when the last
/// user is gone.
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    name: String,
    value: Zeroizing<Vec<u8>>,
    hosts: Vec<Origin>,
    needles: Needles,
}

/// Why a value cannot be used as a secret. The text does not hold the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It cannot stand in a header.
    #[error("it holds a character that cannot stand in a header (a line end inside, for example)")]
    NotAHeader,
}

impl Secret {
    /// Returns the secret `name`, which may be sent to `hosts`, or wherever its provider may go
    /// when these are none. White space around the value is not part of it: files end in a line
    /// end, and so does what programs print.
    ///
    /// # Errors
    /// [`SecretError`] when the value cannot be sent.
    pub fn new(name: String, value: &[u8], hosts: Vec<Origin>) -> Result<Self, SecretError> {
        let value = Zeroizing::new(value.trim_ascii().to_vec());
        if value.is_empty() {
            return Err(SecretError::Empty);
        }
        if HeaderValue::from_bytes(&value).is_err() {
            return Err(SecretError::NotAHeader);
        }
        let needles = Needles::of(&value);
        Ok(Self(Arc::new(Inner { name, value, hosts, needles })))
    }

    /// Returns the name that the provider knows it by.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the forms in which an answer would give the value away.
    pub(super) fn needles(&self) -> &Needles {
        &self.0.needles
    }

    /// Checks that the value may go where a request goes.
    pub(super) fn check(&self, to: &Approved) -> Result<(), Denied> {
        let name = self.name();
        let shown = shown_origin(&to.url);
        let origin = Origin::of(&to.url).filter(|origin| is_confidential(origin, &to.route));
        let Some(origin) = origin else {
            return Err(Denied::new(
                format!("the secret {name:?} does not go to {shown}"),
                "secrets travel over https, or http to this machine's own address, only",
            ));
        };
        if self.0.hosts.is_empty() || self.0.hosts.iter().any(|host| host.covers(&origin)) {
            return Ok(());
        }
        Err(Denied::new(
            format!("the secret {name:?} may not be sent to {shown}"),
            format!("add the host to `hosts` of the secret {name:?} in providers.toml"),
        ))
    }

    /// Returns the value after a fixed text, as a header.
    pub(super) fn after(&self, prefix: &str) -> Option<HeaderValue> {
        let mut text = Zeroizing::new(prefix.as_bytes().to_vec());
        text.extend_from_slice(&self.0.value);
        sensitive(&text)
    }

    /// Returns the value as the password of `user` (RFC 7617).
    pub(super) fn basic(&self, user: &str) -> Option<HeaderValue> {
        if user.contains(':') {
            return None;
        }
        let mut pair = Zeroizing::new(format!("{user}:").into_bytes());
        pair.extend_from_slice(&self.0.value);
        let encoded = Zeroizing::new(STANDARD.encode(&pair));
        sensitive(format!("Basic {}", *encoded).as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?}, [redacted])", self.0.name)
    }
}

fn sensitive(text: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text).ok()?;
    // Not shown by Debug, and never put into HTTP/2's tables.
    value.set_sensitive(true);
    Some(value)
}

/// Returns whether nobody on the way can read a request.
fn is_confidential(origin: &Origin, route: &Route) -> bool {
    let own = match &origin.host {
        HostPattern::Address(address) => is_loopback(*address),
        // Its addresses are checked when it is dialled.
        HostPattern::Name(name) => name == "localhost",
        HostPattern::Below(_) => false,
    };
    match route {
        Route::Network(_) => origin.scheme == Scheme::Https || own,
        Route::Socket(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::allow::AllowEntry;
    use super::super::gate::Gate;
    use super::*;

    fn secret(value: &str, hosts: &[&str]) -> Result<Secret, SecretError> {
        let hosts = hosts.iter().map(|host| Origin::parse(host).unwrap()).collect();
        Secret::new("K".to_owned(), value.as_bytes(), hosts)
    }

    fn approved(url: &str, entry: &str) -> Approved {
        let entry = AllowEntry::of_origin(entry).unwrap();
        Gate::new("p".into(), vec![entry], None).check("GET", url).unwrap()
    }

    #[test]
    fn it_shows_its_name_alone() {
        let secret = secret("hunter2hunter2", &[]).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(\"K\", [redacted])");
        assert_eq!(format!("{:?}", secret.after("Bearer ").unwrap()), "Sensitive");
    }

    #[test]
    fn a_value_that_cannot_stand_in_a_header_is_refused() {
        assert_eq!(secret(" \n", &[]).unwrap_err(), SecretError::Empty);
        assert_eq!(secret("a\nb", &[]).unwrap_err(), SecretError::NotAHeader);
        assert_eq!(secret("value\n", &[]).unwrap().after("").unwrap(), "value");
        assert_eq!(secret("b", &[]).unwrap().basic("a").unwrap(), "Basic YTpi");
        assert_eq!(secret("b", &[]).unwrap().basic("a:c"), None);
    }

    #[test]
    fn it_goes_over_https_or_to_this_machine_only() {
        let secret = secret("value", &[]).unwrap();
        for (url, entry) in [
            ("https://a.example/", "a.example"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::1]/", "http://[::1]"),
            ("http://localhost/", "http://localhost"),
        ] {
            assert!(secret.check(&approved(url, entry)).is_ok(), "{url}");
        }
        for (url, entry) in [
            ("http://a.example/", "http://a.example"),
            ("http://10.0.0.1/", "http://10.0.0.1"),
            ("http://localhost.example/", "http://localhost.example"),
        ] {
            assert!(secret.check(&approved(url, entry)).is_err(), "{url}");
        }
    }

    #[test]
    fn its_hosts_narrow_where_it_goes() {
        let secret = secret("value", &["a.example", "*.b.example", "c.example:8443"]).unwrap();
        for host in ["a.example", "x.b.example", "c.example:8443"] {
            assert!(secret.check(&approved(&format!("https://{host}/"), host)).is_ok(), "{host}");
        }
        for host in ["x.a.example", "b.example", "c.example", "a.example:444"] {
            let denied = secret.check(&approved(&format!("https://{host}/"), host)).unwrap_err();
            assert!(denied.to_string().contains("`hosts` of the secret \"K\""), "{denied}");
        }
    }
}
