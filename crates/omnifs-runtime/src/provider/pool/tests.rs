//! The pool alone: its instances are numbers.

use futures_util::FutureExt;

use super::*;

fn rules() -> Rules {
    Rules {
        instances: 3,
        queue: 2,
        longest_wait: Duration::from_millis(200),
        patience: Duration::from_millis(50),
        idle: Duration::from_millis(100),
    }
}

fn pool(rules: Rules) -> Pool<u32> {
    Pool::new(rules)
}

/// Gives the pool idle instances; the last is on top.
async fn fill(pool: &Pool<u32>, instances: &[u32]) {
    for instance in instances {
        let turn = pool.turn().await.unwrap();
        pool.put(*instance);
        drop(turn);
    }
}

#[tokio::test]
async fn the_instance_used_last_is_used_again() {
    let pool = pool(rules());
    fill(&pool, &[1, 2]).await;
    let turn = pool.turn().await.unwrap();
    assert_eq!(pool.take(&turn).await, Some(2));
    pool.put(2);
    assert_eq!(pool.take(&turn).await, Some(2));
}

#[tokio::test]
async fn a_lone_call_does_not_wait_for_an_instance() {
    let pool = pool(Rules { patience: Duration::from_secs(600), ..rules() });
    let turn = pool.turn().await.unwrap();
    assert_eq!(pool.take(&turn).await, None);
}

#[tokio::test]
async fn a_call_waits_a_moment_for_a_busy_instance() {
    let pool = pool(Rules { patience: Duration::from_secs(600), ..rules() });
    let first = pool.turn().await.unwrap();
    let second = pool.turn().await.unwrap();
    let (taken, ()) = tokio::join!(pool.take(&second), async {
        // A wake-up that finds nothing is not the end of the wait.
        pool.instances.returned.notify_one();
        tokio::task::yield_now().await;
        pool.put(7);
    });
    assert_eq!(taken, Some(7));
    drop(first);
}

#[tokio::test]
async fn a_call_gets_a_new_instance_when_the_busy_one_stays_busy() {
    let pool = pool(rules());
    let _first = pool.turn().await.unwrap();
    let second = pool.turn().await.unwrap();
    assert_eq!(pool.take(&second).await, None);
}

#[tokio::test]
async fn where_any_instance_will_do_a_call_waits_for_none() {
    let rules = Rules::of(&Limits::default(), Face::Projection);
    let pool = pool(rules);
    let _first = pool.turn().await.unwrap();
    let second = pool.turn().await.unwrap();
    assert_eq!(pool.take(&second).now_or_never(), Some(None));
    assert!(!Rules::of(&Limits::default(), Face::Filesystem).patience.is_zero());
}

#[tokio::test]
async fn turns_and_the_queue_are_bounded() {
    let pool = pool(rules());
    let mut turns = Vec::new();
    for _ in 0..3 {
        turns.push(pool.turn().await.unwrap());
    }
    let (a, b, c) = tokio::join!(pool.turn(), pool.turn(), pool.turn());
    for late in [a, b] {
        assert!(matches!(late, Err(VfsError::TimedOut(_))));
    }
    assert!(matches!(c, Err(VfsError::Busy(_))));
    turns.pop();
    pool.turn().await.unwrap();
}

#[tokio::test]
async fn a_pinned_pool_runs_one_call_on_one_instance() {
    let pool = pool(rules());
    fill(&pool, &[1, 2, 3]).await;
    assert!(pool.pin());
    assert!(!pool.pin(), "said once");
    let turn = pool.turn().await.unwrap();
    assert_eq!(pool.take(&turn).await, Some(3));
    assert!(matches!(pool.turn().await, Err(VfsError::TimedOut(_))));
    pool.put(3);
    pool.put(4);
    assert_eq!(pool.take(&turn).await, Some(3), "a second one is not kept");
    assert_eq!(pool.take(&turn).await, None);
    drop(turn);
    pool.turn().await.unwrap();
}

#[tokio::test]
async fn what_is_not_used_is_dropped_and_what_is_used_stays() {
    let pool = pool(rules());
    fill(&pool, &[1, 2, 3]).await;
    let turn = pool.turn().await.unwrap();
    // Two at a time are used throughout.
    for _ in 0..100 {
        let pair = [pool.take(&turn).await.unwrap(), pool.take(&turn).await.unwrap()];
        pair.into_iter().rev().for_each(|instance| pool.put(instance));
        tokio::time::sleep(Duration::from_millis(5)).await;
        if pool.instances.idle.lock().stack.len() == 2 {
            break;
        }
    }
    assert_eq!(pool.instances.idle.lock().stack, [2, 3]);
    // None is used: one stays.
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !pool.instances.sweeping.load(Ordering::Relaxed) {
            break;
        }
    }
    assert_eq!(pool.instances.idle.lock().stack, [3]);
}
