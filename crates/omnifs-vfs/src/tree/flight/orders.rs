//! Single flight in every order that shuttle finds. It fails by itself when a caller is never
//! woken.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use shuttle::future::{spawn as start, yield_now};

use super::*;
use crate::sync::explore;

/// No call is older than this when its callers leave, so each may be given up.
const FOREVER: Duration = Duration::MAX;

/// A call that counts itself.
#[derive(Default)]
struct Calls {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    ended: AtomicUsize,
}

impl Calls {
    /// Gives the number of the call, which is the only one of these at its time.
    async fn call(self: Arc<Self>) -> Outcome<usize> {
        assert_eq!(self.under_way.fetch_add(1, SeqCst), 0, "two calls at a time");
        let under_way = UnderWay(&self);
        let number = self.begun.fetch_add(1, SeqCst);
        yield_now().await;
        drop(under_way);
        self.ended.fetch_add(1, SeqCst);
        Ok(number)
    }
}

/// Counts a call as under way until it ended or was given up.
struct UnderWay<'a>(&'a Calls);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, SeqCst);
    }
}

fn flights() -> Arc<Flights<u8, usize>> {
    Flights::of(&Settings { answer: FOREVER, ..Settings::default() })
}

fn set_up() -> (Arc<Flights<u8, usize>>, Arc<Calls>) {
    (flights(), Arc::default())
}

/// Waits until nothing is on the table.
async fn empty(flights: &Flights<u8, usize>) {
    while !flights.calls.lock().is_empty() {
        yield_now().await;
    }
}

#[test]
fn callers_share_calls_and_nobody_gets_an_old_answer() {
    explore(|| async {
        let (flights, calls) = set_up();
        let caller = || {
            let (flights, calls) = (Arc::clone(&flights), Arc::clone(&calls));
            start(async move {
                let over = calls.ended.load(SeqCst);
                let number = flights.run(1, || Arc::clone(&calls).call()).await.unwrap();
                // The last one that ended may not be off the table yet.
                assert!(number + 1 >= over, "call {number} was over, as {over} were");
            })
        };
        for caller in [caller(), caller(), caller()] {
            caller.await.unwrap();
        }
        empty(&flights).await;
        let before = calls.begun.load(SeqCst);
        assert!((1..=3).contains(&before));
        let later = flights.run(1, || Arc::clone(&calls).call()).await;
        assert_eq!(later, Ok(before), "a later caller begins anew");
    });
}

#[test]
fn a_caller_that_goes_strands_nobody() {
    explore(|| async {
        let (flights, calls) = set_up();
        let gone = goes(&flights);
        let others = [stays(&flights, &calls), stays(&flights, &calls)];
        gone.abort();
        for caller in others {
            assert!(caller.await.unwrap().is_ok());
        }
        if let Ok(answer) = gone.await {
            assert!(answer.is_ok());
        }
        empty(&flights).await;
    });
}

/// The end of a call that was given up meets the next one for its key.
#[test]
fn a_call_that_was_given_up_leaves_the_next_one_alone() {
    explore(|| async {
        let (flights, calls) = set_up();
        let gone = goes(&flights);
        gone.abort();
        for caller in [stays(&flights, &calls), stays(&flights, &calls)] {
            assert!(caller.await.unwrap().is_ok());
        }
        empty(&flights).await;
    });
}

type Caller = shuttle::future::JoinHandle<Outcome<usize>>;

/// Starts a caller that stays to the end, so that its call is given up by nobody.
fn stays(flights: &Arc<Flights<u8, usize>>, calls: &Arc<Calls>) -> Caller {
    let (flights, calls) = (Arc::clone(flights), Arc::clone(calls));
    start(async move { flights.run(1, || calls.call()).await })
}

/// Starts a caller that is to be cancelled. Its own call does not count as one of the others':
/// it is off the table before it is ended, so the next one may begin beside it.
fn goes(flights: &Arc<Flights<u8, usize>>) -> Caller {
    stays(flights, &Arc::default())
}

#[test]
fn an_error_reaches_all_who_wait_and_stays_with_nobody() {
    explore(|| async {
        let flights = flights();
        let failures = Arc::new(AtomicUsize::new(0));
        let caller = || {
            let (flights, failures) = (Arc::clone(&flights), Arc::clone(&failures));
            start(async move {
                let call = || async move {
                    yield_now().await;
                    failures.fetch_add(1, SeqCst);
                    Err(VfsError::NotFound)
                };
                assert_eq!(flights.run(1, call).await, Err(VfsError::NotFound));
            })
        };
        for caller in [caller(), caller(), caller()] {
            caller.await.unwrap();
        }
        empty(&flights).await;
        assert!((1..=3).contains(&failures.load(SeqCst)));
        assert_eq!(flights.run(1, || async { Ok(7) }).await, Ok(7));
    });
}
