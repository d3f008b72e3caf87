use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

const ANSWER: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn callers_of_one_key_share_one_call() {
    let (flights, calls) = (Flights::new(ANSWER), Arc::new(AtomicU32::new(0)));
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
    let flights = Flights::<u8, ()>::new(ANSWER);
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
    let flights = Flights::<u8, u8>::new(ANSWER);
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
    let flights = Flights::<u8, ()>::new(ANSWER);
    assert_eq!(flights.run(1, || async { panic!("boom") }).await, Err(panicked()));
    assert_eq!(flights.run(1, || async { Ok(()) }).await, Ok(()));
}
