//! The connections of one provider: a pool for each sort of address that it may reach.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use omnifs_vfs::Clock;
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;

use super::dial::{Connector, Dialer, SocketDialer, Timed};
use super::failure::HttpFailure;
use super::gate::{Approved, Gate, Reach, Route, shown_origin};
use super::limits::HttpLimits;

/// How long a connection that nobody uses is kept.
const KEEP: Duration = Duration::from_secs(30);

/// How much larger the buffer of an HTTP/1 connection is than the headers in it may be, for the
/// rest of a line; what is over the limit for headers but fits here is refused later.
const BUFFER_MARGIN: u64 = 64 << 10;

/// The most headers of an HTTP/1 answer.
const HEADERS: usize = 500;

type Network = Client<Timed<Connector>, Full<Bytes>>;
type Socket = Client<Timed<SocketDialer>, Full<Bytes>>;

/// Whom TLS trusts: the system's certificates, and those of `[host] ca_file`.
///
/// The system's are read when the first connection with TLS is made: reading them takes longer
/// than starting a daemon.
#[derive(Debug, Clone, Default)]
pub struct Tls(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<ClientConfig, String>>,
}

/// Why `ca_file` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// It is not what it should be.
    #[error("not a file of certificates in PEM: {0}")]
    NotPem(String),
    /// It has no certificate.
    #[error("there is no certificate in it (-----BEGIN CERTIFICATE-----)")]
    Empty,
}

impl Tls {
    /// Trusts the certificates in `pem`, too.
    ///
    /// # Errors
    /// [`TlsError`] when these are none.
    pub fn trusting(pem: &[u8]) -> Result<Self, TlsError> {
        let extra: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| TlsError::NotPem(error.to_string()))?;
        if extra.is_empty() {
            return Err(TlsError::Empty);
        }
        Ok(Self(Arc::new(Shared { extra, config: OnceLock::new() })))
    }

    /// Returns what connections are made with; reads certificates the first time.
    ///
    /// # Errors
    /// [`HttpFailure::Tls`] when these cannot be used.
    pub(super) fn config(&self) -> Result<ClientConfig, HttpFailure> {
        let made = self.0.config.get_or_init(|| {
            // One crypto provider for all, whatever features other crates turn on.
            let crypto = Arc::new(rustls::crypto::ring::default_provider());
            let extra = self.0.extra.iter().cloned();
            let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
                extra,
                Arc::clone(&crypto),
            );
            let verifier = verifier.map_err(|error| error.to_string())?;
            let versions = ClientConfig::builder_with_provider(crypto)
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?;
            let verified =
                versions.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
            Ok(verified.with_no_client_auth())
        });
        made.clone().map_err(|error| {
            HttpFailure::Tls(format!("the system's certificates cannot be used: {error}"))
        })
    }
}

/// All connections of one provider.
pub(super) struct Clients {
    gate: Arc<Gate>,
    tls: Tls,
    limits: HttpLimits,
    wakes: Wakes,
    /// Made at their first use. Guards the tables only.
    network: Mutex<HashMap<Reach, Network>>,
    sockets: Mutex<HashMap<PathBuf, Socket>>,
    /// How often connections were made anew.
    renewals: watch::Sender<u64>,
}

impl Clients {
    pub(super) fn new(
        gate: Arc<Gate>,
        (tls, limits): (Tls, HttpLimits),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let wakes = Wakes::new(clock);
        let (network, sockets) = (Mutex::default(), Mutex::default());
        Self { gate, tls, limits, wakes, network, sockets, renewals: watch::Sender::new(0) }
    }

    /// Sends a request and returns when the headers of the answer are in.
    ///
    /// # Errors
    /// [`HttpFailure`] of the connection, or of what came over it.
    pub(super) async fn send(
        &self,
        to: &Approved,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, HttpFailure> {
        self.renew_after_suspension();
        let origin = || shown_origin(&to.url);
        let uri = Uri::try_from(to.url.as_str()).map_err(|error| {
            HttpFailure::Protocol(format!("{} cannot be asked for: {error}", to.url))
        })?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = to.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let mut connection = capture_connection(&mut request);
        let asked = match &to.route {
            Route::Network(reach) => self.network(*reach).request(request),
            Route::Socket(path) => self.socket(path).request(request),
        };
        let late = async {
            // A connection has a limit of its own.
            connection.wait_for_connection_metadata().await;
            tokio::time::sleep(self.limits.first_byte).await;
        };
        tokio::select! {
            answer = asked => {
                answer.map_err(|error| HttpFailure::classify(&error, &origin()))
            }
            () = late => Err(no_first_byte(&origin(), self.limits.first_byte)),
        }
    }

    /// Uses no connection any more that was made before; what is under way on one goes on.
    pub(super) fn renew(&self) {
        self.network.lock().clear();
        self.sockets.lock().clear();
        self.renewals.send_modify(|times| *times += 1);
    }

    /// Does so if the machine was suspended since somebody last looked.
    pub(super) fn renew_after_suspension(&self) {
        if self.wakes.happened() {
            self.renew();
        }
    }

    /// Returns what says when it is done.
    pub(super) fn renewals(&self) -> watch::Receiver<u64> {
        self.renewals.subscribe()
    }

    fn network(&self, reach: Reach) -> Network {
        let mut network = self.network.lock();
        let client = network.entry(reach).or_insert_with(|| {
            let dialer = Dialer { gate: Arc::clone(&self.gate), reach };
            self.pool().build(self.timed(Connector { dialer, tls: self.tls.clone() }))
        });
        client.clone()
    }

    fn socket(&self, path: &PathBuf) -> Socket {
        let mut sockets = self.sockets.lock();
        if let Some(client) = sockets.get(path) {
            return client.clone();
        }
        let client: Socket = self.pool().build(self.timed(SocketDialer { path: path.clone() }));
        sockets.entry(path.clone()).or_insert(client).clone()
    }

    fn timed<C>(&self, inner: C) -> Timed<C> {
        Timed { inner, limit: self.limits.connect }
    }

    fn pool(&self) -> Builder {
        let headers = self.limits.headers;
        let buffer = usize::try_from(headers.saturating_add(BUFFER_MARGIN)).unwrap_or(usize::MAX);
        let mut pool = Client::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP)
            .http1_max_buf_size(buffer)
            .http1_max_headers(HEADERS)
            .http2_max_header_list_size(u32::try_from(headers).unwrap_or(u32::MAX))
            .http2_adaptive_window(true);
        pool
    }
}

/// Says that an upstream took too long to begin.
pub(super) fn no_first_byte(origin: &str, limit: Duration) -> HttpFailure {
    let limit = limit.as_secs_f64();
    HttpFailure::Timeout(format!(
        "{origin} did not begin to answer within {limit} s (limits.http_first_byte)"
    ))
}

/// Notices that the machine was suspended: the other ends of its connections may have gone
/// meanwhile without a word.
struct Wakes {
    clock: Arc<dyn Clock>,
    /// How long it had been suspended at the last look.
    seen: Mutex<Duration>,
}

/// A shorter suspension is none: the two clocks are read one after the other.
const NAP: Duration = Duration::from_secs(1);

impl Wakes {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let seen = Mutex::new(clock.suspended());
        Self { clock, seen }
    }

    /// Returns whether the machine was suspended since the last look.
    fn happened(&self) -> bool {
        let suspended = self.clock.suspended();
        let mut seen = self.seen.lock();
        let happened = suspended.saturating_sub(*seen) >= NAP;
        if happened {
            *seen = suspended;
        }
        happened
    }
}

#[cfg(test)]
mod tests {
    use omnifs_vfs::TestClock;
    use tower_service::Service;

    use super::*;

    #[test]
    fn a_suspension_is_noticed_once() {
        let clock = Arc::new(TestClock::new());
        let wakes = Wakes::new(Arc::clone(&clock) as _);
        clock.advance(Duration::from_secs(3_600));
        assert!(!wakes.happened(), "time that passes is none");
        clock.suspend(Duration::from_secs(2));
        assert!(wakes.happened());
        assert!(!wakes.happened());
    }

    #[test]
    fn after_a_suspension_no_connection_from_before_is_used() {
        let clock = Arc::new(TestClock::new());
        let gate = Arc::new(Gate::new("p".into(), Vec::new(), None));
        let clients =
            Clients::new(gate, (Tls::default(), HttpLimits::default()), Arc::clone(&clock) as _);
        let path = PathBuf::from("/nowhere");
        let _pool = clients.socket(&path);
        assert_eq!(clients.sockets.lock().len(), 1);
        clock.suspend(Duration::from_secs(60));
        assert!(clients.wakes.happened());
        clients.renew();
        assert_eq!(clients.sockets.lock().len(), 0);
    }

    #[test]
    fn only_certificates_are_taken() {
        assert_eq!(Tls::trusting(b"").unwrap_err(), TlsError::Empty);
        assert_eq!(Tls::trusting(b"hello").unwrap_err(), TlsError::Empty);
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::trusting(broken), Err(TlsError::NotPem(_))));
    }

    #[tokio::test]
    async fn certificates_are_read_when_tls_is_wanted_and_not_before() {
        let gate = Arc::new(Gate::new("p".into(), Vec::new(), None));
        let tls = Tls::default();
        let dialer = Dialer { gate, reach: Reach::Loopback };
        let mut connector = Connector { dialer, tls: tls.clone() };
        // Nobody listens there.
        for (url, read) in [("http://127.0.0.1:1/", false), ("https://127.0.0.1:1/", true)] {
            assert!(connector.call(Uri::from_static(url)).await.is_err(), "{url}");
            assert_eq!(tls.0.config.get().is_some(), read, "{url}");
        }
    }
}
