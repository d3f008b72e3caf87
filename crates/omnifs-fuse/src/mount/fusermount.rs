//! Mounting by `fusermount3`, as an ordinary user.
//!
//! The program mounts and sends the descriptor of the connection over a socket, whose number
//! it finds in `_FUSE_COMMFD`.

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

use super::{MountError, MountOptions, Unmounted, escape_option};

const PROGRAM: &str = "fusermount3";

/// Mounts at `path`, which is absolute and exists.
pub(super) fn mount(path: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    let failed = |errno: rustix::io::Errno| MountError::Program {
        program: PROGRAM,
        reason: errno.to_string(),
    };
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(failed)?;
    let mut command = Command::new(PROGRAM);
    command
        .arg("-o")
        .arg(option_list(options))
        .arg("--")
        .arg(path)
        .env("_FUSE_COMMFD", "0")
        // The errors are told apart by their text.
        .env("LC_ALL", "C")
        // As standard input the socket is inherited without a moment in which another thread's
        // child could inherit it too.
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| cannot_run(&error))?;
    // Closes our copy of the program's end, so that its exit is the end of the stream.
    drop(command);
    let received = receive(&ours);
    let output = child.wait_with_output().map_err(|error| cannot_run(&error))?;
    match received {
        Ok(Some(fd)) if output.status.success() => Ok(fd),
        Ok(_) => Err(explain(path, &text_of(&output))),
        Err(errno) => Err(failed(errno)),
    }
}

/// `fusermount3` adds `nosuid` and `nodev` by itself, and neither of the others.
fn option_list(options: &MountOptions) -> OsString {
    let mut list = b"ro,nosuid,nodev,noexec,subtype=omnifs,fsname=".to_vec();
    list.extend(escape_option(OsStr::new(&options.name)));
    if options.allow_other {
        list.extend(b",allow_other");
    }
    OsString::from_vec(list)
}

fn cannot_run(error: &io::Error) -> MountError {
    match error.kind() {
        io::ErrorKind::NotFound => MountError::NoFusermount,
        _ => MountError::Program { program: PROGRAM, reason: error.to_string() },
    }
}

/// Waits for the descriptor; `None` when the program ends without sending it.
fn receive(socket: &OwnedFd) -> Result<Option<OwnedFd>, rustix::io::Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    loop {
        let mut parts = [IoSliceMut::new(&mut byte)];
        match recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    Ok(ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    }))
}

fn text_of(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim();
    let text = text.strip_prefix("fusermount3: ").unwrap_or(text);
    if text.is_empty() {
        format!("{PROGRAM} ended with {}", output.status)
    } else {
        text.to_owned()
    }
}

/// Turns what `fusermount3` 3.14 says into an error with its remedy.
fn explain(path: &Path, text: &str) -> MountError {
    let path = path.to_owned();
    let reason = text.to_owned();
    let says = |part: &str| text.contains(part);
    if says("/dev/fuse") && says("Permission denied") {
        MountError::DeviceDenied
    } else if says("/dev/fuse") || says("fuse device not found") {
        MountError::NoDevice
    } else if says("user_allow_other") {
        MountError::AllowOther
    } else if says("no write access") {
        MountError::NotWritable { path }
    } else if says("not a directory") {
        MountError::NotADirectory { path }
    } else if says("Operation not permitted") {
        MountError::NotPermitted { path, reason }
    } else if says("failed to access mountpoint") {
        MountError::Mountpoint { path, reason }
    } else {
        MountError::Refused { path, reason }
    }
}

/// Unmounts, lazily when the mount is in use.
pub(super) fn unmount(path: &Path) -> Result<Unmounted, MountError> {
    if run(&["-u"], path)?.status.success() {
        return Ok(Unmounted::Cleanly);
    }
    detach(path)?;
    Ok(Unmounted::Lazily)
}

/// Unmounts lazily, also when the mount is dead.
pub(crate) fn detach(path: &Path) -> Result<(), MountError> {
    let output = run(&["-u", "-z"], path)?;
    if output.status.success() {
        return Ok(());
    }
    Err(MountError::Unmount { path: path.to_owned(), reason: text_of(&output) })
}

fn run(flags: &[&str], path: &Path) -> Result<Output, MountError> {
    Command::new(PROGRAM)
        .args(flags)
        .arg("--")
        .arg(OsStr::from_bytes(path.as_os_str().as_bytes()))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_run(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fusermount_says_becomes_an_error_with_a_remedy() {
        let path = Path::new("/home/u/x");
        let cases = [
            ("failed to open /dev/fuse: Permission denied", "chmod 666 /dev/fuse"),
            ("fuse device not found, try 'modprobe fuse' first", "modprobe fuse"),
            ("mount failed: Operation not permitted", "set-user-id"),
            ("failed to access mountpoint /home/u/x: No such file or directory", "mkdir -p"),
            ("user has no write access to mountpoint /home/u/x", "may write to"),
            ("mountpoint /home/u/x is not a directory or a regular file", "choose an empty"),
            (
                "option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf",
                "user_allow_other",
            ),
            ("mount failed: Invalid argument", "Invalid argument"),
        ];
        for (text, remedy) in cases {
            let error = explain(path, text).to_string();
            assert!(error.contains(remedy), "{text}: {error}");
        }
        assert!(cannot_run(&io::ErrorKind::NotFound.into()).to_string().contains("\"fuse3\""));
    }

    #[test]
    fn asks_for_a_mount_that_can_harm_nobody() {
        let mut options =
            MountOptions { mountpoint: "/m".into(), name: "a,b".into(), allow_other: false };
        let list = option_list(&options);
        assert_eq!(list, "ro,nosuid,nodev,noexec,subtype=omnifs,fsname=a\\,b");
        options.allow_other = true;
        assert!(option_list(&options).as_bytes().ends_with(b",allow_other"));
    }
}
