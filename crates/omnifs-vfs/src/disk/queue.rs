//! What waits to be written: whoever has an answer goes on at once, and a thread writes it down.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::Identity;
use super::record::Header;

/// How many bytes of payloads wait at most, if there is more than one. What comes when they do is not
/// kept.
const WAITING_MAX: u64 = 16 << 20;

/// How many orders wait at most, whatever their payloads.
const ORDERS_MAX: usize = 65_536;

/// For how long records that can be left out are gathered before the writer is woken: a burst of
/// small ones would wake it for each.
const GATHERING: Duration = Duration::from_millis(10);

/// From how many bytes on it is woken at once.
const ENOUGH: u64 = 1 << 20;

/// What the writer is to do.
pub(super) enum Order {
    /// Append a record.
    Put(Header, Bytes),
    /// Remove everything; what comes after it is this identity's.
    Clear(Identity),
    /// Say when all before it is done.
    Flush(mpsc::Sender<()>),
}

impl Order {
    fn weight(&self) -> u64 {
        match self {
            Self::Put(_, payload) => payload.len() as u64,
            Self::Clear(_) | Self::Flush(_) => 0,
        }
    }

    /// Returns whether only a miss follows from its being left out, or late.
    fn is_dispensable(&self) -> bool {
        matches!(self, Self::Put(header, _) if !header.gone && !header.is_expiry())
    }
}

#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    bytes: u64,
    /// Whether one of the orders is not to wait for others.
    urgent: bool,
    /// Whether the writer has taken orders that it is not done with.
    busy: bool,
    closed: bool,
}

impl Waiting {
    fn is_full(&self, more: u64) -> bool {
        let heavy = self.bytes > 0 && self.bytes + more > WAITING_MAX;
        heavy || self.orders.len() >= ORDERS_MAX
    }

    /// Returns whether there is no use in waiting for more.
    fn is_enough(&self) -> bool {
        self.urgent || self.closed || self.bytes >= ENOUGH
    }
}

/// The orders that wait.
#[derive(Default)]
pub(super) struct Queue {
    /// Held to put one in or to take them all out.
    waiting: Mutex<Waiting>,
    came: Condvar,
}

impl Queue {
    /// Returns whether a record of so many bytes would be let in now.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        !self.waiting.lock().is_full(bytes)
    }

    /// Puts an order in; returns whether it is in.
    pub(super) fn put(&self, order: Order) -> bool {
        let mut waiting = self.waiting.lock();
        let full = waiting.is_full(order.weight());
        if waiting.closed || (full && order.is_dispensable()) {
            return false;
        }
        let before = waiting.is_enough();
        waiting.bytes += order.weight();
        waiting.urgent |= !order.is_dispensable();
        waiting.orders.push_back(order);
        if waiting.orders.len() == 1 || (waiting.is_enough() && !before) {
            self.came.notify_one();
        }
        true
    }

    /// Waits for orders, and a moment for more of them, and takes them all; none at the end.
    pub(super) fn take(&self) -> Option<VecDeque<Order>> {
        let mut waiting = self.waiting.lock();
        waiting.busy = false;
        while waiting.orders.is_empty() {
            if waiting.closed {
                return None;
            }
            self.came.wait(&mut waiting);
        }
        let until = Instant::now() + GATHERING;
        while !waiting.is_enough() && !self.came.wait_until(&mut waiting, until).timed_out() {}
        (waiting.bytes, waiting.urgent) = (0, false);
        waiting.busy = true;
        Some(std::mem::take(&mut waiting.orders))
    }

    /// Returns whether everything that was ever put in is done.
    pub(super) fn is_done(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.orders.is_empty() && !waiting.busy
    }

    /// Waits until all that is in now was done, but not longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let (done, wait) = mpsc::channel();
        if self.put(Order::Flush(done)) {
            // Late or never: what is not written is fetched again.
            let _ = wait.recv_timeout(limit);
        }
    }

    /// Lets nothing more in; what is in is still done.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.came.notify_one();
    }
}
