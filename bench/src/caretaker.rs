//! The clean-up, also after a failure or a kill: nothing of the command itself runs then.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Marks the processes that were started for a run: the name of a variable whose value is the
/// run's directory.
pub(crate) const MARK: &str = "OMNIFS_BENCH";

/// Waits until the command is over, however it ends, and clears away its directory, what is
/// mounted below it, and the processes that bear its mark.
const SCRIPT: &str = r#"
cat > /dev/null
marked() { grep -lszxF "OMNIFS_BENCH=$1" /proc/[0-9]*/environ | cut -d/ -f3; }
for signal in TERM KILL; do
    for turn in 1 2 3 4 5 6 7 8 9 10; do
        left=$(marked "$1")
        [ "$left" ] || break
        kill -$signal $left 2> /dev/null
        sleep 0.2
    done
done
# A mount in use is detached, and a later one may lie above it.
cut -d' ' -f5 /proc/self/mountinfo | tac | while read -r mount; do
    case $mount in "$1"/*) umount -l "$mount" || fusermount3 -uz "$mount" ;; esac
done
# What could not be unmounted is not ours to remove.
rm -rf --one-file-system "$1"
"#;

/// A shell in a session of its own, with the reading end of a pipe that ends with the command.
#[derive(Debug)]
pub(crate) struct Caretaker(Child);

impl Caretaker {
    /// Starts one for the directory `root`.
    pub(crate) fn start(root: &Path) -> Result<Self> {
        let mut shell = Command::new("setsid");
        shell.args(["sh", "-c", SCRIPT, "sh"]).arg(root).current_dir("/");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(shell.spawn().context("cannot run setsid")?))
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            // The end of the pipe is what it waits for.
            let _ = pipe.flush();
        }
        let _ = self.0.wait();
    }
}
