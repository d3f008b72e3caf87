//! The daemon under a service manager.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, guests, wait_until};

use crate::{LIMIT, OMNIFS, config_of};

/// Starts a daemon in the foreground that finds this socket in its environment.
fn start(sandbox: &Sandbox, path: &std::path::Path) -> Child {
    let mut command = sandbox.command("omnifs");
    command.args(["start", "--foreground"]).env("NOTIFY_SOCKET", path);
    command.stderr(std::process::Stdio::null()).spawn().unwrap()
}

fn next(socket: &UnixDatagram) -> String {
    let mut message = [0; 100];
    let length = socket.recv(&mut message).unwrap();
    String::from_utf8_lossy(&message[..length]).into_owned()
}

#[test]
fn it_hears_when_every_mount_stands_and_when_the_daemon_ends() {
    let sandbox = Sandbox::new(OMNIFS);
    sandbox.configure(&config_of(&sandbox, &[("hello", guests::HELLO_PATH)], ""));
    let path = sandbox.root().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut daemon = start(&sandbox, &path);
    assert_eq!(next(&socket), "READY=1\n");
    let file = sandbox.root().join("mnt/hello/hello.txt");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "hello from omnifs\n");
    let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(next(&socket), "STOPPING=1\n");
    assert!(wait_until(LIMIT, || daemon.try_wait().unwrap().is_some()));
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    assert!(sandbox.mounts().is_empty());
}

#[test]
fn it_hears_nothing_of_a_daemon_that_is_not_its_own_or_never_ran() {
    let sandbox = Sandbox::new(OMNIFS);
    let path = sandbox.root().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut failing = start(&sandbox, &path);
    assert!(wait_until(LIMIT, || failing.try_wait().unwrap().is_some()));
    assert_eq!(failing.wait().unwrap().code(), Some(4));
    sandbox.configure("");
    for command in ["start", "stop"] {
        let mut command = {
            let mut omnifs = sandbox.command("omnifs");
            omnifs.arg(command).env("NOTIFY_SOCKET", &path);
            omnifs
        };
        let _done = testkit::run(&mut command).expect_code(0);
    }
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let nothing = socket.recv(&mut [0; 100]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}
