//! The READs of each file that are not answered yet, so that the end of a file is told in order.
//!
//! The kernel reads ahead in several READs at once, also of a file that it only has a placeholder
//! for the size of. It takes the size from the first READ that comes back short: if that is one
//! that lies behind the end of the file, it takes that READ's place for the size, believes no
//! later one, and shows NUL bytes up to there. So such an answer waits for those before it.

use std::sync::Arc;

use omnifs_vfs::NodeId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The READs that are not answered.
#[derive(Default)]
pub(crate) struct Reads {
    /// Their files and the places where they begin, as many as the kernel has under way. Guards
    /// the table only.
    unanswered: Mutex<Vec<(NodeId, u64)>>,
    answered: Notify,
}

/// A READ that is not answered for as long as this lives.
pub(crate) struct Turn {
    reads: Arc<Reads>,
    read: (NodeId, u64),
}

impl Reads {
    /// Takes in that a READ came.
    pub(crate) fn enter(self: &Arc<Self>, file: NodeId, offset: u64) -> Turn {
        self.unanswered.lock().push((file, offset));
        Turn { reads: Arc::clone(self), read: (file, offset) }
    }

    /// Waits until no READ of the file is unanswered that begins before `offset`.
    pub(crate) async fn answered_before(&self, file: NodeId, offset: u64) {
        let is_before = |(other, place): &(NodeId, u64)| *other == file && *place < offset;
        loop {
            let mut answered = std::pin::pin!(self.answered.notified());
            // Registered before the look, so that no answer comes in between.
            answered.as_mut().enable();
            if !self.unanswered.lock().iter().any(is_before) {
                return;
            }
            answered.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut unanswered = self.reads.unanswered.lock();
        if let Some(at) = unanswered.iter().position(|read| *read == self.read) {
            unanswered.swap_remove(at);
        }
        drop(unanswered);
        self.reads.answered.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn who_is_behind_waits_for_all_before_it_and_for_no_other_file() {
        let reads = Arc::new(Reads::default());
        let (file, other) = (NodeId(2), NodeId(3));
        let first = [reads.enter(file, 0), reads.enter(file, 0)];
        let behind = reads.enter(file, 8_192);
        let _elsewhere = reads.enter(other, 0);
        let mut waits = Box::pin(reads.answered_before(file, 8_192));
        assert!(waits.as_mut().now_or_never().is_none());
        for turn in first {
            assert!(waits.as_mut().now_or_never().is_none());
            drop(turn);
        }
        assert!(waits.as_mut().now_or_never().is_some());
        drop(behind);
        assert!(reads.answered_before(file, u64::MAX).now_or_never().is_some());
        assert_eq!(reads.unanswered.lock().len(), 1);
    }
}
