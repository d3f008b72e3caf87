use super::*;
use crate::{Made, RequestId};
use std::sync::atomic::{AtomicU32, Ordering};

const ANSWER: Duration = Duration::from_secs(10);

fn flights<V: Clone + Send + Sync + 'static>() -> Arc<Flights<u8, V>> {
    Flights::of(&Settings { answer: ANSWER, ..Settings::default() })
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_key_share_one_call() {
    let (flights, calls) = (flights(), Arc::new(AtomicU32::new(0)));
    let call = || {
        let calls = Arc::clone(&calls);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(calls.fetch_add(1, Ordering::SeqCst))
        }
    };
    let (a, b) = tokio::join!(flights.run(1, call), flights.run(1, call));
    assert_eq!((a, b), (Ok(0), Ok(0)));
    assert_eq!(flights.run(1, call).await, Ok(1), "a finished call is not joined");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_call_is_given_up_after_a_moment() {
    let flights = flights::<()>();
    let (alive, dead) = tokio::sync::oneshot::channel::<()>();
    let call = || async move {
        let _alive = alive;
        std::future::pending().await
    };
    let asked = tokio::time::timeout(Duration::from_secs(1), flights.run(1, call));
    assert!(asked.await.is_err());
    assert!(dead.await.is_err(), "the call's future was dropped");
    assert_eq!(flights.run(1, || async { Ok(()) }).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_call_past_the_deadline_goes_on_for_the_next_caller() {
    let flights = flights::<u8>();
    let call = || async {
        tokio::time::sleep(ANSWER * 2).await;
        Ok(7)
    };
    assert!(tokio::time::timeout(ANSWER, flights.run(1, call)).await.is_err());
    tokio::time::sleep(ABANDON_AFTER * 2).await;
    assert_eq!(flights.run(1, || async { Ok(8) }).await, Ok(7));
}

#[tokio::test]
async fn a_panic_is_an_error_and_frees_the_key() {
    let flights = flights::<()>();
    assert_eq!(flights.run(1, || async { panic!("boom") }).await, Err(panicked()));
    assert_eq!(flights.run(1, || async { Ok(()) }).await, Ok(()));
}

/// A call of a source that takes a second and says of itself that it was the one with this number.
async fn noted(call: u64) -> Outcome<()> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let request = RequestId { daemon: 0, call };
    Tally::note(&Arc::new(Made { request, exchanges: Vec::new(), more: 0 }));
    Err(VfsError::NotFound)
}

fn told(tally: &Tally) -> (Vec<u64>, usize) {
    let calls = tally.calls();
    (calls.ended.iter().map(|made| made.request.call).collect(), calls.waiting)
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waited_for_a_call_is_told_of_it() {
    let settings = Settings { answer: ANSWER, watched: true, ..Settings::default() };
    let flights = Flights::<u8, ()>::of(&settings);
    let [first, second, gone, other]: [Arc<Tally>; 4] = Default::default();
    flights.start(1, || noted(7));
    let left =
        tokio::time::timeout(Duration::from_millis(500), gone.scope(flights.run(1, || noted(8))));
    let _ended = tokio::join!(
        first.scope(flights.run(1, || noted(8))),
        second.scope(async {
            let _failed = flights.run(1, || noted(8)).await;
            flights.run(2, || noted(9)).await
        }),
        left
    );
    assert_eq!(told(&first), (vec![7], 0));
    assert_eq!(told(&second), (vec![7, 9], 0));
    assert_eq!(told(&gone), (vec![], 1), "what it waited for had not ended");
    assert_eq!(told(&other), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_watches_nothing_is_noted() {
    let (flights, tally) = (flights::<()>(), Arc::new(Tally::default()));
    let _ended = tally.scope(flights.run(1, || noted(1))).await;
    assert_eq!(told(&tally), (vec![], 0));
}
