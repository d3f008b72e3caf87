//! Connections: names are resolved, every address is checked, and that very address is dialled.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::Uri;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tower_service::Service;

use super::address;
use super::clients::Tls;
use super::failure::HttpFailure;
use super::gate::{Gate, Reach};

/// After how long without a connection the next address is tried beside the last one
/// (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// After how long without a word a connection is tried.
const SILENCE: Duration = Duration::from_secs(60);

type Dialled<T> = Pin<Box<dyn Future<Output = Result<T, HttpFailure>> + Send>>;

/// Dials addresses of the network that `reach` has.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    pub(super) gate: Arc<Gate>,
    pub(super) reach: Reach,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = HttpFailure;
    type Future = Dialled<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), HttpFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default().to_owned();
            let port =
                uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
            let addresses = resolve(&host, port).await?;
            dialer.check(&host, &addresses)?;
            let stream = dial(&addresses, &format!("{host}:{port}")).await?;
            // Requests are written whole: waiting for more only costs time.
            let _slower = stream.set_nodelay(true);
            keep_alive(&stream);
            Ok(TokioIo::new(stream))
        })
    }
}

/// Has the kernel find out that the other end is gone without a word: who reads what is told as it
/// happens has no limit of time.
fn keep_alive(stream: &TcpStream) {
    // A kernel that does not do it costs nothing but that.
    let _lonely = sockopt::set_socket_keepalive(stream, true);
    let _later = sockopt::set_tcp_keepidle(stream, SILENCE);
    let _slower = sockopt::set_tcp_keepintvl(stream, SILENCE / 4);
    let _longer = sockopt::set_tcp_keepcnt(stream, 4);
}

impl Dialer {
    /// Checks every address of a host: one that may not be reached refuses them all, as a name
    /// with both sorts is one that somebody plays with.
    fn check(&self, host: &str, addresses: &[SocketAddr]) -> Result<(), HttpFailure> {
        let allowed = |address: IpAddr| match self.reach {
            Reach::Public => address::is_public(address),
            Reach::Loopback => address::is_loopback(address),
            Reach::Any => true,
        };
        match addresses.iter().map(SocketAddr::ip).find(|address| !allowed(*address)) {
            Some(address) => Err(self.gate.denied_address(host, address).into()),
            None => Ok(()),
        }
    }
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpFailure> {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = literal.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = found
        .map_err(|error| HttpFailure::Dns(format!("{host} has no address: {error}")))?
        .collect();
    if addresses.is_empty() {
        return Err(HttpFailure::Dns(format!("{host} has no address")));
    }
    Ok(addresses)
}

/// Connects to the first address that answers, trying the next one after a moment.
async fn dial(addresses: &[SocketAddr], origin: &str) -> Result<TcpStream, HttpFailure> {
    let mut left = addresses.iter();
    let mut running = FuturesUnordered::new();
    let mut failure = HttpFailure::Unreachable(format!("{origin} has no address"));
    loop {
        if let Some(address) = left.next() {
            running.push(TcpStream::connect(*address));
        } else if running.is_empty() {
            return Err(failure);
        }
        let more = !left.as_slice().is_empty();
        let stagger = async {
            if more { tokio::time::sleep(STAGGER).await } else { std::future::pending().await }
        };
        tokio::select! {
            Some(outcome) = running.next() => match outcome {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = HttpFailure::of_io(&error, origin),
            },
            () = stagger => {}
        }
    }
}

/// Dials one socket of this machine, whatever the URL's host is.
#[derive(Debug, Clone)]
pub(super) struct SocketDialer {
    pub(super) path: PathBuf,
}

impl Service<Uri> for SocketDialer {
    type Response = TokioIo<UnixStream>;
    type Error = HttpFailure;
    type Future = Dialled<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), HttpFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let path = self.path.clone();
        Box::pin(async move {
            let connected = UnixStream::connect(&path).await;
            let shown = path.display().to_string();
            let stream = connected.map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    HttpFailure::Unreachable(format!("the socket {shown} is not open to this user"))
                }
                io::ErrorKind::NotFound => {
                    HttpFailure::Refused(format!("there is no socket {shown}"))
                }
                _ => HttpFailure::of_io(&error, &shown),
            })?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// Dials addresses of the network, and speaks TLS where the URL says so.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) dialer: Dialer,
    pub(super) tls: Tls,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if uri.scheme_str() == Some("http") {
            let dialled = self.dialer.call(uri);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(dialled.await?)) });
        }
        match self.tls.config() {
            Ok(config) => HttpsConnectorBuilder::new()
                .with_tls_config(config)
                .https_only()
                .enable_all_versions()
                .wrap_connector(self.dialer.clone())
                .call(uri),
            Err(failure) => Box::pin(std::future::ready(Err(failure.into()))),
        }
    }
}

/// Holds a connector to its time.
#[derive(Debug, Clone)]
pub(super) struct Timed<C> {
    pub(super) inner: C,
    /// Names and TLS included.
    pub(super) limit: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri> + Clone + Send + 'static,
    C::Response: Send,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let origin = uri.authority().map(ToString::to_string).unwrap_or_default();
        let (connecting, limit) = (self.inner.call(uri), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_elapsed) => {
                    let limit = limit.as_secs_f64();
                    let reason = format!(
                        "no connection with {origin} within {limit} s (limits.http_connect)"
                    );
                    Err(HttpFailure::Timeout(reason).into())
                }
            }
        })
    }
}
