//! Listeners, and a thread for each of their connections.

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::net::{Shutdown, shutdown};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::network::Certificate;

use super::connection::Connection;
use super::misdeed::After;
use super::serve::{Ends, serve};
use super::state::State;

/// Returns the configuration for a certificate; HTTP/1.1 is all that is offered.
pub(super) fn tls(certificate: &Certificate) -> Arc<ServerConfig> {
    let chain = CertificateDer::from_pem_file(&certificate.chain).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring has them");
    let config = builder.with_no_client_auth().with_single_cert(vec![chain], key);
    let mut config = config.expect("the key is the certificate's");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

pub(super) enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listening {
    fn accept(&self) -> io::Result<(Accepted, String, String)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                let local = stream.local_addr()?.to_string();
                Ok((Accepted::Tcp(stream), local, peer.to_string()))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                let local = stream.local_addr()?;
                let local = local.as_pathname().map(|path| path.display().to_string());
                Ok((Accepted::Unix(stream), local.unwrap_or_default(), String::new()))
            }
        }
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

impl AsFd for Accepted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// Copies of the descriptors of open connections, by the connection's number.
type Open = Arc<Mutex<BTreeMap<usize, OwnedFd>>>;

/// A listener with its threads; dropping it closes all its connections and waits for them.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: OwnedFd,
    open: Open,
    thread: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

impl Acceptor {
    pub(super) fn start(
        listening: Listening,
        tls: Option<Arc<ServerConfig>>,
        state: &Arc<State>,
    ) -> Self {
        let open = Open::default();
        let listener = listening.as_fd().try_clone_to_owned().expect("one more descriptor");
        let (state, connections) = (Arc::clone(state), Arc::clone(&open));
        let thread = thread::spawn(move || {
            let mut threads: Vec<JoinHandle<()>> = Vec::new();
            // The first error is the shutdown below.
            while let Ok((accepted, local, peer)) = listening.accept() {
                let number = state.with(|inner| {
                    inner.connections += 1;
                    inner.connections
                });
                let ends = Ends { number, local, peer };
                let copy = accepted.as_fd().try_clone_to_owned().expect("one more descriptor");
                lock(&connections).insert(number, copy);
                let (tls, state, open) = (tls.clone(), Arc::clone(&state), connections.clone());
                threads.retain(|thread| !thread.is_finished());
                threads.push(thread::spawn(move || {
                    let ended = match accepted {
                        Accepted::Tcp(stream) => Connection::tcp(stream, tls),
                        Accepted::Unix(stream) => Connection::unix(stream),
                    }
                    .and_then(|connection| serve(connection, &ends, &state));
                    // Our own copy goes first: a reset happens when the last one is closed.
                    lock(&open).remove(&number);
                    match ended {
                        Ok((connection, After::Reset)) => connection.reset(),
                        Ok((connection, After::Keep | After::Close)) => connection.finish(),
                        Ok((connection, After::Cut)) => drop(connection),
                        Err(_) => {}
                    }
                }));
            }
            threads
        });
        Self { listener, open, thread: Some(thread) }
    }

    pub(super) fn open(&self) -> usize {
        lock(&self.open).len()
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        let _ = shutdown(&self.listener, Shutdown::Both);
        let threads = self.thread.take().map(JoinHandle::join);
        for socket in lock(&self.open).values() {
            let _ = shutdown(socket, Shutdown::Both);
        }
        for thread in threads.into_iter().flatten().flatten() {
            let _ = thread.join();
        }
    }
}

fn lock(open: &Open) -> MutexGuard<'_, BTreeMap<usize, OwnedFd>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
