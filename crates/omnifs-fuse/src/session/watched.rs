//! Requests as somebody sees them who watches a session.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omnifs_vfs::{Calls, NodeId, Tally};
use rustix::io::Errno;

use super::Shared;
use crate::errno::name;
use crate::reply::{Answer, Outcome};
use crate::request::{Header, Operation};
use crate::wire::Opcode;

/// Who is told of each answered request that is about the tree: housekeeping of the kernel's, as
/// FORGET and RELEASEDIR are, is not.
///
/// It is told by the threads that answer, so an implementer must not block.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Takes one in.
    fn answered(&self, request: Answered);
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The kernel's name of what was asked, such as `LOOKUP`.
    pub op: &'static str,
    /// The path from the root of the mount that it was about; `None` when the tree had forgotten
    /// the node. Bytes of a name that are no UTF-8 are replaced.
    pub path: Option<String>,
    /// The name of the errno that it was answered with, as errno(3) has it; `None` for success.
    pub errno: Option<&'static str>,
    /// How long it took from its coming to its answer.
    pub took: Duration,
    /// What it waited for.
    pub calls: Calls,
}

/// A request that is watched, before its answer.
#[derive(Debug)]
pub(crate) struct Watched {
    begun: Instant,
    op: &'static str,
    path: Option<String>,
    tally: Arc<Tally>,
}

impl Watched {
    /// Begins to watch a request, if somebody wants to know of it.
    pub(crate) fn begin(
        shared: &Shared,
        (opcode, header): (Opcode, &Header),
        operation: &Operation<'_>,
    ) -> Option<Box<Self>> {
        shared.observer.as_ref()?;
        let name = match operation {
            Operation::Lookup { name } => Some(*name),
            Operation::Getattr
            | Operation::Readlink
            | Operation::Read(..)
            | Operation::Opendir
            | Operation::Readdir(_)
            | Operation::Readdirplus(_)
            | Operation::Modify(_) => None,
            // The kernel's housekeeping, and what no tree is needed for.
            _ => return None,
        };
        let path = shared.tree.path(NodeId(header.node)).map(|path| match name {
            Some(name) => {
                format!("{}/{}", path.trim_end_matches('/'), String::from_utf8_lossy(name))
            }
            None => path,
        });
        let (begun, op) = (Instant::now(), opcode.name());
        Some(Box::new(Self { begun, op, path, tally: Arc::default() }))
    }

    /// Returns on whose account the request is worked on.
    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Ends it with what it is answered, of which only the errno is wanted.
    pub(crate) fn end(self, shared: &Shared, errno: Option<Errno>) {
        let Some(observer) = &shared.observer else { return };
        observer.answered(Answered {
            op: self.op,
            path: self.path,
            errno: errno.map(name),
            took: self.begun.elapsed(),
            calls: self.tally.calls(),
        });
    }
}

/// Returns the errno that a program sees for an answer.
pub(crate) fn shown_errno(outcome: &Outcome) -> Option<Errno> {
    match outcome {
        Err(errno) => Some(*errno),
        Ok(Answer::Absent(_)) => Some(Errno::NOENT),
        Ok(_) => None,
    }
}
