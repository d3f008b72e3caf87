//! Decoding a request, answering what memory knows, and packing a listing:
//! `cargo bench -p omnifs-fuse`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails loudly")]

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use omnifs_fuse::{Connection, Notices, Opcode, Session, SessionOptions, request};
use omnifs_vfs::{Settings, SystemClock, Tree};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use tokio::runtime::Runtime;
use vfs_testing::Memory;

/// The names of the directory that is listed.
const NAMES: usize = 10_000;

/// Room for the names of one answer.
const PAGE: u32 = 1 << 17;

/// A kernel's side of a session.
struct Kernel {
    socket: OwnedFd,
    unique: u64,
    buffer: Vec<u8>,
    _session: Session,
    _runtime: Runtime,
}

impl Kernel {
    fn begin() -> Self {
        let memory = Memory::new();
        memory.file("file.txt", vec![b'x'; 1024]);
        for number in 0..NAMES {
            memory.file(&format!("many/name-{number:05}.txt"), "");
        }
        let tree = Tree::new(memory, Arc::new(SystemClock::new()), Settings::default());
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap();
        let hello: Vec<u8> = [7_u32, 45, 131_072, u32::MAX, u32::MAX]
            .into_iter()
            .chain([0; 11])
            .flat_map(u32::to_ne_bytes)
            .collect();
        send(&ours, &message(Opcode::Init, (2, 0), &hello), SendFlags::NOSIGNAL).unwrap();
        let options = SessionOptions {
            answer: Duration::from_secs(10),
            notices: Notices::Auto,
            live: false,
            observer: None,
        };
        let connection = Connection::from_socket(theirs);
        let session = Session::serve(connection, tree, runtime.handle().clone(), options).unwrap();
        let buffer = vec![0; 1 << 20];
        let mut kernel =
            Self { socket: ours, unique: 2, buffer, _session: session, _runtime: runtime };
        kernel.receive();
        kernel
    }

    fn receive(&mut self) -> usize {
        recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::empty()).unwrap().1
    }

    /// Sends a request and returns the length of its answer.
    fn ask(&mut self, opcode: Opcode, node: u64, body: &[u8]) -> usize {
        self.unique += 2;
        let message = message(opcode, (self.unique, node), body);
        send(&self.socket, &message, SendFlags::NOSIGNAL).unwrap();
        loop {
            let length = self.receive();
            // A notice has number 0.
            if self.buffer[8..16] == self.unique.to_ne_bytes() {
                assert_eq!(self.buffer[4..8], [0; 4], "{opcode:?} failed");
                return length;
            }
        }
    }

    /// Returns the number at a place of the last answer's body.
    fn word(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.buffer[16 + at..24 + at].try_into().unwrap())
    }
}

fn message(opcode: Opcode, (unique, node): (u64, u64), body: &[u8]) -> Vec<u8> {
    let mut message = u32::try_from(40 + body.len()).unwrap().to_ne_bytes().to_vec();
    message.extend(opcode.number().to_ne_bytes());
    message.extend([unique, node].into_iter().flat_map(u64::to_ne_bytes));
    message.extend([0, 0, std::process::id(), 0].into_iter().flat_map(u32::to_ne_bytes));
    message.extend(body);
    message
}

fn range(handle: u64, offset: u64, size: u32) -> Vec<u8> {
    let mut body: Vec<u8> = [handle, offset].into_iter().flat_map(u64::to_ne_bytes).collect();
    body.extend(size.to_ne_bytes());
    body.extend([0; 20]);
    body
}

fn decode(criterion: &mut Criterion) {
    let lookup = message(Opcode::Lookup, (2, 1), b"file.txt\0");
    criterion.bench_function("decode LOOKUP", |bencher| {
        bencher.iter(|| request::decode(black_box(&lookup)).is_ok());
    });
    let read = message(Opcode::Read, (2, 5), &range(0, 4096, 1 << 17));
    criterion.bench_function("decode READ", |bencher| {
        bencher.iter(|| request::decode(black_box(&read)).is_ok());
    });
}

/// From the message to its answer over a socket, of which the system calls are the larger part.
fn answer(criterion: &mut Criterion) {
    let mut kernel = Kernel::begin();
    criterion.bench_function("answer LOOKUP of a known name", |bencher| {
        bencher.iter(|| kernel.ask(Opcode::Lookup, 1, b"file.txt\0"));
    });
    let node = kernel.word(0);
    criterion.bench_function("answer READ of 1 KiB that is cached", |bencher| {
        bencher.iter(|| kernel.ask(Opcode::Read, node, &range(0, 0, 4096)));
    });
}

fn listing(criterion: &mut Criterion) {
    let mut kernel = Kernel::begin();
    kernel.ask(Opcode::Lookup, 1, b"many\0");
    let node = kernel.word(0);
    for (what, opcode) in [("READDIR", Opcode::Readdir), ("READDIRPLUS", Opcode::Readdirplus)] {
        kernel.ask(Opcode::Opendir, node, &[0; 8]);
        let handle = kernel.word(0);
        criterion.bench_function(&format!("answer {what} of 128 KiB"), |bencher| {
            bencher.iter(|| {
                let length = kernel.ask(opcode, node, &range(handle, 0, PAGE));
                assert!(length > 100_000, "{length} bytes");
            });
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decode(&mut criterion);
    answer(&mut criterion);
    listing(&mut criterion);
    criterion.final_summary();
}
