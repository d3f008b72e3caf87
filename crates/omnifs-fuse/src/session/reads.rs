//! The READs of each file that are not answered yet, so that the end of a file is told in order.
//!
//! The kernel reads ahead in several READs at once, also of a file that it only has a placeholder
//! for the size of. It takes the size from the first READ that comes back short: if that is one
//! that lies behind the end of the file, it takes that READ's place for the size, believes no
//! later one, and shows NUL bytes up to there. So such an answer waits for those before it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use omnifs_vfs::NodeId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The READs that are not answered.
#[derive(Default)]
pub(crate) struct Reads {
    /// Guards the table only.
    files: Mutex<HashMap<NodeId, File>>,
}

#[derive(Default)]
struct File {
    /// How many READs there are from each place on.
    places: BTreeMap<u64, u32>,
    answered: Arc<Notify>,
}

/// A READ that is not answered for as long as this lives.
pub(crate) struct Turn {
    reads: Arc<Reads>,
    file: NodeId,
    offset: u64,
}

impl Reads {
    /// Takes in that a READ came.
    pub(crate) fn enter(self: &Arc<Self>, file: NodeId, offset: u64) -> Turn {
        *self.files.lock().entry(file).or_default().places.entry(offset).or_default() += 1;
        Turn { reads: Arc::clone(self), file, offset }
    }

    /// Waits until no READ of the file is unanswered that begins before `offset`.
    pub(crate) async fn answered_before(&self, file: NodeId, offset: u64) {
        loop {
            let answered = {
                let files = self.files.lock();
                let Some(known) = files.get(&file) else { return };
                if known.places.range(..offset).next().is_none() {
                    return;
                }
                // Made while the table is held, so that no answer comes in between.
                Arc::clone(&known.answered).notified_owned()
            };
            answered.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut files = self.reads.files.lock();
        let Some(file) = files.get_mut(&self.file) else { return };
        if let Some(count) = file.places.get_mut(&self.offset) {
            *count -= 1;
            if *count == 0 {
                file.places.remove(&self.offset);
            }
        }
        file.answered.notify_waiters();
        if file.places.is_empty() {
            files.remove(&self.file);
        }
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
        assert_eq!(reads.files.lock().len(), 1);
    }
}
