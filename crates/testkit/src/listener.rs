//! Bare listeners: one that shows whether anybody connected, one that lets nobody connect.

use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};

use crate::network::{Network, listen, parse};

/// A TCP listener that counts connections and never says a word. It stands at what no
/// connection may reach, and its count stays 0.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    /// Kept open: to close one would be an answer.
    accepted: Mutex<Vec<TcpStream>>,
}

impl Listener {
    /// Listens at an address with a port: `169.254.169.254:80`. At `0.0.0.0` and `[::]` it
    /// gets what no other listener at that port gets, whatever the address.
    ///
    /// # Panics
    ///
    /// When the address is wrong or taken.
    #[must_use]
    #[track_caller]
    pub fn new(network: &Network, address: &str) -> Self {
        let listener = listen(network, parse(address), 1024);
        listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        Self { listener, accepted: Mutex::default() }
    }

    /// Returns how many connections there were so far: all whose opening was over when this
    /// was called, since the kernel queues them before that.
    #[must_use]
    pub fn connections(&self) -> usize {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok((stream, _)) = self.listener.accept() {
            accepted.push(stream);
        }
        accepted.len()
    }
}

/// A place where connections are neither accepted nor refused: attempts to connect wait until
/// they give up.
#[derive(Debug)]
pub struct Deaf {
    _listener: TcpListener,
    _filler: TcpStream,
}

impl Deaf {
    /// Takes the place at an address with a port.
    ///
    /// # Panics
    ///
    /// When the address is wrong or taken.
    #[must_use]
    #[track_caller]
    pub fn new(network: &Network, address: &str) -> Self {
        let address = parse(address);
        let listener = listen(network, address, 0);
        // A queue of length 0 holds one. While it is full the kernel drops the packets that
        // would open a connection.
        let filler = network.connect(address).expect("the first one fits");
        Self { _listener: listener, _filler: filler }
    }
}
