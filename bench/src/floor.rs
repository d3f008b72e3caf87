//! The floor: a FUSE server without wasm, cache or upstream. It holds a tree in memory and answers
//! the kernel's messages one after another, with names and pages valid for ever and without opening.
//!
//! It is what a mount costs at least, so it shares no code with the product. The layouts are those
//! of `linux/fuse.h`, minor version 31 and newer; all numbers are in the machine's byte order.

mod message;
mod nodes;

use std::ffi::CString;
use std::io::IoSlice;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read, writev};
use rustix::mount::MountFlags;

use crate::floor::message::{Request, entry, init};
use crate::floor::nodes::{Node, Nodes};

/// The longest message: the kernel wants room for 8 KiB at least.
const MESSAGE: usize = 1 << 16;

/// The name of a mount's type in `/proc/self/mountinfo`.
pub(crate) const KIND: &str = "fuse.floor";

/// Serves a copy of the directory `tree` at `mountpoint` until somebody unmounts it. Needs root.
pub(crate) fn serve(tree: &Path, mountpoint: &Path) -> Result<()> {
    let nodes = Nodes::load(tree).with_context(|| format!("cannot read {}", tree.display()))?;
    let fd = open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .context("cannot open /dev/fuse")?;
    let data = CString::new(format!("fd={},rootmode=40000,user_id=0,group_id=0", fd.as_raw_fd()))?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("floor", mountpoint, KIND, flags, Some(data.as_c_str()))
        .with_context(|| format!("cannot mount at {}", mountpoint.display()))?;
    answer_all(&fd, &nodes, mountpoint)
}

fn answer_all(fd: &OwnedFd, nodes: &Nodes, mountpoint: &Path) -> Result<()> {
    let mut buffer = vec![0; MESSAGE];
    loop {
        let length = match read(fd, buffer.as_mut_slice()) {
            Ok(length) => length,
            // Unmounted.
            Err(Errno::NODEV) => return Ok(()),
            Err(Errno::INTR | Errno::NOENT | Errno::AGAIN) => continue,
            Err(errno) => return Err(errno).context("cannot read from /dev/fuse"),
        };
        let message = buffer.get(..length).unwrap_or_default();
        let Some(request) = Request::parse(message) else { bail!("a short message of the kernel") };
        answer(fd, nodes, &request)?;
        if request.opcode == message::INIT {
            raise_read_ahead(mountpoint);
        }
    }
}

/// Lets the kernel read ahead as much as the product lets it.
fn raise_read_ahead(mountpoint: &Path) {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let at = format!(" {} ", mountpoint.display());
    let device =
        table.lines().filter(|line| line.contains(&at)).find_map(|line| line.split(' ').nth(2));
    if let Some(device) = device {
        // Where it is not there, large reads are slower, and the floor is lower than it could be.
        let _ = std::fs::write(format!("/sys/class/bdi/{device}/read_ahead_kb"), "1024");
    }
}

fn answer(fd: &OwnedFd, nodes: &Nodes, request: &Request<'_>) -> Result<()> {
    match reply(nodes, request) {
        Reply::None => Ok(()),
        Reply::Error(errno) => send(fd, request, -errno.raw_os_error(), &[]),
        Reply::Made(body) => send(fd, request, 0, &body),
        Reply::Bytes(body) => send(fd, request, 0, body),
    }
}

enum Reply<'a> {
    None,
    Error(Errno),
    Made(Vec<u8>),
    Bytes(&'a [u8]),
}

fn reply<'a>(nodes: &'a Nodes, request: &Request<'_>) -> Reply<'a> {
    let node = nodes.get(request.node);
    match (request.opcode, node) {
        (message::INIT, _) => Reply::Made(init(request.body)),
        (message::FORGET | message::BATCH_FORGET | message::INTERRUPT, _) => Reply::None,
        (message::STATFS, _) => Reply::Made(vec![0; 80]),
        (message::LOOKUP, Some(Node { children, .. })) => {
            let name = request.body.strip_suffix(b"\0").unwrap_or(request.body);
            match children.get(name).and_then(|id| Some((*id, nodes.get(*id)?))) {
                Some((id, child)) => Reply::Made(entry(id, child.size(), child.is_directory)),
                None => Reply::Error(Errno::NOENT),
            }
        }
        (message::GETATTR, Some(node)) => {
            Reply::Made(message::attributes(request.node, node.size(), node.is_directory))
        }
        (message::READ, Some(Node { bytes, .. })) => Reply::Bytes(request.range().of(bytes)),
        (message::READDIR, Some(node)) => {
            Reply::Made(message::listing(nodes, node, request, false))
        }
        (message::READDIRPLUS, Some(node)) => {
            Reply::Made(message::listing(nodes, node, request, true))
        }
        // Opening above all: answered so once, it is never asked again.
        _ => Reply::Error(Errno::NOSYS),
    }
}

fn send(fd: &OwnedFd, request: &Request<'_>, error: i32, body: &[u8]) -> Result<()> {
    let length = u32::try_from(16 + body.len()).context("an answer is too long")?;
    let mut head = [0; 16];
    for (to, from) in head.iter_mut().zip(
        length
            .to_ne_bytes()
            .into_iter()
            .chain(error.to_ne_bytes())
            .chain(request.unique.to_ne_bytes()),
    ) {
        *to = from;
    }
    match writev(fd, &[IoSlice::new(&head), IoSlice::new(body)]) {
        // Who asked is gone, or the mount.
        Ok(_) | Err(Errno::NOENT | Errno::NODEV) => Ok(()),
        Err(errno) => Err(errno).context("cannot answer the kernel"),
    }
}
