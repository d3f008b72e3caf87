//! Whether somebody serves a mount.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::mount::MountError;

/// The program that looks. Another process, because one that waits for a mount that hangs may
/// be unkillable, and this one must not be.
const PROGRAM: &str = "stat";
const INTERVAL: Duration = Duration::from_millis(5);

/// Whether a mount is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It answers, or it is another user's and cannot be asked.
    Alive,
    /// Whoever served it is gone: ENOTCONN.
    Disconnected,
    /// It does not answer in time.
    Hanging,
}

/// Asks the mount at `path` for its statistics and waits up to `limit`. Not for a mount that
/// this process serves.
///
/// # Errors
/// [`MountError::Program`] when `stat` cannot be run.
pub fn probe(path: &Path, limit: Duration) -> Result<Liveness, MountError> {
    let failed =
        |error: std::io::Error| MountError::Program { program: PROGRAM, reason: error.to_string() };
    // Of the file system, not of the root: attributes may still be cached.
    let mut child = Command::new(PROGRAM)
        .args(["-f", "-c", "%t", "--"])
        .arg(path)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(Liveness::Alive),
            Some(_) => return Ok(diagnose(&mut child)),
            None if Instant::now() >= deadline => {
                abandon(child);
                return Ok(Liveness::Hanging);
            }
            None => std::thread::sleep(INTERVAL),
        }
    }
}

fn diagnose(child: &mut Child) -> Liveness {
    let mut text = String::new();
    if let Some(stderr) = child.stderr.as_mut() {
        // What cannot be read says nothing, and then the mount counts as dead.
        let _ = stderr.read_to_string(&mut text);
    }
    if text.contains("Permission denied") { Liveness::Alive } else { Liveness::Disconnected }
}

/// Kills the program, and waits for its end elsewhere: it may come only when the mount is gone.
fn abandon(mut child: Child) {
    // Fails when it has just ended.
    let _ = child.kill();
    let reaper = std::thread::Builder::new().name("reaper".to_owned());
    // Without a thread it stays a zombie until this process ends.
    let _ = reaper.spawn(move || child.wait());
}
