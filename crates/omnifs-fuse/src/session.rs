//! A session: the conversation with the kernel about one mount.

mod dispatch;
mod gate;
mod interrupt;
mod notices;
mod pages;
mod pending;
mod reader;
mod reads;
mod statistics;
mod watched;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use omnifs_vfs::Tree;
use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use self::notices::{Inbox, Job};
use self::pages::Pages;
use self::pending::Pending;
use self::reads::Reads;
use self::statistics::Counters;
use crate::attributes::Owner;
use crate::channel::Channel;
use crate::mount::{Connection, MountError, MountPoint, Unmounted};

pub(crate) use gate::{Busy, Gate};
pub use notices::Notices;
pub(crate) use pages::PageRead;
pub(crate) use reads::Turn;
pub use statistics::SessionStatistics;
pub use watched::{Answered, Observer};
pub(crate) use watched::{Watched, shown_errno};

/// How long a thread of a session may take to notice that the session is over.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a session serves.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// How long a request may wait for its answer before it gets ETIMEDOUT: an unanswered one
    /// makes an unkillable process.
    pub answer: Duration,
    /// Which notices may be sent.
    pub notices: Notices,
    /// Who is told of each request; its tree has to be [`omnifs_vfs::Settings::watched`].
    pub observer: Option<Arc<dyn Observer>>,
    /// Whether files may grow while they are open: then every opening is asked about.
    pub live: bool,
}

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The kernel's protocol is too old.
    #[error(
        "the kernel speaks FUSE {major}.{minor}, and 7.31 is the oldest that is served: \
         use Linux 5.2 or later"
    )]
    KernelTooOld {
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
    /// The mount was gone before it was served.
    #[error("the mount ended before it was served")]
    Ended,
    /// The kernel did not begin.
    #[error("the kernel did not begin the conversation within {0:?}")]
    Silent(Duration),
    /// Requests cannot be read.
    #[error("cannot read the kernel's requests")]
    Read(#[source] io::Error),
    /// No thread could be started.
    #[error("cannot start a thread for the mount")]
    Thread(#[source] io::Error),
}

/// What the threads and tasks of a session share.
pub(crate) struct Shared {
    pub(crate) channel: Channel,
    pub(crate) tree: Arc<Tree>,
    pub(crate) owner: Owner,
    pub(crate) gate: Arc<Gate>,
    observer: Option<Arc<dyn Observer>>,
    reads: Arc<Reads>,
    /// Nothing where no file is live.
    pages: Option<Arc<Pages>>,
    counters: Counters,
    pending: Pending,
    runtime: Handle,
    answer: Duration,
    jobs: UnboundedSender<Job>,
    closing: AtomicBool,
    ended: watch::Sender<bool>,
}

impl Shared {
    /// Counts a request that is answered with an errno.
    pub(crate) fn failed(&self, errno: Errno) {
        self.counters.failed(errno);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

/// A mount that is being served. Dropping it unmounts and ends its threads.
pub struct Session {
    shared: Arc<Shared>,
    mount: Option<MountPoint>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("mount", &self.mount).finish_non_exhaustive()
    }
}

impl Session {
    /// Serves `tree` on a fresh connection, with one thread that reads requests and one that
    /// sends notices; work that has to wait runs on `runtime`.
    ///
    /// Returns once the kernel has taken the answer to its INIT. On an error the mount is gone.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn serve(
        connection: Connection,
        tree: Arc<Tree>,
        runtime: Handle,
        options: SessionOptions,
    ) -> Result<Self, SessionError> {
        let Connection { fd, mount } = connection;
        let (jobs, inbox) = Inbox::new(tree.changes());
        let due = jobs.clone();
        let gate = Gate::new(Box::new(move |notice| {
            // Fails when the session is over, when no notice is due any more.
            let _ = due.send(Job::Due(notice));
        }));
        let shared = Arc::new(Shared {
            channel: Channel::new(fd),
            tree,
            owner: Owner::of_this_process(),
            gate,
            observer: options.observer,
            reads: Arc::default(),
            pages: options.live.then(|| Pages::new(jobs.clone(), runtime.clone())),
            counters: Counters::new(),
            pending: Pending::default(),
            runtime,
            answer: options.answer,
            jobs,
            closing: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        });
        // From here on dropping the session cleans up.
        let mut session = Self { shared: Arc::clone(&shared), mount, threads: Vec::new() };
        let (ready, began) = sync_channel(1);
        let reading = Arc::clone(&shared);
        session.spawn("fuse", move || reader::run(&reading, &ready))?;
        let agreed = began
            .recv_timeout(options.answer)
            .map_err(|_| SessionError::Silent(options.answer))??;
        tracing::debug!(target: "omnifs_fuse", ?agreed, "session began");
        if let Some(mount) = &session.mount {
            mount.raise_read_ahead();
        }
        session.spawn("fuse-notices", move || {
            notices::run(&shared, inbox, options.notices, agreed);
        })?;
        Ok(session)
    }

    fn spawn(
        &mut self,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), SessionError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(thread.map_err(SessionError::Thread)?);
        Ok(())
    }

    /// Returns where this session is mounted; `None` for one that is served over a socket.
    pub fn mountpoint(&self) -> Option<&Path> {
        self.mount.as_ref().map(MountPoint::path)
    }

    /// Unmounts: cleanly when nobody uses the mount, lazily otherwise, so that the path is free
    /// at once and those who use it go on until the session is dropped. Blocks while the
    /// kernel, or `fusermount3`, does it.
    ///
    /// # Errors
    /// [`MountError`] when it can be done neither way.
    pub fn unmount(&self) -> Result<Unmounted, MountError> {
        self.mount.as_ref().map_or(Ok(Unmounted::AlreadyGone), MountPoint::unmount)
    }

    /// Returns whether requests are still being served.
    pub fn is_serving(&self) -> bool {
        !*self.shared.ended.borrow()
    }

    /// Returns when requests are no longer served: somebody unmounted, or the connection died.
    pub async fn ended(&self) {
        let mut ended = self.shared.ended.subscribe();
        // The sender lives in what `self` holds, so waiting cannot fail.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Returns the counts so far.
    pub fn statistics(&self) -> SessionStatistics {
        let mut statistics = self.shared.counters.snapshot();
        statistics.waiting = u64::try_from(self.shared.pending.len()).unwrap_or(u64::MAX);
        statistics
    }

    /// Ends the threads.
    fn close(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        // Fails only when who is to hear it is gone already.
        let _ = self.shared.jobs.send(Job::Stop);
        self.disconnect();
        let deadline = Instant::now() + FAREWELL;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                // A panic there has been reported by the panic hook.
                let _ = thread.join();
            } else {
                // It ends when the last user of a lazily unmounted mount leaves.
                tracing::warn!(target: "omnifs_fuse", "a thread of a mount is still busy");
            }
        }
    }
}

impl Session {
    /// Ends the connection where the unmount did not: somebody still uses it, or has a copy of
    /// the mount in a namespace. The reader waits in the kernel, and this wakes it.
    fn disconnect(&self) {
        if !self.is_serving() || !self.shared.channel.is_connected() {
            return;
        }
        let result = match &self.mount {
            Some(mount) => mount.abort(),
            None => self.shared.channel.hang_up().map_err(io::Error::from),
        };
        if let Err(error) = result {
            tracing::debug!(target: "omnifs_fuse", %error, "cannot end the connection");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.unmount() {
            tracing::warn!(target: "omnifs_fuse", %error, "cannot unmount");
        }
        self.close();
    }
}
