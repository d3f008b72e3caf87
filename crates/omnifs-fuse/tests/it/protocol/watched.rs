//! What somebody is told who watches a session.

use std::sync::Arc;
use std::time::Duration;

use omnifs_fuse::{Answered, Observer, Opcode};
use parking_lot::Mutex;
use vfs_testing::Memory;

use crate::kernel::{Kernel, Setup, range};

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<Answered>>);

impl Observer for Seen {
    fn answered(&self, request: Answered) {
        self.0.lock().push(request);
    }
}

impl Seen {
    /// Returns operation, path, errno and calls under way of each request, and begins anew.
    ///
    /// A request is told of after its answer was written: `kernel` asks for what nobody is told
    /// of first, which is answered by the same thread.
    fn take(&self, kernel: &mut Kernel) -> Vec<(&'static str, String, &'static str, usize)> {
        let _answered = kernel.ask(Opcode::Statfs, 1, &[]);
        let seen = std::mem::take(&mut *self.0.lock());
        let told = |request: Answered| {
            let path = request.path.unwrap_or_default();
            (request.op, path, request.errno.unwrap_or("ok"), request.calls.waiting)
        };
        seen.into_iter().map(told).collect()
    }
}

#[test]
fn each_request_about_the_tree_is_told_with_path_and_result() {
    let memory = Memory::new();
    memory
        .file("dir/file", "x")
        .file("dir/slow", "y")
        .slow_read("dir/slow", Duration::from_secs(2));
    let seen = Arc::new(Seen::default());
    let observer: Arc<dyn Observer> = Arc::clone(&seen) as _;
    let setup = Setup { answer: Duration::from_millis(50), ..Setup::default() };
    let (mut kernel, _) = Setup { observer: Some(observer), ..setup }.begin(memory);

    let directory = kernel.ask(Opcode::Lookup, 1, b"dir\0").u64_at(0);
    let handle = kernel.ask(Opcode::Opendir, directory, &[0; 8]).u64_at(0);
    let _listed = kernel.ask(Opcode::Readdir, directory, &range(handle, 0, 4096));
    let mut release = handle.to_ne_bytes().to_vec();
    release.extend([0; 16]);
    assert_eq!(kernel.ask(Opcode::Releasedir, directory, &release).error, 0);
    let missing = kernel.ask(Opcode::Lookup, directory, b"none\0");
    assert_eq!((missing.error, missing.u64_at(0)), (0, 0), "an absence that may be cached");
    assert_eq!(kernel.ask(Opcode::Mkdir, directory, b"\0\0\0\0\0\0\0\0new\0").error, -30);
    let told = |op, path: &str, result| (op, path.to_owned(), result, 0);
    let expected = [
        told("LOOKUP", "/dir", "ok"),
        told("OPENDIR", "/dir", "ok"),
        told("READDIR", "/dir", "ok"),
        told("LOOKUP", "/dir/none", "ENOENT"),
        told("MKDIR", "/dir", "EROFS"),
    ];
    assert_eq!(seen.take(&mut kernel), expected);

    let slow = kernel.ask(Opcode::Lookup, directory, b"slow\0").u64_at(0);
    assert_eq!(kernel.ask(Opcode::Getattr, slow, &[0; 16]).error, -110, "ETIMEDOUT");
    // It is told of by the task that waited for it.
    let timed_out = ("GETATTR", "/dir/slow".to_owned(), "ETIMEDOUT", 1);
    let mut last = Vec::new();
    let ended = wait_until(|| {
        last.extend(seen.take(&mut kernel));
        last.len() >= 2
    });
    assert!(ended && last[1] == timed_out, "{last:?}");
}

fn wait_until(mut holds: impl FnMut() -> bool) -> bool {
    (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        holds()
    })
}
