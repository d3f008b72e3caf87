//! The directories that providers are mounted on.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use omnifs_fuse::mounts::{self, Liveness};

use super::{Finding, User};
use crate::config::{Config, ProviderConfig};
use crate::control::Trouble;
use crate::daemon::mountpoint::{self, Present};

const TOPIC: &str = "mount";

/// How long one directory may take: the way to it may lead through a mount that hangs.
const LIMIT: Duration = Duration::from_secs(5);

/// How long a mount may take to show that somebody serves it.
const ALIVE: Duration = Duration::from_secs(1);

/// Looks at the mount directory of every provider that is enabled.
pub(super) fn check(user: User, config: &Config) -> Vec<Finding> {
    config.enabled().map(|provider| in_time(user, provider)).collect()
}

/// Looks from another thread, which is left behind when it hangs.
fn in_time(user: User, provider: &ProviderConfig) -> Finding {
    let (send, found) = mpsc::channel();
    let mount = provider.mount.clone();
    let looking = std::thread::Builder::new().name("mount".to_owned()).spawn(move || {
        // Nobody hears it when it comes too late.
        let _late = send.send(examine(user, &mount));
    });
    let name = &provider.name;
    let answer = looking.ok().and_then(|_| found.recv_timeout(LIMIT).ok());
    match answer {
        Some(Ok(text)) => Finding::ok(TOPIC, format!("{name}: {text}")),
        Some(Err(Fault::Mends(Trouble { reason, remedy }))) => {
            Finding::warning(TOPIC, format!("{name}: {reason}"), remedy)
        }
        Some(Err(Fault::Stays(Trouble { reason, remedy }))) => {
            Finding::error(TOPIC, format!("{name}: {reason}"), remedy)
        }
        None => Finding::error(
            TOPIC,
            format!("{name}: {} does not answer", provider.mount.display()),
            "unmount the file system on the way to it that hangs, or choose another `mount`",
        ),
    }
}

/// What is wrong with a directory.
enum Fault {
    /// Starting the daemon puts it right.
    Mends(Trouble),
    /// The user has to.
    Stays(Trouble),
}

fn examine(user: User, mount: &Path) -> Result<String, Fault> {
    let path = mountpoint::resolve(mount).map_err(Fault::Stays)?;
    let shown = path.display();
    let unknown = |error: omnifs_fuse::MountError| {
        let (reason, remedy) = (error.to_string(), "see whether /proc is mounted".to_owned());
        Fault::Stays(Trouble { reason, remedy })
    };
    if mounts::at(&path).map_err(unknown)?.is_some() {
        return match mounts::probe(&path, ALIVE).map_err(unknown)? {
            Liveness::Alive => Ok(format!("{shown} is mounted and answers")),
            Liveness::Disconnected => Err(Fault::Mends(dead(&path, "nobody serves it"))),
            Liveness::Hanging => Err(Fault::Mends(dead(&path, "it does not answer"))),
        };
    }
    match mountpoint::examine(&path).map_err(Fault::Stays)? {
        Present::No => Ok(format!("{shown} can be made")),
        Present::Yes => {
            if user == User::Ordinary {
                mountpoint::writable(&path).map_err(Fault::Stays)?;
            }
            Ok(format!("{shown} is an empty directory"))
        }
    }
}

fn dead(path: &Path, why: &str) -> Trouble {
    Trouble {
        reason: format!("{} is mounted, but {why}", path.display()),
        remedy: "`omnifs restart` replaces the mount".to_owned(),
    }
}
