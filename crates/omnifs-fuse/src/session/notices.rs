//! The thread that tells the kernel what changed.
//!
//! A notice may block in the kernel, so it is never written by a thread that answers requests.
//! Never sent: a plain invalidation of an entry (a directory that is somebody's working
//! directory would lose its name), and data invalidation of a file whose bytes do not change.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use omnifs_vfs::{Change, Name, NodeId};
use rustix::io::Errno;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zerocopy::IntoBytes;

use super::Shared;
use super::gate::{Due, Gate};
use super::pages::Pages;
use super::statistics::Sent;
use crate::negotiate::Agreed;
use crate::wire::{EXPIRE_ONLY, InvalEntryOut, InvalInodeOut, PruneOut, notify};

/// Which notices a session may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notices {
    /// Those that the kernel has.
    #[default]
    Auto,
    /// Only those that Linux 5.15 has, for tests of the fallbacks.
    FallbacksOnly,
}

/// What the thread is woken for.
#[derive(Debug)]
pub(crate) enum Job {
    /// A notice that had to wait.
    Due(Due),
    /// Pages of a live file may have zeros behind their bytes.
    Tear(NodeId),
    /// The session is over.
    Stop,
}

/// Where the thread gets its jobs from.
pub(crate) struct Inbox {
    jobs: UnboundedReceiver<Job>,
    changes: UnboundedReceiver<Change>,
}

impl Inbox {
    /// Returns an inbox for a tree's changes, and the way to put other jobs into it.
    pub(crate) fn new(changes: UnboundedReceiver<Change>) -> (UnboundedSender<Job>, Self) {
        let (sender, jobs) = unbounded_channel();
        (sender, Self { jobs, changes })
    }
}

/// What this kernel takes; each notice that it may lack is tried once.
#[derive(Debug, Clone, Copy)]
struct Abilities {
    prune: bool,
    expire: bool,
}

impl Abilities {
    fn new(notices: Notices, agreed: Agreed) -> Self {
        match notices {
            Notices::Auto => Self { prune: true, expire: agreed.expire_only },
            Notices::FallbacksOnly => Self { prune: false, expire: false },
        }
    }
}

/// Sends notices until the session is over.
pub(crate) fn run(shared: &Arc<Shared>, mut inbox: Inbox, notices: Notices, agreed: Agreed) {
    let write = |kind: Sent, code: i32, body: [&[u8]; 2]| {
        let sent = shared.channel.notify(code, body);
        tracing::trace!(target: "omnifs_fuse", notice = ?kind, result = ?sent, "notice");
        if sent.is_ok() {
            shared.counters.sent(kind);
        }
        sent
    };
    let abilities = Abilities::new(notices, agreed);
    let mut notifier = Notifier { gate: &shared.gate, write, abilities };
    let mut tree_lives = true;
    loop {
        let job = shared.runtime.block_on(async {
            tokio::select! {
                biased;
                job = inbox.jobs.recv() => Ok(job.unwrap_or(Job::Stop)),
                change = inbox.changes.recv(), if tree_lives => Err(change),
            }
        });
        match job {
            Ok(Job::Stop) => return,
            Ok(Job::Due(due)) => notifier.due(due),
            Ok(Job::Tear(file)) => {
                if let Some(pages) = &shared.pages {
                    notifier.tear(pages, file);
                }
            }
            Err(Some(change)) => notifier.change(&change),
            Err(None) => tree_lives = false,
        }
    }
}

/// Decides which notices to send, and hands them to `write`.
struct Notifier<'a, W> {
    gate: &'a Gate,
    write: W,
    abilities: Abilities,
}

impl<W> Notifier<'_, W>
where
    W: Fn(Sent, i32, [&[u8]; 2]) -> Result<(), Errno>,
{
    fn due(&mut self, due: Due) {
        match due {
            Due::Expire(parent, name) => self.expire(parent, &name),
            Due::Relist(directory) => self.relist(directory),
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Listing(directory) => {
                self.gate.listing_changed(*directory);
                self.relist(*directory);
            }
            Change::Version { parent, name, old } => self.push_version(*parent, name, *old),
            Change::Expired { parent, name } => self.expire(*parent, name),
        }
    }

    /// Makes the kernel ask for `name` again. Pruning takes no directory lock but does nothing
    /// while the file is open; expiry does the rest once the directory is quiet; and the
    /// entry's own validity is the backstop of both.
    fn push_version(&mut self, parent: NodeId, name: &Name, old: NodeId) {
        if self.abilities.prune {
            let head = PruneOut { count: 1, ..PruneOut::default() };
            let body = [head.as_bytes(), old.0.as_bytes()];
            self.abilities.prune = self.send(Sent::Prune, notify::PRUNE, body);
        }
        self.expire(parent, name);
    }

    fn expire(&mut self, parent: NodeId, name: &Name) {
        if self.abilities.expire {
            if !self.gate.may_expire(parent, name) {
                return;
            }
            let Ok(namelen) = u32::try_from(name.as_bytes().len()) else { return };
            let head = InvalEntryOut { parent: parent.0, namelen, flags: EXPIRE_ONLY };
            // The name goes with its NUL, which `namelen` does not count.
            let text = [name.as_bytes(), &[0]].concat();
            let body = [head.as_bytes(), text.as_slice()];
            self.abilities.expire = self.send(Sent::ExpireEntry, notify::INVAL_ENTRY, body);
        }
        if !self.abilities.expire {
            // A kernel that cannot expire would throw the entry away instead. A fresh listing
            // replaces the entry by way of readdirplus, and its validity ends anyway.
            self.relist(parent);
        }
    }

    /// Throws the last pages of a live file away, behind whose bytes there may be zeros.
    fn tear(&self, pages: &Arc<Pages>, file: NodeId) {
        let Some(from) = pages.begin(file) else { return };
        let off = i64::try_from(from).unwrap_or(i64::MAX);
        let out = InvalInodeOut { ino: file.0, off, len: 0 };
        self.send(Sent::InvalInode, notify::INVAL_INODE, [out.as_bytes(), &[]]);
        pages.end(file);
    }

    /// Throws the cached listing of `directory` away; this never blocks.
    fn relist(&self, directory: NodeId) {
        let out = InvalInodeOut { ino: directory.0, off: 0, len: 0 };
        self.send(Sent::InvalInode, notify::INVAL_INODE, [out.as_bytes(), &[]]);
    }

    /// Sends one notice and returns whether this kernel knows it.
    fn send(&self, kind: Sent, code: i32, body: [&[u8]; 2]) -> bool {
        // ENOENT: not cached, so there is nothing to do. Others: the mount is going away.
        (self.write)(kind, code, body) != Err(Errno::INVAL)
    }
}
