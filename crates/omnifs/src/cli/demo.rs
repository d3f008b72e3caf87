//! `omnifs demo`: the embedded sample providers, mounted in a home of their own.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output;
use crate::embedded::{self, Embedded};
use crate::env;
use crate::exit::{Exit, Failure};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Run this shell command in the directory of the mounts, then end
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
}

/// Mounts the embedded sample providers and shows them, until Ctrl-C or the end of a command;
/// nothing is left behind.
pub(super) fn run(arguments: &DemoArgs) -> Result<Exit, Failure> {
    // From here on Ctrl-C ends the wait or the command, and what was mounted is cleared away.
    let mut interrupt = Interrupt::listen()?;
    let home = tempfile::Builder::new().prefix("omnifs-demo-").tempdir();
    let home = home.context("cannot make a temporary directory")?;
    let demo = Demo { home: home.path().to_owned() };
    demo.configure()?;
    let started = demo.omnifs("start");
    let shown = match (&started, &arguments.exec) {
        (Ok(Exit::Success), None) => demo.show(&mut interrupt),
        (Ok(Exit::Success), Some(line)) => demo.shell(line, Stdio::inherit()),
        _ => started,
    };
    let stopped = demo.omnifs("stop");
    let shown = shown?;
    if stopped? != Exit::Success {
        // What is mounted there would be deleted as if it were the demo's own.
        let kept = home.keep();
        return Err(Failure::new(format!("the demo at {} is still mounted", kept.display())));
    }
    Ok(shown)
}

/// The signals that end the demo.
struct Interrupt {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    fn listen() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot listen for signals")?;
        let _entered = runtime.enter();
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let (interrupt, terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        drop(_entered);
        Ok(Self { runtime, interrupt, terminate })
    }

    fn wait(&mut self) {
        let Self { runtime, interrupt, terminate } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
    }
}

struct Demo {
    home: PathBuf,
}

impl Demo {
    fn mounts(&self) -> PathBuf {
        self.home.join("omnifs")
    }

    fn config(&self) -> PathBuf {
        self.home.join("providers.toml")
    }

    fn configure(&self) -> anyhow::Result<()> {
        let mut text = String::new();
        for Embedded { name, .. } in shown() {
            writeln!(
                text,
                "[[provider]]\nname = {name:?}\npath = \"builtin:{name}\"\nmount = \"~/omnifs/{name}\"\n"
            )?;
        }
        let failed = || format!("cannot write in {}", self.home.display());
        std::fs::create_dir(self.mounts()).with_context(failed)?;
        std::fs::write(self.config(), text).with_context(failed)
    }

    /// Runs a command of this program as if nothing but the demo's home existed.
    fn omnifs(&self, command: &str) -> Result<Exit, Failure> {
        // The process's own file, also when another version has taken its name meanwhile.
        let status = Command::new("/proc/self/exe")
            .arg0("omnifs")
            .arg(command)
            .env("HOME", &self.home)
            .env(env::CONFIG, self.config())
            .env(env::CACHE_DIR, self.home.join("cache"))
            .env(env::STATE_DIR, self.home.join("state"))
            .env(env::RUNTIME_DIR, self.home.join("run"))
            .env_remove(env::LOG)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run omnifs {command}"))?;
        Ok(if status.success() { Exit::Success } else { Exit::Failure })
    }

    fn show(&self, interrupt: &mut Interrupt) -> Result<Exit, Failure> {
        for line in ["ls"].iter().chain(shown().flat_map(|embedded| embedded.demo)) {
            output::print(&format!("\n$ {line}\n"))?;
            self.shell(line, Stdio::null())?;
        }
        output::print(&format!("\nMounted in {}; Ctrl-C ends.\n", self.mounts().display()))?;
        interrupt.wait();
        output::print("\n")?;
        Ok(Exit::Success)
    }

    fn shell(&self, line: &str, stdin: Stdio) -> Result<Exit, Failure> {
        let status = shell(line, &self.mounts()).stdin(stdin).status();
        let status = status.with_context(|| format!("cannot run {line}"))?;
        Ok(if status.success() { Exit::Success } else { Exit::Failure })
    }
}

/// Returns the embedded providers of which there is something to show.
fn shown() -> impl Iterator<Item = &'static Embedded> {
    embedded::ALL.iter().filter(|embedded| !embedded.demo.is_empty())
}

fn shell(line: &str, directory: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory);
    shell
}
