//! The SSH server that sshfs talks to, with keys of its own.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::caretaker::MARK;
use crate::nginx::{Delay, free_ports};

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server, and a relay in front of it.
#[derive(Debug)]
pub(crate) struct Shell {
    processes: Vec<Child>,
    directory: PathBuf,
    near: u16,
    far: u16,
}

impl Shell {
    /// Starts both.
    pub(crate) fn start(root: &Path) -> Result<Self> {
        let directory = root.join("ssh");
        fs::create_dir(&directory)?;
        for key in ["host", "user"] {
            let file = directory.join(key);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&file)
                .stdin(Stdio::null())
                .status();
            ensure!(made.context("cannot run ssh-keygen")?.success(), "ssh-keygen made no key");
        }
        // Where the package's server drops its rights; without a service manager nobody makes it.
        fs::create_dir_all("/run/sshd").context("cannot make /run/sshd")?;
        let [near, far] = free_ports(2)?[..] else { bail!("no free ports") };
        let here = directory.display();
        let text = format!(
            "ListenAddress 127.0.0.1\nPort {near}\nHostKey {here}/host\nPidFile none\n\
             AuthorizedKeysFile {here}/user.pub\nPasswordAuthentication no\nUsePAM no\n\
             StrictModes no\nPermitRootLogin prohibit-password\nMaxStartups 100\n\
             Subsystem sftp internal-sftp\n"
        );
        fs::write(directory.join("sshd_config"), text)?;
        let mut server = command(root, "/usr/sbin/sshd");
        server.args(["-D", "-e", "-f"]).arg(directory.join("sshd_config"));
        server.stderr(fs::File::create(directory.join("log"))?);
        let mut relay = command(root, &std::env::current_exe()?.to_string_lossy());
        let wait = Delay::Far.milliseconds().to_string();
        relay.args(["relay", &far.to_string(), &near.to_string(), &wait]);
        let processes =
            vec![server.spawn().context("cannot run sshd")?, relay.spawn().context("no relay")?];
        let shell = Self { processes, directory, near, far };
        let begun = Instant::now();
        while ![near, far].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
            ensure!(begun.elapsed() < PATIENCE, "sshd does not start: {}", shell.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(shell)
    }

    fn said(&self) -> String {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        log.lines().last().unwrap_or("it says nothing").to_owned()
    }

    /// Returns the port that answers so much later.
    pub(crate) fn port(&self, delay: Delay) -> Result<u16> {
        match delay {
            Delay::None => Ok(self.near),
            Delay::Far => Ok(self.far),
            Delay::Farther => bail!("there is no such relay"),
        }
    }

    /// Returns the options with which a client is let in.
    pub(crate) fn options(&self) -> [String; 3] {
        [
            format!("IdentityFile={}", self.directory.join("user").display()),
            "StrictHostKeyChecking=no".to_owned(),
            "UserKnownHostsFile=/dev/null".to_owned(),
        ]
    }
}

fn command(root: &Path, program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]).env(MARK, root);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Drop for Shell {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
