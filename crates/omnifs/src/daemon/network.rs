//! Following the network: connections that were made in another one are not used any more, or the
//! first requests after a change would wait on them for as long as a limit lets them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use super::host::Host;
use crate::readable::readable;

/// What the kernel tells of: `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR` and
/// `RTMGRP_IPV6_ROUTE` of linux/rtnetlink.h.
const GROUPS: u32 = 0x10 | 0x40 | 0x100 | 0x400;

/// How long nothing may happen before a change is taken to be complete.
const QUIET: Duration = Duration::from_millis(200);

/// Has all providers connect anew whenever this machine's addresses or routes have changed, on a
/// thread of its own that ends with the process.
pub(super) fn follow(host: Arc<Host>) {
    let thread = std::thread::Builder::new().name("omnifs-network".to_owned());
    let started = thread.spawn(move || {
        if let Err(error) = try_follow(&host) {
            tracing::info!(%error, "changes of the network are not noticed");
        }
    });
    if let Err(error) = started {
        tracing::info!(%error, "changes of the network are not noticed");
    }
}

fn try_follow(host: &Host) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // Without a protocol it is `NETLINK_ROUTE`, whose number is 0.
    let events = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&events, &SocketAddrNetlink::new(0, GROUPS))?;
    let mut before = state();
    loop {
        wait(&events, None)?;
        while wait(&events, Some(QUIET))? {}
        // Routers repeat themselves, and the kernel tells that, too.
        let now = state();
        if now != before {
            tracing::info!("the network has changed: providers connect anew");
            host.renew_connections();
            before = now;
        }
    }
}

/// Waits for messages and takes all that there are; returns whether any came in time. What they
/// say is not looked at: the kernel leaves some out when there are too many.
fn wait(events: &OwnedFd, limit: Option<Duration>) -> io::Result<bool> {
    if !readable(events, limit)? {
        return Ok(false);
    }
    let mut buffer = [0; 8 << 10];
    loop {
        match recv(events, &mut buffer[..], RecvFlags::TRUNC) {
            Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Returns this machine's addresses and routes as the kernel shows them; a file that is not there
/// is a protocol that is not.
fn state() -> [Option<Vec<u8>>; 3] {
    ["fib_trie", "route", "if_inet6"].map(|file| fs::read(format!("/proc/self/net/{file}")).ok())
}
