//! The clean-up after a test that was killed: nothing of the test itself runs then.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::sandbox::variable;

/// Waits until the test says that all is clean or is gone, and then does what
/// [`crate::Sandbox`] does when it is dropped. Its argument is the sandbox's directory.
const SCRIPT: &str = r#"
read -r clean && exit
[ -d "$1" ] || exit
env -i PATH="$PATH" HOME="$1/home" XDG_RUNTIME_DIR="$1/run" timeout 15 "$1/bin/omnifs" stop
for turn in 1 2 3 4 5 6 7 8 9 10; do
    started=$(grep -lszxF "XDG_RUNTIME_DIR=$1/run" /proc/[0-9]*/environ | cut -d/ -f3)
    [ "$started" ] || break
    kill -KILL $started
    sleep 0.1
done
# A space in a mount's path appears as \040 there, which printf undoes.
cut -d' ' -f5 /proc/self/mountinfo | tac | sed 's/%/%%/g' | while read -r mount; do
    mount=$(printf "$mount")
    case $mount in "$1"/*) umount -l "$mount" || fusermount3 -uz "$mount" ;; esac
done
# What could not be unmounted is not ours to remove.
rm -rf --one-file-system "$1"
"#;

/// A shell in a session of its own, with the reading end of a pipe that ends with the test.
#[derive(Debug)]
pub(crate) struct Caretaker(Child);

impl Caretaker {
    /// Starts one for the sandbox in `root`. It holds nothing of the test's open: a test
    /// runner waits for a test's output to end.
    pub(crate) fn start(root: &Path) -> std::io::Result<Self> {
        let path = variable("PATH").unwrap_or_default();
        Command::new("setsid")
            .args(["sh", "-c", SCRIPT, "sh"])
            .arg(root)
            .env_clear()
            .env("PATH", path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            // Fails only when somebody ended it.
            let _ = writeln!(pipe, "clean");
        }
        let _ = self.0.wait();
    }
}
