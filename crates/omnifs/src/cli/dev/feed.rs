//! From the threads that answer requests to the terminal, which may be slower than they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::Duration;

use anyhow::Context;
use omnifs_fuse::{Answered, Observer};
use omnifs_runtime::{LogLine, ProviderLog};
use omnifs_vfs::{Clock, SystemClock};

use super::line;
use crate::cli::output::{self, Output};
use crate::exit::Failure;

/// How many lines may wait; those that come then are not shown, and counted.
const WAITING: usize = 1_024;

/// How long the end waits for the terminal.
const FAREWELL: Duration = Duration::from_millis(500);

/// Whether requests are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requests {
    Shown,
    Hidden,
}

/// Takes lines and never waits for whoever reads them.
#[derive(Debug)]
pub(super) struct Feed {
    lines: SyncSender<String>,
    dropped: Arc<AtomicU64>,
    clock: SystemClock,
}

/// The end of a feed.
pub(super) struct Shown(Receiver<()>);

impl Feed {
    /// Returns a feed to standard output, on a thread that ends with it, and its end.
    pub(super) fn to_output() -> Result<(Arc<Self>, Shown), Failure> {
        Self::to(|line| output::write(line.as_bytes()).is_ok_and(|output| output == Output::Open))
    }

    /// Returns one to `write`, which says whether anybody reads on.
    fn to(write: impl FnMut(&str) -> bool + Send + 'static) -> Result<(Arc<Self>, Shown), Failure> {
        let (lines, waiting) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let (ended, end) = channel::<()>();
        let counted = Arc::clone(&dropped);
        let thread = std::thread::Builder::new().name("omnifs-feed".to_owned());
        let showing = move || {
            show(&waiting, &counted, write);
            drop(ended);
        };
        thread.spawn(showing).context("cannot start a thread for the output")?;
        Ok((Arc::new(Self { lines, dropped, clock: SystemClock::new() }), Shown(end)))
    }

    fn put(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observer for Feed {
    fn answered(&self, request: Answered) {
        self.put(line::request(self.clock.calendar(), &request));
    }
}

impl ProviderLog for Feed {
    fn line(&self, line: LogLine<'_>) {
        self.put(line::printed(self.clock.calendar(), line));
    }
}

impl Shown {
    /// Waits until all is shown that was put in, once the feed is dropped; not for long.
    pub(super) fn wait(self) {
        match self.0.recv_timeout(FAREWELL) {
            // A terminal that takes nothing gets nothing.
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn show(lines: &Receiver<String>, dropped: &AtomicU64, mut write: impl FnMut(&str) -> bool) {
    for line in lines {
        if !write(&line) {
            return;
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 && !write(&format!("({lost} lines are not shown: they came too fast)\n")) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn a_slow_reader_loses_lines_and_is_told_how_many() {
        let (go, may) = channel::<()>();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&seen);
        let (feed, shown) = Feed::to(move |line| {
            // The first line takes until the test says so.
            let _over = may.recv();
            written.lock().push(line.to_owned());
            true
        })
        .unwrap();
        let lines = WAITING as u64 + 100;
        for number in 0..lines {
            feed.put(format!("{number}\n"));
        }
        drop(go);
        drop(feed);
        shown.0.recv_timeout(Duration::from_secs(60)).unwrap_err();
        let seen = seen.lock();
        let lost = seen.iter().find_map(|line| {
            let count = line.strip_prefix('(')?.split(' ').next()?;
            count.parse::<u64>().ok()
        });
        let shown = seen.iter().filter(|line| !line.starts_with('(')).count() as u64;
        assert_eq!(shown + lost.unwrap(), lines, "{} shown", seen.len());
        assert!(shown >= WAITING as u64);
    }

    #[test]
    fn nobody_waits_for_an_output_that_takes_nothing() {
        let (feed, _shown) = Feed::to(|_| false).unwrap();
        for number in 0..10_000 {
            feed.put(number.to_string());
        }
    }
}
