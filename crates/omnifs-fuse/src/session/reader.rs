//! The thread that reads the kernel's requests. It never waits for a tree.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rustix::io::Errno;

use super::dispatch::{Next, handle, report_panic, trace_request};
use super::notices::Job;
use super::statistics::Event;
use super::{SessionError, Shared};
use crate::negotiate::{Agreed, Negotiation, negotiate};
use crate::reply::{Answer, Reply};
use crate::request::{Operation, decode};
use crate::wire::Opcode;

/// Room for one message: the kernel asks for 8 KiB and more than one `max_write`, and packs
/// as many FORGETs as fit.
const BUFFER: usize = 132 << 10;

/// Says how the beginning went.
pub(crate) type Ready = SyncSender<Result<Agreed, SessionError>>;

/// Reads requests until the connection ends.
pub(crate) fn run(shared: &Arc<Shared>, ready: &Ready) {
    let mut buffer = vec![0; BUFFER];
    let _runtime = shared.runtime.enter();
    match begin(shared, &mut buffer) {
        Ok(agreed) => {
            // Nobody listens when the caller gave up; the session then closes.
            let _ = ready.send(Ok(agreed));
            serve(shared, &mut buffer);
        }
        Err(error) => {
            let _ = ready.send(Err(error));
        }
    }
    shared.pending.clear();
    // The notice thread may have ended first.
    let _ = shared.jobs.send(Job::Stop);
    shared.ended.send_replace(true);
}

/// Answers INIT.
fn begin(shared: &Arc<Shared>, buffer: &mut [u8]) -> Result<Agreed, SessionError> {
    loop {
        let length = shared
            .channel
            .receive(buffer)
            .map_err(|errno| SessionError::Read(errno.into()))?
            .ok_or(SessionError::Ended)?;
        let message = buffer.get(..length).unwrap_or_default();
        let Ok((header, Operation::Init(hello))) = decode(message) else {
            if shared.is_closing() {
                return Err(SessionError::Ended);
            }
            // Nothing else can come first.
            shared.counters.event(Event::BadMessage);
            continue;
        };
        shared.counters.request(Some(Opcode::Init));
        trace_request(Opcode::Init, &header);
        let reply = Reply::new(shared, header, Opcode::Init);
        match negotiate(&hello, rustix::param::page_size()) {
            Negotiation::Agreed(out, agreed) => {
                reply.send(Ok(Answer::Init(out)));
                return Ok(agreed);
            }
            Negotiation::Again(out) => reply.send(Ok(Answer::Init(out))),
            Negotiation::TooOld { major, minor } => {
                reply.send(Err(Errno::PROTO));
                return Err(SessionError::KernelTooOld { major, minor });
            }
        }
    }
}

fn serve(shared: &Arc<Shared>, buffer: &mut [u8]) {
    loop {
        let length = match shared.channel.receive(buffer) {
            Ok(Some(length)) => length,
            Ok(None) => return,
            Err(errno) => {
                tracing::error!(target: "omnifs_fuse", %errno, "cannot read the kernel's requests");
                return;
            }
        };
        let message = buffer.get(..length).unwrap_or_default();
        // A reply that is dropped on the way out answers EIO.
        match catch_unwind(AssertUnwindSafe(|| handle(shared, message))) {
            Ok(Next::Message) => {}
            Ok(Next::End) => return,
            Err(panic) => {
                shared.counters.event(Event::Panic);
                report_panic(panic.as_ref());
            }
        }
    }
}
