//! What a fresh machine lacks: a target, a test runner, distribution packages.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::step::{command, output, run};

/// A program, and the Debian package that has it.
type Program = (&'static str, &'static str);

/// What the demo calls, and tests too.
pub(crate) const DEMO: &[Program] = &[
    ("cc", "gcc"),
    ("fusermount3", "fuse3"),
    ("getfattr", "attr"),
    ("git", "git"),
    ("nsenter", "util-linux"),
    ("python3", "python3"),
    ("rg", "ripgrep"),
    ("rsync", "rsync"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
];

/// What only tests call: not every machine that shows the demo wants a server, which Debian
/// starts as a service.
pub(crate) const TESTS: &[Program] = &[
    ("apache2", "apache2"),
    ("cmp", "diffutils"),
    ("dig", "bind9-dnsutils"),
    ("faketime", "faketime"),
    ("fdfind", "fd-find"),
    ("file", "file"),
    ("ip", "iproute2"),
    ("less", "less"),
    ("named", "bind9"),
    ("nginx", "nginx"),
    ("openssl", "openssl"),
    ("strace", "strace"),
    ("vim", "vim"),
];

/// What only the benchmark calls.
pub(crate) const BENCH: &[Program] = &[
    ("git", "git"),
    ("nginx", "nginx"),
    (NGINX_LUA, "libnginx-mod-http-lua"),
    ("setpriv", "util-linux"),
    ("setsid", "util-linux"),
];

/// No program but a module, which waits before it answers.
const NGINX_LUA: &str = "/usr/lib/nginx/modules/ngx_http_lua_module.so";

/// The benchmark's peers, and the server that one of them talks to.
const PEERS: &[Program] = &[
    ("rclone", "rclone"),
    ("sshfs", "sshfs"),
    ("sshd", "openssh-server"),
    ("s3fs", "s3fs"),
    ("httpdirfs", "httpdirfs"),
    ("fusermount3", "fuse3"),
];

/// Installs the target that providers are built for, through rustup.
pub(crate) fn target() -> Result<()> {
    let installed = output(&mut command("rustup", ["target", "list", "--installed"]))?;
    if installed.lines().any(|line| line == "wasm32-wasip2") {
        return Ok(());
    }
    println!("installing the target wasm32-wasip2");
    run(&mut command("rustup", ["target", "add", "wasm32-wasip2"]))
}

/// Installs the test runner.
pub(crate) fn nextest() -> Result<()> {
    let mut probe = Command::new("cargo-nextest");
    let probe = probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    println!("installing cargo-nextest");
    run(&mut command("cargo", ["install", "--locked", "cargo-nextest"]))
}

/// Installs the distribution packages that are missing; without root, names the command.
pub(crate) fn packages(programs: &[&[Program]]) -> Result<()> {
    let programs = programs.iter().copied().flatten();
    let missing = missing(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let install = [&["install", "--yes", "--no-install-recommends"], missing.as_slice()].concat();
    let root = output(&mut command("id", ["-u"]))?.trim() == "0";
    if !root || !on_path("apt-get") {
        bail!("missing: {0}; install them first: apt-get install {0}", missing.join(" "));
    }
    println!("installing {}", missing.join(" "));
    run(apt(["update"].as_slice()).stdout(Stdio::null()))?;
    run(apt(&install).stdout(Stdio::null()))
}

/// Installs those peers that the distribution has; the benchmark lists the others.
pub(crate) fn peers() -> Result<()> {
    for package in missing(PEERS.iter()) {
        println!("installing {package}");
        let install = ["install", "--yes", "--no-install-recommends", package];
        // At this run level no package starts the service that it brings.
        let mut apt = apt(&install);
        let apt = apt.env("RUNLEVEL", "1").stdout(Stdio::null());
        if let Err(error) = run(apt) {
            println!("not installed: {error:#}");
        }
    }
    Ok(())
}

/// Returns the packages of those programs that are not there.
fn missing<'a>(programs: impl Iterator<Item = &'a Program>) -> Vec<&'static str> {
    let missing = programs.filter(|(name, _)| !on_path(name));
    let mut missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    missing.dedup();
    missing
}

fn apt(arguments: &[&str]) -> Command {
    let mut apt = command("apt-get", arguments);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

#[expect(clippy::disallowed_methods, reason = "a search for programs is what PATH is for")]
fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // An ordinary user's PATH may lack the directory that servers are in.
    let mut directories = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    directories.any(|directory| is_file(&directory.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
