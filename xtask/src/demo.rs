//! The demo: the sample providers, mounted.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use anyhow::{Context, Result};

use crate::setup;
use crate::step::{self, PROFILE, cargo, command, root};

/// The sample providers: package, and what to show of each.
const SAMPLES: &[(&str, &[&str])] = &[
    ("hello", &["ls -l hello", "cat hello/hello.txt"]),
    ("tree", &["ls -l tree tree/sizes", "cat tree/README.txt"]),
];

/// Builds everything, mounts the samples in a home of their own, shows them, and stays until
/// Ctrl-C or runs `exec`. Leaves nothing behind.
pub(crate) fn run(exec: Option<&str>) -> Result<()> {
    setup::target()?;
    setup::packages()?;
    step::run(&mut cargo(["build", "--profile", PROFILE, "--package", "omnifs", "--locked"]))?;
    let release = ["build", "--release", "--target", "wasm32-wasip2", "--locked"];
    step::run(cargo(release).current_dir(root().join("providers")))?;

    // From here on Ctrl-C ends the wait or the command, and what was mounted is cleared away.
    let (interrupt, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })?;
    let home = tempfile::Builder::new().prefix("omnifs-demo-").tempdir()?;
    let demo = Demo { home: home.path().to_owned() };
    demo.configure()?;
    step::run(&mut demo.omnifs("start"))?;
    let shown = demo.show(exec, &interrupted);
    let stopped = step::run(&mut demo.omnifs("stop"));
    shown.and(stopped)
}

struct Demo {
    home: PathBuf,
}

impl Demo {
    fn mounts(&self) -> PathBuf {
        self.home.join("omnifs")
    }

    fn configure(&self) -> Result<()> {
        let mut config = String::new();
        for (name, _) in SAMPLES {
            let component = format!("providers/target/wasm32-wasip2/release/{name}.wasm");
            let (path, mount) = (root().join(component), self.mounts().join(name));
            write!(
                config,
                "[[provider]]\nname = \"{name}\"\npath = \"{}\"\nmount = \"{}\"\n\n",
                path.display(),
                mount.display()
            )?;
        }
        let folder = self.home.join(".config/omnifs");
        std::fs::create_dir_all(&folder)?;
        std::fs::create_dir_all(self.mounts())?;
        std::fs::write(folder.join("providers.toml"), config).context("the demo's providers.toml")
    }

    fn omnifs(&self, subcommand: &str) -> Command {
        let program = root().join("target").join(PROFILE).join("omnifs");
        let mut omnifs = command(&program.to_string_lossy(), [subcommand]);
        omnifs.env("HOME", &self.home);
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            omnifs.env_remove(variable);
        }
        for variable in ["CONFIG", "LOG", "CACHE_DIR", "STATE_DIR"] {
            omnifs.env_remove(format!("OMNIFS_{variable}"));
        }
        omnifs.env("OMNIFS_RUNTIME_DIR", self.home.join("run"));
        omnifs
    }

    fn show(&self, exec: Option<&str>, interrupted: &mpsc::Receiver<()>) -> Result<()> {
        if let Some(exec) = exec {
            return self.shell(exec, Stdio::inherit());
        }
        for line in SAMPLES.iter().flat_map(|(_, lines)| *lines) {
            println!("\n$ {line}");
            self.shell(line, Stdio::null())?;
        }
        println!("\nMounted in {}; Ctrl-C ends.", self.mounts().display());
        // An error is a handler that is gone, and with it the reason to wait.
        let _ = interrupted.recv();
        Ok(())
    }

    fn shell(&self, line: &str, stdin: Stdio) -> Result<()> {
        step::run(command("sh", ["-c", line]).current_dir(self.mounts()).stdin(stdin))
    }
}
