//! How much of a body has arrived, and who waits for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::http::HttpFailure;

/// What of a body is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrived {
    pub(super) bytes: u64,
    /// How it ended, once it did.
    pub(super) end: Option<Result<(), HttpFailure>>,
}

/// How many bytes whoever needs the fewest waits for: those who wait are not woken before, as a body
/// comes in many small pieces. It is read and written only by who holds what has arrived, so that
/// nobody is forgotten who has just looked.
#[derive(Debug)]
struct Awaited(AtomicU64);

impl Awaited {
    fn note(&self, bytes: u64) {
        self.0.fetch_min(bytes, Ordering::SeqCst);
    }

    /// Returns whether to wake those who wait: all of them, and each says again what for.
    fn is_reached(&self, bytes: u64) -> bool {
        let is_reached = bytes >= self.0.load(Ordering::SeqCst);
        if is_reached {
            self.0.store(u64::MAX, Ordering::SeqCst);
        }
        is_reached
    }
}

/// Returns both ends: of who receives a body, and of those who wait for it.
pub(super) fn arrival() -> (Receiving, Waiting) {
    let (sender, arrived) = watch::channel(Arrived::default());
    let awaited = Arc::new(Awaited(AtomicU64::new(u64::MAX)));
    (Receiving { sender, awaited: Arc::clone(&awaited) }, Waiting { arrived, awaited })
}

/// The end of who receives a body.
#[derive(Debug)]
pub(super) struct Receiving {
    sender: watch::Sender<Arrived>,
    awaited: Arc<Awaited>,
}

impl Receiving {
    /// Returns how many bytes are there.
    pub(super) fn bytes(&self) -> u64 {
        self.sender.borrow().bytes
    }

    /// Says that so many more are.
    pub(super) fn add(&self, bytes: u64) {
        self.sender.send_if_modified(|arrived| {
            arrived.bytes += bytes;
            self.awaited.is_reached(arrived.bytes)
        });
    }

    /// Says that no more come.
    pub(super) fn end(self, end: Result<(), HttpFailure>) {
        self.sender.send_modify(|arrived| arrived.end = Some(end));
    }
}

/// The end of those who wait.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    arrived: watch::Receiver<Arrived>,
    awaited: Arc<Awaited>,
}

impl Waiting {
    /// Returns what is there now.
    pub(super) fn now(&self) -> Arrived {
        self.arrived.borrow().clone()
    }

    /// Waits until so many bytes are there or no more come, and returns what is there; `None` when
    /// the body was given up.
    pub(super) async fn until(&mut self, bytes: u64) -> Option<Arrived> {
        loop {
            {
                let there = self.arrived.borrow_and_update();
                if there.bytes >= bytes || there.end.is_some() {
                    return Some(there.clone());
                }
                self.awaited.note(bytes);
            }
            self.arrived.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn those_who_wait_are_woken_when_the_first_has_what_it_waits_for() {
        let (receiving, waiting) = arrival();
        receiving.add(100);
        assert!(!waiting.arrived.has_changed().unwrap(), "nobody waits");
        receiving.awaited.note(300);
        receiving.awaited.note(200);
        receiving.add(99);
        assert!(!waiting.arrived.has_changed().unwrap());
        receiving.add(1);
        assert!(waiting.arrived.has_changed().unwrap());
        assert_eq!(waiting.now().bytes, 200);
        receiving.end(Ok(()));
        assert!(waiting.now().end.is_some());
    }

    /// Whoever looks while more comes is not forgotten: the receiver goes on only when all have what
    /// they wait for, so one that is forgotten would wait for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_who_waits_is_forgotten() {
        const ROUNDS: u64 = 2_000;
        const READERS: u64 = 3;
        let (receiving, waiting) = arrival();
        let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
        for reader in 0..READERS {
            let (mut waiting, done) = (waiting.clone(), done.clone());
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    // Each waits for another byte of the round.
                    let wanted = round * READERS + reader + 1;
                    assert!(waiting.until(wanted).await.unwrap().bytes >= wanted);
                    done.send(()).unwrap();
                }
            });
        }
        for _ in 0..ROUNDS {
            for _ in 0..READERS {
                receiving.add(1);
            }
            for _ in 0..READERS {
                finished.recv().await.unwrap();
            }
        }
    }

    /// Else what somebody waits for could be taken as said before, by who has just added to what he
    /// then sees: a moment that no number of rounds finds.
    #[test]
    fn what_is_awaited_is_said_while_nobody_adds() {
        let (receiving, mut waiting) = arrival();
        let awaited = || receiving.awaited.0.load(Ordering::SeqCst);
        let mut looking = None;
        receiving.sender.send_if_modified(|_| {
            looking = Some(std::thread::spawn(move || waiting.until(5).now_or_never()));
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(awaited(), u64::MAX);
            false
        });
        assert!(looking.unwrap().join().unwrap().is_none());
        assert_eq!(awaited(), 5);
    }

    #[tokio::test]
    async fn the_end_is_an_answer_and_being_given_up_is_none() {
        let (receiving, mut waiting) = arrival();
        receiving.add(5);
        receiving.end(Ok(()));
        assert_eq!(waiting.until(9).await.unwrap().bytes, 5);
        let (receiving, mut waiting) = arrival();
        drop(receiving);
        assert!(waiting.until(1).await.is_none());
    }
}
