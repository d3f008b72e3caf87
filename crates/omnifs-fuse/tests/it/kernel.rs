//! The kernel's side of a session, over a socket; its bytes are laid out by hand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use omnifs_fuse::{Connection, Notices, Observer, Opcode, Session, SessionError, SessionOptions};
use omnifs_vfs::{Clock, Settings, TestClock, Timestamp, Tree};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use tokio::runtime::Runtime;
use vfs_testing::Memory;

/// Every feature there is, in both halves.
pub(crate) const ALL_FLAGS: u64 = u64::MAX;

/// How long an answer may take before the session counts as hung.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// A message that the kernel got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) error: i32,
    pub(crate) unique: u64,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the number of 8 bytes at this place of the body.
    pub(crate) fn u64_at(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.body[at..at + 8].try_into().unwrap())
    }

    /// Returns the number of 4 bytes at this place of the body.
    pub(crate) fn u32_at(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.body[at..at + 4].try_into().unwrap())
    }
}

/// A clock that panics on request.
#[derive(Debug, Default)]
pub(crate) struct FragileClock {
    pub(crate) time: TestClock,
    pub(crate) broken: AtomicBool,
}

impl Clock for FragileClock {
    fn monotonic(&self) -> Duration {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock is broken");
        self.time.monotonic()
    }

    fn suspended(&self) -> Duration {
        self.time.suspended()
    }

    fn calendar(&self) -> Timestamp {
        self.time.calendar()
    }
}

/// A kernel with a session to talk to.
pub(crate) struct Kernel {
    socket: OwnedFd,
    next: u64,
    /// Notices that came while an answer was awaited.
    notices: RefCell<VecDeque<Answer>>,
    pub(crate) session: Option<Session>,
    pub(crate) tree: Arc<Tree>,
    pub(crate) clock: Arc<FragileClock>,
    pub(crate) runtime: Runtime,
}

/// How to begin.
pub(crate) struct Setup {
    pub(crate) answer: Duration,
    pub(crate) notices: Notices,
    pub(crate) live: bool,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) flags: u64,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Default for Setup {
    fn default() -> Self {
        let answer = Duration::from_secs(10);
        let (notices, live, flags) = (Notices::Auto, false, ALL_FLAGS);
        Self { answer, notices, live, major: 7, minor: 45, flags, observer: None }
    }
}

impl Setup {
    /// Begins a session over `source`, and returns it with the first answer.
    pub(crate) fn begin(self, source: Arc<Memory>) -> (Kernel, Answer) {
        let (kernel, session) = self.try_begin(source, |_| ());
        let mut kernel = kernel;
        kernel.session = Some(session.unwrap());
        let hello = kernel.receive();
        (kernel, hello)
    }

    /// Begins a session; `before` sends more than the first INIT.
    pub(crate) fn try_begin(
        self,
        source: Arc<Memory>,
        before: impl FnOnce(&mut Kernel),
    ) -> (Kernel, Result<Session, SessionError>) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let clock = Arc::new(FragileClock::default());
        let watched = self.observer.is_some();
        let settings = Settings { answer: self.answer, watched, ..Settings::default() };
        let tree = Tree::new(source, Arc::clone(&clock) as Arc<dyn Clock>, settings);
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap();
        let mut kernel = Kernel {
            socket: ours,
            next: 2,
            notices: RefCell::default(),
            session: None,
            tree: Arc::clone(&tree),
            clock,
            runtime,
        };
        kernel.request(Opcode::Init, 0, &init(self.major, self.minor, self.flags));
        before(&mut kernel);
        let Self { answer, notices, live, observer, .. } = self;
        let options = SessionOptions { answer, notices, live, observer };
        let handle = kernel.runtime.handle().clone();
        let session = Session::serve(Connection::from_socket(theirs), tree, handle, options);
        (kernel, session)
    }
}

/// Returns the arguments of INIT.
pub(crate) fn init(major: u32, minor: u32, flags: u64) -> Vec<u8> {
    let (low, high) = ((flags & 0xffff_ffff) as u32, (flags >> 32) as u32);
    let mut body = Vec::new();
    for word in [major, minor, 131_072, low, high].into_iter().chain([0; 11]) {
        body.extend(word.to_ne_bytes());
    }
    body
}

/// Returns the arguments of READ and READDIR.
pub(crate) fn range(handle: u64, offset: u64, size: u32) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(handle.to_ne_bytes());
    body.extend(offset.to_ne_bytes());
    body.extend(size.to_ne_bytes());
    body.extend([0; 20]);
    body
}

impl Kernel {
    /// Begins with the newest kernel.
    pub(crate) fn begin(source: Arc<Memory>) -> Self {
        Setup::default().begin(source).0
    }

    pub(crate) fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }

    /// Sends a request of this process and returns its number.
    pub(crate) fn request(&mut self, opcode: Opcode, node: u64, body: &[u8]) -> u64 {
        self.request_of(std::process::id(), (opcode, node), body)
    }

    /// Sends a request of process `pid` and returns its number.
    pub(crate) fn request_of(
        &mut self,
        pid: u32,
        (opcode, node): (Opcode, u64),
        body: &[u8],
    ) -> u64 {
        let unique = self.next;
        self.next += 2;
        self.send(&message(opcode.number(), (unique, node, pid), body));
        unique
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&self, message: &[u8]) {
        assert_eq!(send(&self.socket, message, SendFlags::NOSIGNAL), Ok(message.len()));
    }

    /// Sends a request and returns its answer.
    pub(crate) fn ask(&mut self, opcode: Opcode, node: u64, body: &[u8]) -> Answer {
        let unique = self.request(opcode, node, body);
        let mut answer = self.read();
        while answer.unique == 0 {
            self.notices.get_mut().push_back(answer);
            answer = self.read();
        }
        assert_eq!(answer.unique, unique, "{opcode:?}");
        answer
    }

    /// Looks a name up in the root and returns its node.
    pub(crate) fn node(&mut self, name: &str) -> u64 {
        let answer = self.ask(Opcode::Lookup, 1, format!("{name}\0").as_bytes());
        assert_eq!(answer.error, 0, "lookup of {name}");
        answer.u64_at(0)
    }

    /// Returns the next message: an answer, or a notice that came before or comes now.
    pub(crate) fn receive(&self) -> Answer {
        let earlier = self.notices.borrow_mut().pop_front();
        earlier.unwrap_or_else(|| self.read())
    }

    fn read(&self) -> Answer {
        assert!(self.is_readable(&PATIENCE), "no message came");
        let mut buffer = vec![0; 1 << 20];
        let (_, length) = recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty()).unwrap();
        assert!(length >= 16, "a message of {length} bytes");
        let message = &buffer[..length];
        let said = u32::from_ne_bytes(message[..4].try_into().unwrap());
        assert_eq!(said as usize, length, "the length in the header");
        Answer {
            error: i32::from_ne_bytes(message[4..8].try_into().unwrap()),
            unique: u64::from_ne_bytes(message[8..16].try_into().unwrap()),
            body: message[16..].to_vec(),
        }
    }

    /// Returns whether a message is there already or comes in a moment.
    pub(crate) fn has_message(&self, patience: &Timespec) -> bool {
        !self.notices.borrow().is_empty() || self.is_readable(patience)
    }

    fn is_readable(&self, patience: &Timespec) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut fds, Some(patience)).unwrap() > 0
    }

    /// Says that the kernel takes no more answers.
    pub(crate) fn stop_reading(&self) {
        rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Read).unwrap();
    }

    /// Hangs up.
    pub(crate) fn hang_up(&self) {
        rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both).unwrap();
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // Before the runtime.
        self.session = None;
    }
}

/// Returns a message with its header.
pub(crate) fn message(opcode: u32, (unique, node, pid): (u64, u64, u32), body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(u32::try_from(40 + body.len()).unwrap().to_ne_bytes());
    message.extend(opcode.to_ne_bytes());
    message.extend(unique.to_ne_bytes());
    message.extend(node.to_ne_bytes());
    for word in [0, 0, pid, 0] {
        message.extend(word.to_ne_bytes());
    }
    message.extend(body);
    message
}
