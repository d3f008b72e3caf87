//! Mounts whose server is gone, or does not answer.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use omnifs_fuse::mounts::{self, Liveness, clear_dead, probe};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::mounted::{PATIENCE, Talk, server, soon, waits};

/// A tree that another process serves. Whatever happens, its mount is cleared.
struct Server {
    talk: Talk,
    directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let talk = Self::serve(directory.path());
        Self { talk, directory }
    }

    fn serve(path: &Path) -> Talk {
        let mut talk = Talk::start(Command::new(server()).arg(path).arg("victim"));
        assert_eq!(talk.hear(), "ready");
        talk
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.talk.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Stops every thread of the server; the signal alone is not the end of it.
    fn stop(&self) {
        self.signal(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.talk.child.id());
        let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("status"))
                .is_ok_and(|status| status.contains("State:\tT"))
        };
        assert!(soon(|| std::fs::read_dir(&tasks).unwrap().all(is_stopped)));
    }

    /// Starts a process that waits for the server.
    fn waiter(&self) -> Talk {
        let waiter = Talk::start(Command::new("cat").arg(self.path().join("slow.txt")));
        assert!(soon(|| waits(waiter.child.id())), "nobody waits");
        waiter
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.talk.child.kill();
        if matches!(mounts::at(self.path()), Ok(Some(_))) {
            clear_dead(self.path()).unwrap();
        }
    }
}

#[test]
fn a_living_mount_is_alive() {
    let server = Server::start();
    assert_eq!(probe(server.path(), PATIENCE).unwrap(), Liveness::Alive);
    assert_eq!(mounts::at(server.path()).unwrap().unwrap().name, "victim");
}

#[test]
fn the_mount_of_a_killed_server_is_found_and_replaced() {
    let mut server = Server::start();
    let mut user = Talk::start(Command::new("sh").current_dir(server.path()));
    user.say("echo inside");
    assert_eq!(user.hear(), "inside");
    server.talk.child.kill().unwrap();
    assert!(server.talk.ends());
    assert!(soon(|| probe(server.path(), PATIENCE).unwrap() == Liveness::Disconnected));
    clear_dead(server.path()).unwrap();
    assert!(mounts::at(server.path()).unwrap().is_none());
    server.talk = Server::serve(server.path());
    let ours = mounts::all().unwrap().into_iter().filter(|m| m.mountpoint == server.path());
    assert_eq!(ours.count(), 1);
    assert_eq!(probe(server.path(), PATIENCE).unwrap(), Liveness::Alive);
}

#[test]
fn a_server_killed_with_requests_unanswered_leaves_no_waiter() {
    let mut server = Server::start();
    let mut waiter = server.waiter();
    server.talk.child.kill().unwrap();
    assert!(waiter.ends(), "a process waits for ever");
    clear_dead(server.path()).unwrap();
}

#[test]
fn a_mount_that_hangs_is_found_and_cleared_and_its_waiters_end() {
    let server = Server::start();
    let mut waiter = server.waiter();
    server.stop();
    let limit = Duration::from_millis(300);
    assert_eq!(probe(server.path(), limit).unwrap(), Liveness::Hanging);
    assert!(waiter.is_running());
    clear_dead(server.path()).unwrap();
    assert!(mounts::at(server.path()).unwrap().is_none());
    assert!(waiter.ends(), "a process waits for ever");
    assert!(std::fs::read_dir(server.path()).unwrap().next().is_none());
    server.signal(Signal::CONT);
}

#[test]
fn what_is_not_mounted_needs_no_clearing() {
    let directory = tempfile::tempdir().unwrap();
    clear_dead(directory.path()).unwrap();
    assert!(mounts::at(directory.path()).unwrap().is_none());
    assert_eq!(probe(directory.path(), PATIENCE).unwrap(), Liveness::Alive);
}
