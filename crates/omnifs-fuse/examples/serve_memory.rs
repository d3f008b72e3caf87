//! Mounts a small tree from memory: `serve_memory MOUNTPOINT NAME`. And the opposite:
//! `serve_memory --clear MOUNTPOINT` says whether a mount lives, and removes a dead one.
//!
//! Says `ready` once it serves, and ends at the end of its input or when somebody unmounts.
//! The tests use it where the server has to be a process of its own: one that is killed, or
//! that belongs to an ordinary user.

use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use omnifs_fuse::mounts::{Liveness, clear_dead, probe};
use omnifs_fuse::{MountOptions, Notices, Session, SessionOptions, mount};
use omnifs_vfs::{Settings, SystemClock, Tree};
use vfs_testing::Memory;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(mountpoint), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: serve_memory MOUNTPOINT NAME".into());
    };
    if mountpoint == "--clear" {
        return clear(Path::new(&name));
    }
    let memory = Memory::new();
    memory
        .file("hello.txt", "hello from memory\n")
        .file("directory/deep.txt", "deep\n")
        .file("slow.txt", "slow\n")
        .slow_read("slow.txt", Duration::from_secs(3600));
    let tree = Tree::new(memory, Arc::new(SystemClock::new()), Settings::default());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let options = MountOptions { mountpoint: mountpoint.into(), name, allow_other: false };
    let session = Session::serve(
        mount(&options)?,
        tree,
        runtime.handle().clone(),
        SessionOptions {
            answer: Duration::from_secs(3600),
            notices: Notices::Auto,
            live: false,
            observer: None,
        },
    )?;
    let mut output = std::io::stdout();
    output.write_all(b"ready\n")?;
    output.flush()?;
    let (input_ended, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let result = std::io::stdin().read_to_end(&mut Vec::new());
        // Nobody listens once the mount is gone.
        let _ = input_ended.send(result);
    });
    runtime.block_on(async {
        tokio::select! {
            () = session.ended() => {}
            _ = ended => {}
        }
    });
    drop(session);
    Ok(())
}

fn clear(path: &Path) -> Result<(), Box<dyn Error>> {
    let liveness = probe(path, Duration::from_secs(1))?;
    writeln!(std::io::stdout(), "{liveness:?}")?;
    if liveness != Liveness::Alive {
        clear_dead(path)?;
    }
    Ok(())
}
