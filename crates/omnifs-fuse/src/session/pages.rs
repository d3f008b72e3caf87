//! The pages that the kernel has of live files.
//!
//! A live file is read past the page cache, and what it has there is of a private map or of splice
//! (`sendfile` among them). The last page of such a file has zeros behind the bytes that there were
//! when it was read. A larger size uncovers them: the kernel notes the size first and throws its
//! pages away after that, and a program that another one's `stat` overtakes reads NUL bytes between
//! the two. With three programs at 400 appends a second 21 of 31,396 looks at a map showed some,
//! and 3 of 27,684 results of `sendfile`.
//!
//! So a page that may have such zeros is thrown away a moment after it was read, and until then no
//! larger size is told. The notice also makes the kernel take no size out of answers that are under
//! way: these tell no larger one either, and it is not sent before the last larger one has had its
//! time to arrive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use omnifs_vfs::NodeId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::notices::Job;

/// How long a page stays that may have zeros behind its bytes; so long, too, a size is told that is
/// not the newest.
const STAY: Duration = Duration::from_millis(50);

/// The least that a page has.
const PAGE: u64 = 4096;

/// Which pages the kernel may have of which live files.
pub(crate) struct Pages {
    /// The files of which it ever asked for some. Guards the table only.
    files: Mutex<HashMap<NodeId, Held>>,
    jobs: UnboundedSender<Job>,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Held {
    /// READs into pages that are not answered.
    unanswered: u32,
    /// Where the first page begins that may have zeros behind its bytes.
    torn: Option<u64>,
    /// So many bytes are in whatever page was read since the last notice.
    whole: u64,
    /// Counts the beginnings and ends of notices: odd while one is sent.
    round: u64,
    /// Whether a notice is going to be sent.
    due: bool,
    /// The largest size that was told, and when it was.
    told: Option<(u64, Instant)>,
}

impl Pages {
    /// Returns a table that asks for notices by `jobs`.
    pub(crate) fn new(jobs: UnboundedSender<Job>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { files: Mutex::default(), jobs, runtime })
    }

    /// Takes in that a READ into pages of a live file came.
    pub(crate) fn enter(self: &Arc<Self>, file: NodeId) -> PageRead {
        self.files.lock().entry(file).or_default().unanswered += 1;
        PageRead { pages: Arc::clone(self), file }
    }

    /// Says that such a READ is to be answered with bytes that end here, and not with all that it
    /// asked for.
    pub(crate) fn tear(&self, file: NodeId, end: u64) {
        if let Some(held) = self.files.lock().get_mut(&file) {
            let page = end - end % PAGE;
            held.torn = Some(held.torn.map_or(page, |torn| torn.min(page)));
        }
    }

    /// Returns how many notices there were about a file, to be asked for when a GETATTR comes.
    pub(crate) fn round(&self, file: NodeId) -> u64 {
        self.files.lock().get(&file).map_or(0, |held| held.round)
    }

    /// Returns up to which size a GETATTR may tell that came in this round; 0 is no more than
    /// before.
    pub(crate) fn limit(&self, file: NodeId, round: u64) -> u64 {
        match self.files.lock().get(&file) {
            Some(held) if held.round != round || held.round % 2 == 1 => 0,
            Some(held) if held.unanswered > 0 || held.torn.is_some() => held.whole,
            Some(_) | None => u64::MAX,
        }
    }

    /// Says which size a GETATTR is told.
    pub(crate) fn tell(&self, file: NodeId, size: u64) {
        if let Some(held) = self.files.lock().get_mut(&file)
            && held.told.is_none_or(|(told, _)| told < size)
        {
            held.told = Some((size, Instant::now()));
        }
    }

    /// Returns from where on the pages of a file are to be thrown away, if that can be now. It
    /// would wait for a READ into them, and a `kill -9` of this process would then leave both
    /// waiting for ever.
    pub(crate) fn begin(&self, file: NodeId) -> Option<u64> {
        let mut files = self.files.lock();
        let held = files.get_mut(&file)?;
        held.due = false;
        if held.unanswered > 0 {
            return None;
        }
        if held.told.is_some_and(|(_, since)| since.elapsed() < STAY) {
            held.due = true;
            self.remind(file);
            return None;
        }
        let torn = held.torn.take()?;
        held.round += 1;
        Some(torn)
    }

    /// Says that they are thrown away, and that what is read from now on has so many bytes.
    pub(crate) fn end(&self, file: NodeId, size: u64) {
        if let Some(held) = self.files.lock().get_mut(&file) {
            held.round += 1;
            held.whole = held.whole.max(size);
        }
    }

    /// Knows nothing any more of a file.
    pub(crate) fn forget(&self, file: NodeId) {
        self.files.lock().remove(&file);
    }

    fn left(&self, file: NodeId) {
        {
            let mut files = self.files.lock();
            let Some(held) = files.get_mut(&file) else { return };
            held.unanswered = held.unanswered.saturating_sub(1);
            if held.unanswered > 0 || held.torn.is_none() || held.due {
                return;
            }
            held.due = true;
        }
        self.remind(file);
    }

    fn remind(&self, file: NodeId) {
        let jobs = self.jobs.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(STAY).await;
            // Fails when the session is over.
            let _ = jobs.send(Job::Tear(file));
        });
    }
}

/// A READ into pages that is not answered for as long as this lives.
pub(crate) struct PageRead {
    pages: Arc<Pages>,
    file: NodeId,
}

impl Drop for PageRead {
    fn drop(&mut self) {
        self.pages.left(self.file);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    const FILE: NodeId = NodeId(2);

    #[tokio::test(start_paused = true)]
    async fn a_torn_page_holds_the_size_back_until_it_is_gone() {
        let (jobs, mut due) = unbounded_channel();
        let pages = Pages::new(jobs, Handle::current());
        assert_eq!(pages.limit(FILE, pages.round(FILE)), u64::MAX);
        let first = pages.enter(FILE);
        assert_eq!(pages.limit(FILE, pages.round(FILE)), 0, "it may come back short");
        drop(first);
        assert_eq!(pages.limit(FILE, pages.round(FILE)), u64::MAX, "it had all it asked for");
        let [second, third] = [pages.enter(FILE), pages.enter(FILE)];
        pages.tear(FILE, 9_000);
        drop(second);
        assert!(due.try_recv().is_err());
        drop(third);
        assert_eq!(pages.limit(FILE, pages.round(FILE)), 0);
        assert!(matches!(due.recv().await, Some(Job::Tear(FILE))));
        let asked = pages.round(FILE);
        assert_eq!(pages.begin(FILE), Some(8_192));
        let during = pages.round(FILE);
        assert_eq!(pages.limit(FILE, during), 0);
        pages.end(FILE, 9_500);
        assert_eq!([asked, during].map(|round| pages.limit(FILE, round)), [0, 0]);
        assert_eq!(pages.limit(FILE, pages.round(FILE)), u64::MAX);
        // A larger size that was just told is to arrive first.
        pages.tell(FILE, 9_500);
        drop(pages.enter(FILE));
        pages.tear(FILE, 9_500);
        assert_eq!(pages.begin(FILE), None);
        assert!(matches!(due.recv().await, Some(Job::Tear(FILE))));
        assert_eq!(pages.begin(FILE), Some(8_192));
        pages.end(FILE, 9_500);
        // Whoever reads on and on gets the size one notice late.
        let _reading = pages.enter(FILE);
        assert_eq!(pages.limit(FILE, pages.round(FILE)), 9_500);
        assert_eq!(pages.begin(FILE), None, "it would wait for the READ");
        pages.forget(FILE);
        assert!(pages.files.lock().is_empty());
    }
}
