//! Requests that wait for the tree.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The requests that were not answered at once, by their `unique`.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Guards the map only, for single insertions and removals; taken after no other lock.
    waiting: Mutex<HashMap<u64, Option<oneshot::Sender<()>>>>,
}

impl Pending {
    /// Adds a request. The receiver gets a message when the kernel says that a signal came
    /// for it, and an error when the session ends before that.
    pub(crate) fn insert(&self, unique: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(unique, Some(sender));
        receiver
    }

    /// Tells a request that its process got a signal. One that is not here has been answered:
    /// the one reader sees a request before its interruption.
    pub(crate) fn interrupt(&self, unique: u64) {
        let sender = self.waiting.lock().get_mut(&unique).and_then(Option::take);
        if let Some(sender) = sender {
            // The request may just have been answered.
            let _ = sender.send(());
        }
    }

    /// Removes an answered request.
    pub(crate) fn remove(&self, unique: u64) {
        self.waiting.lock().remove(&unique);
    }

    /// Ends the waiting of every request.
    pub(crate) fn clear(&self) {
        self.waiting.lock().clear();
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_reaches_its_request_once() {
        let pending = Pending::default();
        let mut first = pending.insert(2);
        let mut second = pending.insert(4);
        pending.interrupt(2);
        pending.interrupt(2);
        pending.interrupt(99);
        assert_eq!(first.try_recv(), Ok(()));
        assert!(second.try_recv().is_err());
        pending.remove(2);
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn the_end_of_the_session_ends_the_waiting() {
        let pending = Pending::default();
        let mut waiting = pending.insert(2);
        pending.clear();
        assert_eq!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
