//! From a decoded request to a call of the tree: decode, call, reply.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use omnifs_vfs::{Lookup, Name, NodeId, VfsError};
use rustix::io::Errno;
use tokio::sync::oneshot;

use super::gate::Activity;
use super::interrupt::stopped;
use super::pages::Pages;
use super::statistics::Event;
use super::{Shared, Watched};
use crate::dirent::{Form, pack};
use crate::errno::errno;
use crate::reply::{Answer, Outcome, Reply};
use crate::request::{DecodeError, Header, Operation, Range, ReadInto, decode};
use crate::wire::Opcode;
use crate::xattr;

/// What the reader does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Waits for another message.
    Message,
    /// Ends the session.
    End,
}

/// Handles one message.
pub(crate) fn handle(shared: &Arc<Shared>, message: &[u8]) -> Next {
    let (header, operation) = match decode(message) {
        Ok(request) => request,
        Err(error) => {
            refuse(shared, &error);
            return Next::Message;
        }
    };
    let Some(opcode) = Opcode::from_number(header.opcode) else { return Next::Message };
    shared.counters.request(Some(opcode));
    trace_request(opcode, &header);
    let watched = Watched::begin(shared, (opcode, &header), &operation);
    let reply = || Reply::new(shared, header, opcode).watched(watched);
    let node = NodeId(header.node);
    match operation {
        Operation::Lookup { name } => lookup(shared, reply(), name),
        Operation::Getattr => attributes(shared, reply()),
        Operation::Readlink => {
            let target = shared.tree.target(node).map_err(|error| errno(&error));
            let bytes = target.map(|target| Bytes::copy_from_slice(target.as_bytes()));
            reply().send(bytes.map(Answer::Bytes));
        }
        Operation::Open => reply().send(open(shared, node)),
        Operation::Read(range, into) => read(shared, reply(), (range, into)),
        Operation::Opendir => open_directory(shared, reply()),
        Operation::Readdir(range) => list(shared, reply(), range, Form::Names),
        Operation::Readdirplus(range) => list(shared, reply(), range, Form::Attributes),
        Operation::Releasedir { handle } => {
            shared.gate.closed(node, handle);
            shared.tree.release_directory(handle);
            reply().send(Ok(Answer::Done));
        }
        Operation::Forget { count } => forget(shared, node, count),
        Operation::BatchForget(forgets) => {
            forgets.iter().for_each(|(node, count)| forget(shared, NodeId(node), count));
        }
        Operation::Interrupt { unique } => shared.pending.interrupt(unique),
        Operation::NotifyReply => {}
        Operation::Destroy => {
            reply().send(Ok(Answer::Done));
            return Next::End;
        }
        Operation::Getxattr { name, size } => {
            reply().send(xattr::answer(&shared.tree, node, (name, size)));
        }
        Operation::Statfs
        | Operation::Listxattr { .. }
        | Operation::Release
        | Operation::Ioctl
        | Operation::Modify(_)
        | Operation::Unserved(_)
        | Operation::Init(_) => reply().send(fixed(&operation)),
    }
    if shared.is_closing() { Next::End } else { Next::Message }
}

/// One event per request; it costs a load of the callsite's state when nobody listens.
pub(crate) fn trace_request(opcode: Opcode, header: &Header) {
    let (op, req, ino) = (opcode.name(), header.unique, header.node);
    tracing::trace!(target: "omnifs_fuse", op, req, ino, "request");
}

/// Returns the answers that no tree is needed for.
fn fixed(operation: &Operation<'_>) -> Outcome {
    match operation {
        Operation::Statfs => Ok(Answer::Statfs),
        Operation::Release => Ok(Answer::Done),
        // So that copies take nothing of ours along.
        Operation::Listxattr { size: 0 } => Ok(Answer::XattrSize(0)),
        Operation::Listxattr { .. } => Ok(Answer::Done),
        Operation::Modify(_) => Err(Errno::ROFS),
        Operation::Ioctl => Err(Errno::NOTTY),
        // The conversation has begun already.
        Operation::Init(_) => Err(Errno::IO),
        _ => Err(Errno::NOSYS),
    }
}

fn refuse(shared: &Arc<Shared>, error: &DecodeError) {
    let (header, errno) = match error {
        DecodeError::Header { .. } => {
            shared.counters.event(Event::BadMessage);
            tracing::warn!(target: "omnifs_fuse", %error, "message of the kernel dropped");
            return;
        }
        DecodeError::Unknown(header) => {
            shared.counters.request(None);
            (header, Errno::NOSYS)
        }
        DecodeError::Arguments(header) => {
            shared.counters.event(Event::BadMessage);
            (header, Errno::IO)
        }
    };
    tracing::debug!(target: "omnifs_fuse", %error, req = header.unique, %errno, "request refused");
    // A message without a number wants no answer; one would be taken for a notice.
    if header.unique != 0
        && let Err(errno) = shared.channel.refuse(header.unique, errno)
    {
        tracing::debug!(target: "omnifs_fuse", %errno, "refusal not delivered");
    }
}

fn lookup(shared: &Arc<Shared>, reply: Reply, name: &[u8]) {
    let parent = NodeId(reply.header().node);
    let name = match Name::from_request(name) {
        Ok(name) => name,
        Err(error) => return reply.send(Err(errno(&error))),
    };
    let tree = Arc::clone(&shared.tree);
    let reply = reply.holding(shared.gate.enter(parent, Activity::Lookup));
    answer(shared, reply, async move {
        match tree.lookup(parent, &name).await? {
            Lookup::Found(entry) => Ok(Answer::Entry(entry)),
            // An absence that may not be cached is an error and no entry.
            Lookup::Absent { valid } if valid.is_zero() => Err(VfsError::NotFound.into()),
            Lookup::Absent { valid } => Ok(Answer::Absent(valid)),
        }
    });
}

fn attributes(shared: &Arc<Shared>, reply: Reply) {
    let (tree, node) = (Arc::clone(&shared.tree), NodeId(reply.header().node));
    let Some(pages) = shared.pages.clone() else {
        return answer(shared, reply, async move {
            Ok(Answer::Attributes(tree.attributes(node).await?))
        });
    };
    answer(shared, reply, async move {
        let shown = tree.attributes_up_to(node, || pages.limit(node)).await?;
        pages.tell(node, shown.size);
        Ok(Answer::Attributes(shown))
    });
}

fn forget(shared: &Shared, node: NodeId, count: u64) {
    shared.tree.forget(node, count);
    if let Some(pages) = shared.pages.as_ref().filter(|_| !shared.tree.is_live(node)) {
        pages.forget(node);
    }
}

/// Answers OPEN. Where no file is live the kernel opens files by itself from then on.
fn open(shared: &Shared, node: NodeId) -> Outcome {
    if shared.pages.is_none() {
        return Err(Errno::NOSYS);
    }
    shared.tree.open_file(node).map(Answer::File).map_err(|error| errno(&error))
}

fn read(shared: &Arc<Shared>, reply: Reply, (range, into): (Range, ReadInto)) {
    let node = NodeId(reply.header().node);
    if let Some(pages) = shared.pages.clone().filter(|_| shared.tree.is_live(node)) {
        return read_live(shared, (reply, pages), (range, into));
    }
    let tree = Arc::clone(&shared.tree);
    let (reads, offset) = (Arc::clone(&shared.reads), range.offset);
    let reply = reply.in_turn(reads.enter(node, offset));
    answer(shared, reply, async move {
        let bytes = tree.read(node, offset, range.size).await?;
        if bytes.is_empty() {
            reads.answered_before(node, offset).await;
        }
        Ok(Answer::Bytes(bytes))
    });
}

fn read_live(
    shared: &Arc<Shared>,
    (reply, pages): (Reply, Arc<Pages>),
    (range, into): (Range, ReadInto),
) {
    let (tree, node) = (Arc::clone(&shared.tree), NodeId(reply.header().node));
    let reply = match into {
        ReadInto::Program => reply,
        ReadInto::Pages => {
            // What is known now is in the answer, which is asked for after this.
            let known = tree.live_size(node).unwrap_or(0);
            reply.paging(pages.enter(node, known))
        }
    };
    answer(shared, reply, async move {
        let bytes = tree.read(node, range.offset, range.size).await?;
        let length = bytes.len() as u64;
        match into {
            ReadInto::Pages => {
                if length < range.size.into() {
                    pages.tear(node, range.offset.saturating_add(length));
                }
                Ok(Answer::Bytes(bytes))
            }
            ReadInto::Program => {
                let left = pages.limit(node).saturating_sub(range.offset).min(length);
                Ok(Answer::Bytes(bytes.slice(..usize::try_from(left).unwrap_or(0))))
            }
        }
    });
}

fn open_directory(shared: &Arc<Shared>, reply: Reply) {
    let (tree, node) = (Arc::clone(&shared.tree), NodeId(reply.header().node));
    let reply = reply.holding(shared.gate.enter(node, Activity::Opening));
    answer(shared, reply, async move { Ok(Answer::Directory(tree.open_directory(node).await?)) });
}

fn list(shared: &Arc<Shared>, reply: Reply, range: Range, form: Form) {
    let directory = NodeId(reply.header().node);
    let reply = reply.holding(shared.gate.enter(directory, Activity::Listing));
    let (tree, gate, owner) = (Arc::clone(&shared.tree), Arc::clone(&shared.gate), shared.owner);
    answer(shared, reply, async move {
        let mut reader = tree.read_directory(range.handle, range.offset).await?;
        let size = usize::try_from(range.size).unwrap_or(usize::MAX);
        let packed = pack(&mut reader, form, size, owner)?;
        if packed.bytes.is_empty() {
            gate.finished(directory, range.handle);
        }
        Ok(Answer::Listing(packed))
    });
}

type Contained<F> = Pin<Box<CatchUnwind<AssertUnwindSafe<F>>>>;
type Finished = Result<Result<Answer, Refusal>, Box<dyn Any + Send>>;

/// Why a request gets no answer but an errno.
#[derive(Debug)]
enum Refusal {
    /// The tree has it so.
    Tree(VfsError),
    /// What the kernel asked for cannot be.
    Request(Errno),
}

impl From<VfsError> for Refusal {
    fn from(error: VfsError) -> Self {
        Self::Tree(error)
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Request(errno)
    }
}

/// Answers with what `work` comes to: at once when it is ready, which is the common case and
/// needs no task, and by its deadline otherwise.
fn answer<F>(shared: &Arc<Shared>, reply: Reply, work: F)
where
    F: Future<Output = Result<Answer, Refusal>> + Send + 'static,
{
    match reply.tally() {
        None => answer_unwatched(shared, reply, work),
        Some(tally) => answer_unwatched(shared, reply, tally.scope(work)),
    }
}

fn answer_unwatched<F>(shared: &Arc<Shared>, reply: Reply, work: F)
where
    F: Future<Output = Result<Answer, Refusal>> + Send + 'static,
{
    let mut work: Contained<F> = Box::pin(AssertUnwindSafe(work).catch_unwind());
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(finished) => {
            let outcome = outcome(shared, reply.header(), finished);
            reply.send(outcome);
        }
        Poll::Pending => {
            let signalled = shared.pending.insert(reply.header().unique);
            let waiting = wait(Arc::clone(shared), reply, work, signalled);
            shared.runtime.spawn(waiting);
        }
    }
}

/// Waits for `work`, but not longer than a request may take or its process wants to.
async fn wait<F>(
    shared: Arc<Shared>,
    reply: Reply,
    work: Contained<F>,
    signalled: oneshot::Receiver<()>,
) where
    F: Future<Output = Result<Answer, Refusal>> + Send + 'static,
{
    let unique = reply.header().unique;
    let pid = reply.header().pid;
    let given_up = async {
        match signalled.await {
            Ok(()) => {
                stopped(pid).await;
                Errno::INTR
            }
            // The session is over.
            Err(_) => Errno::NOTCONN,
        }
    };
    let outcome = tokio::select! {
        biased;
        finished = work => outcome(&shared, reply.header(), finished),
        errno = given_up => {
            if errno == Errno::INTR {
                shared.counters.event(Event::Interrupted);
            }
            Err(errno)
        }
        () = tokio::time::sleep(shared.answer) => {
            shared.counters.event(Event::TimedOut);
            Err(Errno::TIMEDOUT)
        }
    };
    shared.pending.remove(unique);
    reply.send(outcome);
}

/// Turns the end of some work into an answer.
fn outcome(shared: &Shared, header: &Header, finished: Finished) -> Outcome {
    match finished {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Refusal::Request(errno))) => Err(errno),
        Ok(Err(Refusal::Tree(error))) => {
            let op = Opcode::from_number(header.opcode).map_or("unknown", Opcode::name);
            let (req, ino) = (header.unique, header.node);
            tracing::debug!(target: "omnifs_fuse", op, req, ino, %error, "request failed");
            Err(errno(&error))
        }
        Err(panic) => {
            shared.counters.event(Event::Panic);
            report_panic(panic.as_ref());
            Err(Errno::IO)
        }
    }
}

/// Logs a panic that was caught.
pub(crate) fn report_panic(panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    tracing::error!(target: "omnifs_fuse", panic = text, "a request panicked and was answered EIO");
}
