//! The place of a run: a directory, the upstream in it, and what can be mounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::mount::{UnmountFlags, unmount};

use crate::bucket;
use crate::caretaker::{Caretaker, MARK};
use crate::nginx::{Delay, Lane, Nginx};
use crate::omnifs::Daemon;
use crate::peers::{Peer, Shell};
use crate::tree::{self, Folder};
use crate::work::Limit;

/// How long a mount may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How often every contender has its turn.
    pub(crate) turns: usize,
    /// How long one measurement of a contender may take.
    pub(crate) limit: Duration,
    /// How many nodes the row of memory looks at.
    pub(crate) nodes: usize,
}

/// A directory in memory with everything that a run needs; all of it goes when this is dropped.
pub(crate) struct Lab {
    /// The program that is measured.
    pub(crate) omnifs: PathBuf,
    /// The directory of the components that are swapped.
    pub(crate) components: Option<PathBuf>,
    /// The component that is mounted, as `path` of the configuration has it.
    pub(crate) component: String,
    pub(crate) effort: Effort,
    /// The peers that can run here, none if nobody asked for them.
    pub(crate) peers: Vec<Peer>,
    pub(crate) upstream: Nginx,
    shell: Option<Shell>,
    root: PathBuf,
    /// Last: it removes what the others are in.
    _caretaker: Caretaker,
}

impl Lab {
    /// Makes the directory and the tree, and starts the upstream.
    pub(crate) fn open(omnifs: PathBuf, component: String, effort: Effort) -> Result<Self> {
        // Memory, so that no disk is measured; the table of mounts holds no symbolic links.
        let shared = fs::canonicalize("/dev/shm").context("there is no tmpfs at /dev/shm")?;
        let root = tempfile::Builder::new().prefix("omnifs-bench-").tempdir_in(shared)?.keep();
        let caretaker = Caretaker::start(&root)?;
        for name in ["home", "run", "mounts", "tree", "caches"] {
            fs::create_dir(root.join(name))?;
        }
        let tree = root.join("tree");
        tree::plant(&tree)?;
        tree::plant_many(&tree, effort.nodes)?;
        bucket::plant(&tree)?;
        let upstream = Nginx::start(&root.join("nginx"), &tree)?;
        let (peers, shell, components) = (Vec::new(), None, None);
        Ok(Self {
            omnifs,
            components,
            component,
            effort,
            peers,
            upstream,
            shell,
            root,
            _caretaker: caretaker,
        })
    }

    /// Takes part with the peers that are installed, and returns why others do not.
    pub(crate) fn invite(&mut self) -> Vec<String> {
        let mut absent = Vec::new();
        for peer in Peer::ALL {
            match peer.version() {
                Ok(_) => self.peers.push(peer),
                Err(error) => absent.push(format!("{}: {error:#}", peer.name())),
            }
        }
        if self.peers.contains(&Peer::Sshfs) {
            match Shell::start(&self.root) {
                Ok(shell) => self.shell = Some(shell),
                Err(error) => {
                    self.peers.retain(|peer| *peer != Peer::Sshfs);
                    absent.push(format!("sshfs: {error:#}"));
                }
            }
        }
        absent
    }

    /// Returns the directory of the run.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where the served files lie.
    pub(crate) fn original(&self, folder: Folder) -> PathBuf {
        self.root.join("tree").join(folder.name())
    }

    /// Returns a limit for one measurement.
    pub(crate) fn limit(&self) -> Limit {
        Limit::new(self.effort.limit)
    }

    /// Returns the server that sshfs talks to.
    pub(crate) fn shell(&self) -> Result<&Shell> {
        self.shell.as_ref().context("no SSH server runs")
    }

    /// Returns a new, empty directory for a mount.
    pub(crate) fn mountpoint(&self, name: &str) -> Result<PathBuf> {
        let at = self.root.join("mounts").join(name);
        fs::create_dir_all(&at)?;
        Ok(at)
    }

    /// Returns a command whose process is ended with this run.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]);
        command.env(MARK, &self.root).env("HOME", self.root.join("home"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Returns the files as they lie in memory.
    pub(crate) fn native(&self, folder: Folder) -> Mounted {
        Mounted::of("tmpfs", self.original(folder))
    }

    /// Mounts the floor.
    pub(crate) fn floor(&self, folder: Folder) -> Result<Mounted> {
        let at = self.mountpoint(&format!("floor-{}", folder.name()))?;
        let program = std::env::current_exe()?;
        let mut floor = self.command(&program.to_string_lossy());
        floor.arg("floor").arg(self.original(folder)).arg(&at);
        self.serve("floor", at, floor)
    }

    /// Mounts a peer with nothing cached.
    pub(crate) fn peer(&self, peer: Peer, folder: Folder, delay: Delay) -> Result<Mounted> {
        let at = self.mountpoint(&format!("{}-{}", peer.name(), folder.name()))?;
        let cache = tempfile::tempdir_in(self.root.join("caches"))?;
        let command = peer.command(self, (folder, delay), (&at, cache.path()))?;
        let lane = peer.lane().map(|lane| self.upstream.lane(lane, delay)).transpose()?;
        let before = lane.map(Lane::requests).transpose()?;
        let mut mounted = self.serve(peer.name(), at, command)?;
        mounted.lane = lane.cloned().zip(before);
        mounted.cache = Some(cache);
        Ok(mounted)
    }

    /// Mounts what is measured with nothing cached; `settings` are lines of its `[[provider]]`.
    pub(crate) fn ours(&self, (folder, delay): (Folder, Delay), settings: &str) -> Result<Mounted> {
        let lane = self.upstream.lane("omnifs", delay)?;
        let before = lane.requests()?;
        let daemon = Daemon::fresh(self, (folder, delay), settings)?;
        let mut mounted = Mounted::of("omnifs", daemon.mount().to_owned());
        mounted.servers = vec![daemon.process()?];
        mounted.lane = Some((lane.clone(), before));
        mounted.daemon = Some(daemon);
        Ok(mounted)
    }

    /// Starts a server in the foreground and waits until it has mounted.
    fn serve(&self, name: &str, at: PathBuf, mut command: Command) -> Result<Mounted> {
        let log = self.root.join(format!("{name}.log"));
        command.stderr(fs::File::create(&log)?);
        let child = command.spawn().with_context(|| format!("cannot run {name}"))?;
        let mut mounted = Mounted::of(name, at);
        mounted.servers = vec![child.id()];
        mounted.child = Some(child);
        let begun = Instant::now();
        while !is_mounted(&mounted.root)? {
            let ended = mounted.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let said = fs::read_to_string(&log).unwrap_or_default();
                bail!(
                    "{name} does not mount: {}",
                    said.trim().lines().last().unwrap_or("it says nothing")
                );
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // It may have mounted before it answers.
        fs::metadata(&mounted.root).with_context(|| format!("{name} does not answer"))?;
        let children = mounted.servers.first().map(|server| children(*server));
        mounted.servers.extend(children.unwrap_or_default());
        Ok(mounted)
    }
}

/// Returns the processes that a process has started, such as the ssh of sshfs.
fn children(process: u32) -> Vec<u32> {
    let file = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Returns whether something is mounted at a path, without asking it.
fn is_mounted(at: &Path) -> Result<bool> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let at = at.to_str();
    Ok(table.lines().any(|line| line.split(' ').nth(4) == at))
}

/// A tree to measure; unmounted when this is dropped.
pub(crate) struct Mounted {
    /// Whose it is.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) root: PathBuf,
    /// The processes that serve it.
    pub(crate) servers: Vec<u32>,
    /// What our daemon can be told.
    pub(crate) daemon: Option<Daemon>,
    /// The port of its upstream, and how many requests came there before it was mounted.
    lane: Option<(Lane, u64)>,
    child: Option<Child>,
    cache: Option<tempfile::TempDir>,
}

impl Mounted {
    fn of(name: &str, root: PathBuf) -> Self {
        let (servers, daemon) = (Vec::new(), None);
        Self { name: name.to_owned(), root, servers, daemon, lane: None, child: None, cache: None }
    }

    /// Does some work, and returns how many requests its upstream had meanwhile.
    pub(crate) fn counted<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, Option<u64>)> {
        let before = self.asked()?;
        let result = work()?;
        let asked = self.asked()?.zip(before).map(|(after, before)| after - before);
        Ok((result, asked))
    }

    /// Returns how many requests its upstream has had since before it was mounted.
    pub(crate) fn asked(&self) -> Result<Option<u64>> {
        self.lane.as_ref().map(|(lane, before)| Ok(lane.requests()? - before)).transpose()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        // Not mounted: it had failed.
        let _ = unmount(&self.root, UnmountFlags::DETACH);
        let process = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(process) = process {
            // Gone already: most end when they are unmounted.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        let begun = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if begun.elapsed() > Duration::from_secs(5) {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Says why this machine cannot run it, if so.
pub(crate) fn check_machine() -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "only root may drop the kernel's caches and mount the floor: run it as root"
    );
    Ok(())
}
