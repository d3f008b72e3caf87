//! Following the files that providers come from: saving one is enough.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::runtime::Handle;

use super::host::{Host, Occasion};
use crate::readable::readable;

/// How long nothing may happen before a change is taken to be complete: editors and compilers
/// write in several steps.
const QUIET: Duration = Duration::from_millis(80);

/// How long a directory where something always happens can put a change off.
const PATIENCE: Duration = Duration::from_secs(2);

/// What may complete a change. A rename is how careful programs replace a file.
const CHANGES: WatchFlags =
    WatchFlags::CLOSE_WRITE.union(WatchFlags::MOVED_TO).union(WatchFlags::DELETE);

/// Applies the configuration whenever a file may have changed, on a thread of its own that
/// ends with the process.
pub(super) fn follow(host: Arc<Host>) {
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("omnifs-watch".to_owned());
    let started = thread.spawn(move || {
        if let Err(error) = try_follow(&host, &runtime) {
            tracing::warn!(%error, "changed files take effect at `omnifs reload` only");
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "changed files take effect at `omnifs reload` only");
    }
}

fn try_follow(host: &Arc<Host>, runtime: &Handle) -> io::Result<()> {
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    loop {
        for directory in host.watched() {
            // Watching a directory again changes nothing; one that is not there yet is named
            // by the provider's own failure.
            if let Err(error) = inotify::add_watch(&events, &directory, CHANGES) {
                tracing::debug!(directory = %directory.display(), %error, "not watched");
            }
        }
        // At first, too: what changed while the first mounts were made was not seen. A mistake
        // in the file has been logged, and the next change is another chance.
        let _ = runtime.block_on(host.apply(Occasion::Noticed));
        wait(&events, None)?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && wait(&events, Some(QUIET))? {}
    }
}

/// Waits for events and takes all that there are; returns whether any came in time.
fn wait(events: &OwnedFd, limit: Option<Duration>) -> io::Result<bool> {
    if !readable(events, limit)? {
        return Ok(false);
    }
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    loop {
        match reader.next() {
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}
