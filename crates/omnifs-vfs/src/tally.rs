//! Which calls of a source a request waited for, for whoever watches requests.

use std::sync::Arc;

use crate::Made;
use crate::sync::Mutex;

tokio::task_local! {
    /// Whom the running future works for, if anybody watches.
    static ASKER: Arc<Tally>;
}

/// Collects the calls of a source that one request waits for.
///
/// Whoever watches runs the request inside of [`Tally::scope`], with [`crate::Settings::watched`]
/// set for its tree. A call that several requests wait for is in the tally of each.
#[derive(Debug, Default)]
pub struct Tally {
    /// Held to change it and to copy it.
    calls: Mutex<Calls>,
}

/// What a request waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// The calls that have ended, in the order of their ends.
    pub ended: Vec<Arc<Made>>,
    /// How many are still under way: nobody knows yet what those ask for.
    pub waiting: usize,
}

impl Tally {
    /// Runs what a request comes to on this tally's account.
    pub fn scope<F: Future>(self: &Arc<Self>, work: F) -> impl Future<Output = F::Output> + use<F> {
        ASKER.scope(Arc::clone(self), work)
    }

    /// Returns the tally of what runs now, if it has one.
    pub(crate) fn current() -> Option<Arc<Self>> {
        ASKER.try_with(Arc::clone).ok()
    }

    /// Notes how a call came about that ends here, if whoever waits for it is watched. A source
    /// says so of each of its calls, of one that failed as well.
    pub fn note(made: &Arc<Made>) {
        // Without a tally nobody watches.
        let _unwatched = ASKER.try_with(|tally| tally.calls.lock().ended.push(Arc::clone(made)));
    }

    /// Returns what there is so far.
    pub fn calls(&self) -> Calls {
        self.calls.lock().clone()
    }

    /// Takes in that a call is waited for from now on.
    pub(crate) fn begin(&self) {
        self.calls.lock().waiting += 1;
    }

    /// Takes in what a call came to that was waited for.
    pub(crate) fn end(&self, call: &Self) {
        let ended = call.calls().ended;
        let mut calls = self.calls.lock();
        calls.waiting = calls.waiting.saturating_sub(1);
        calls.ended.extend(ended);
    }
}
