//! Listening sockets in a network.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, listen as start, socket, sockopt};

use super::Network;

/// Listens at an address of the network. Who listens at an address of its own gets what comes
/// for it, who listens at all of them (`0.0.0.0`, `[::]`) what is left.
#[track_caller]
pub(crate) fn listen(network: &Network, address: SocketAddr, backlog: i32) -> TcpListener {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let listening = network.within(|| -> rustix::io::Result<OwnedFd> {
        let socket = socket(family, SocketType::STREAM, None)?;
        // The one option with which listeners at one address and at all of them stand the
        // other; it also takes an address that a listener left a moment ago.
        sockopt::set_socket_reuseport(&socket, true)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        bind(&socket, &address)?;
        start(&socket, backlog)?;
        Ok(socket)
    });
    let socket = listening.unwrap_or_else(|error| panic!("cannot listen at {address}: {error}"));
    TcpListener::from(socket)
}

/// Returns the address that a test wrote: `11.22.33.1:80`, `[::1]:80`.
#[track_caller]
pub(crate) fn parse(address: &str) -> SocketAddr {
    address.parse().unwrap_or_else(|_| panic!("{address}: no address with a port"))
}
