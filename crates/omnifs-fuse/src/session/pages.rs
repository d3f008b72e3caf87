//! The pages that the kernel has of live files.
//!
//! A live file is read past the page cache, and what it has there is of a private map or of splice
//! (`sendfile` among them). The last page of such a file has zeros behind the bytes that there were
//! when it was read. A larger size uncovers them: the kernel notes the size first and throws its
//! pages away after that, and a program that another one's `stat` overtakes reads NUL bytes between
//! the two. With three programs at 400 appends a second 21 of 31,396 looks at a map showed some,
//! and 3 of 27,684 results of `sendfile`.
//!
//! So a page that may have such zeros is thrown away a moment after it was read. Until then, and a
//! moment longer, nobody is told or given more than what is in the page for certain: a program may
//! have found the page just before, and looks at the size after that; and who reads past the page
//! cache must not have more than the size that a `stat` tells, or it takes the file for truncated.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use omnifs_vfs::NodeId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::notices::Job;

/// How long a page stays that may have zeros behind its bytes; so much is what is told, and read,
/// behind what there is.
///
/// The notice has the kernel take no size out of answers that are under way, and a map ends where
/// the kernel thinks that the file does: so it also is not sent before the last larger size has had
/// this long to arrive. Whoever found such a page before it was thrown away has this long to copy it.
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
    /// So many bytes are in every page that was read since the last notice; no limit without one.
    whole: Option<u64>,
    /// The same of what is read while a notice is sent; none is when this is nothing.
    next: Option<Option<u64>>,
    /// What limited before the last notice, as somebody may still be copying what it threw away.
    thrown_away: Option<u64>,
    /// How many notices were sent.
    notices: u64,
    /// Whether a notice is going to be sent.
    due: bool,
    /// The largest size that was told, and when it was.
    told: Option<(u64, Instant)>,
}

impl Held {
    fn limit(&self) -> u64 {
        let next = self.next.flatten();
        self.whole.into_iter().chain(next).chain(self.thrown_away).min().unwrap_or(u64::MAX)
    }
}

impl Pages {
    /// Returns a table that asks for notices by `jobs`.
    pub(crate) fn new(jobs: UnboundedSender<Job>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { files: Mutex::default(), jobs, runtime })
    }

    /// Takes in that a READ into pages of a live file came, whose answer will have all of so many
    /// bytes that it asks for.
    pub(crate) fn enter(self: &Arc<Self>, file: NodeId, size: u64) -> PageRead {
        let mut files = self.files.lock();
        let held = files.entry(file).or_default();
        held.unanswered += 1;
        let whole = held.next.as_mut().unwrap_or(&mut held.whole);
        *whole = Some(whole.map_or(size, |whole| whole.min(size)));
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

    /// Returns where a file ends for now: nobody may be told of more, or be given more.
    pub(crate) fn limit(&self, file: NodeId) -> u64 {
        self.files.lock().get(&file).map_or(u64::MAX, Held::limit)
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
        held.next = Some(None);
        Some(torn)
    }

    /// Says that they are thrown away.
    pub(crate) fn end(self: &Arc<Self>, file: NodeId) {
        if let Some(held) = self.files.lock().get_mut(&file) {
            held.notices += 1;
            // What the notice before threw away has had its time: they are that far apart.
            held.thrown_away = held.whole;
            held.whole = held.next.take().flatten();
            let (pages, notices) = (Arc::clone(self), held.notices);
            self.runtime.spawn(async move {
                tokio::time::sleep(STAY).await;
                pages.copied(file, notices);
            });
            self.settle(file, held);
        }
    }

    /// Says that nobody copies any more what so many notices threw away.
    fn copied(&self, file: NodeId, notices: u64) {
        if let Some(held) = self.files.lock().get_mut(&file)
            && held.notices == notices
        {
            held.thrown_away = None;
        }
    }

    /// Knows nothing any more of a file.
    pub(crate) fn forget(&self, file: NodeId) {
        self.files.lock().remove(&file);
    }

    fn left(&self, file: NodeId) {
        if let Some(held) = self.files.lock().get_mut(&file) {
            held.unanswered = held.unanswered.saturating_sub(1);
            self.settle(file, held);
        }
    }

    /// Has a notice sent when there is something to throw away, and lifts the limit when there is
    /// not.
    fn settle(&self, file: NodeId, held: &mut Held) {
        if held.unanswered > 0 || held.next.is_some() || held.due {
            return;
        }
        if held.torn.is_some() {
            held.due = true;
            self.remind(file);
        } else {
            held.whole = None;
        }
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
        let limit = || pages.limit(FILE);
        assert_eq!(limit(), u64::MAX);
        let first = pages.enter(FILE, 8_500);
        assert_eq!(limit(), 8_500, "it may come back short");
        drop(first);
        assert_eq!(limit(), u64::MAX, "it had all it asked for");
        let [second, third] = [pages.enter(FILE, 9_000), pages.enter(FILE, 9_100)];
        pages.tear(FILE, 9_000);
        drop(second);
        assert!(due.try_recv().is_err());
        drop(third);
        assert_eq!(limit(), 9_000);
        assert!(matches!(due.recv().await, Some(Job::Tear(FILE))));
        // A larger size that was just told is to arrive first.
        pages.tell(FILE, 9_000);
        assert_eq!(pages.begin(FILE), None);
        assert!(matches!(due.recv().await, Some(Job::Tear(FILE))));
        assert_eq!((pages.begin(FILE), limit()), (Some(8_192), 9_000), "it is under way");
        pages.end(FILE);
        assert_eq!(limit(), 9_000, "somebody may have found the page before");
        tokio::time::sleep(STAY * 2).await;
        assert_eq!(limit(), u64::MAX);
        // Whoever reads on and on gets the size one notice late.
        let short = pages.enter(FILE, 9_500);
        pages.tear(FILE, 9_500);
        drop(short);
        drop(pages.enter(FILE, 9_600));
        assert!(matches!(due.recv().await, Some(Job::Tear(FILE))));
        assert_eq!(pages.begin(FILE), Some(8_192));
        let reading = pages.enter(FILE, 9_700);
        assert_eq!(limit(), 9_500);
        pages.end(FILE);
        assert_eq!(limit(), 9_500);
        tokio::time::sleep(STAY * 2).await;
        assert_eq!(limit(), 9_700);
        assert_eq!(pages.begin(FILE), None, "it would wait for the READ");
        drop(reading);
        pages.forget(FILE);
        assert!(pages.files.lock().is_empty());
    }
}
