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
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::dial::{Dialer, SocketDialer, Timed};
use super::failure::HttpFailure;
use super::gate::{Approved, Gate, Reach, Route, shown_origin};

/// How long a connection that nobody uses is kept.
const KEEP: Duration = Duration::from_secs(30);

/// How long an upstream may take from a request to its first byte.
const FIRST_BYTE: Duration = Duration::from_secs(10);

/// The buffer of an HTTP/1 connection, which bounds its headers; what is over the limit for
/// headers but fits here is refused later.
const BUFFER: usize = 128 << 10;

/// The most headers of an HTTP/1 answer.
const HEADERS: usize = 500;

type Network = Client<Timed<HttpsConnector<Dialer>>, Full<Bytes>>;
type Socket = Client<Timed<SocketDialer>, Full<Bytes>>;

/// Whom TLS trusts: the system's certificates, and those of `[host] ca_file`.
///
/// The system's are read when the first connection is made: reading them takes longer than
/// starting a daemon.
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

    fn config(&self) -> Result<ClientConfig, HttpFailure> {
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
    /// Made at their first use. Guards the tables only.
    network: Mutex<HashMap<Reach, Network>>,
    sockets: Mutex<HashMap<PathBuf, Socket>>,
}

impl Clients {
    pub(super) fn new(gate: Arc<Gate>, tls: Tls) -> Self {
        Self { gate, tls, network: Mutex::default(), sockets: Mutex::default() }
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
        let origin = shown_origin(&to.url);
        let uri = Uri::try_from(to.url.as_str()).map_err(|error| {
            HttpFailure::Protocol(format!("{} cannot be asked for: {error}", to.url))
        })?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = to.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let mut connection = capture_connection(&mut request);
        let asked = match &to.route {
            Route::Network(reach) => self.network(*reach)?.request(request),
            Route::Socket(path) => self.socket(path).request(request),
        };
        let late = async {
            // A connection has a limit of its own.
            connection.wait_for_connection_metadata().await;
            tokio::time::sleep(FIRST_BYTE).await;
        };
        tokio::select! {
            answer = asked => {
                answer.map_err(|error| HttpFailure::classify(&error, &origin))
            }
            () = late => Err(HttpFailure::Timeout(format!(
                "{origin} did not begin to answer within {} s",
                FIRST_BYTE.as_secs()
            ))),
        }
    }

    fn network(&self, reach: Reach) -> Result<Network, HttpFailure> {
        if let Some(client) = self.network.lock().get(&reach) {
            return Ok(client.clone());
        }
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.config()?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Dialer { gate: Arc::clone(&self.gate), reach });
        let client = pool().build(Timed(connector));
        Ok(self.network.lock().entry(reach).or_insert(client).clone())
    }

    fn socket(&self, path: &PathBuf) -> Socket {
        let mut sockets = self.sockets.lock();
        if let Some(client) = sockets.get(path) {
            return client.clone();
        }
        let client: Socket = pool().build(Timed(SocketDialer { path: path.clone() }));
        sockets.entry(path.clone()).or_insert(client).clone()
    }
}

fn pool() -> Builder {
    let mut pool = Client::builder(TokioExecutor::new());
    pool.pool_timer(TokioTimer::new())
        .pool_idle_timeout(KEEP)
        .http1_max_buf_size(BUFFER)
        .http1_max_headers(HEADERS)
        .http2_max_header_list_size(u32::try_from(super::HEADERS_LIMIT).unwrap_or(u32::MAX))
        .http2_adaptive_window(true);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_taken() {
        assert_eq!(Tls::trusting(b"").unwrap_err(), TlsError::Empty);
        assert_eq!(Tls::trusting(b"hello").unwrap_err(), TlsError::Empty);
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert!(matches!(Tls::trusting(broken), Err(TlsError::NotPem(_))));
    }
}
