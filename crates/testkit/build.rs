//! Builds the providers and the misbehaving components for `wasm32-wasip2`, so that no test
//! sees a stale or missing file, and writes their bytes and places down as constants.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// A component: the crate's name, and what the constant's documentation says.
struct Guest(&'static str, &'static str);

const PROVIDERS: &[Guest] = &[
    Guest("hello", "`hello.txt` with `hello from omnifs`."),
    Guest("tree", "The sample tree of the demo."),
];

const GUESTS: &[Guest] = &[
    Guest("alloc", "`ok`, `alloc` (takes memory until refused), `recurse` (without end)."),
    Guest("badnames", "Illegal names next to good ones; `zero` and `max`, illegal inodes."),
    Guest("big", "`big` (60 MiB), `over` (65 MiB), `names/` (1,000,000), `many/` (10,000), ..."),
    Guest("clocked", "`now` (differs at each read), `switch` (renames `before` to `after`)."),
    Guest("counter", "`a/` to `z/` with `1` to `3`, numbered on discovery; `trap`."),
    Guest("deep", "`d/` and `f` in every directory; `loop/`, its own parent, below the root."),
    Guest("forest", "`big.bin` (60 MiB), 100 directories of 100 files with legal but odd names."),
    Guest("imports-http", "`status`, which asks the capability `http`."),
    Guest("logger", "`lines`, `escapes`, `partial`, `flood`: reading them writes to the log."),
    Guest("slow", "`ok`, `slow` (3 s), `slow-1` to `slow-9`, `dir/` with `a`, `b`, `c`, `slow`."),
    Guest("spin", "`ok`, `spin` (endless read), `spin-lookup` (endless lookup, not listed)."),
    Guest("trap", "`ok`, `trap` (panics), `abort`, `trap-dir/` (panics when listed)."),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // One directive a line; cargo shows them all under the crate's name.
            problem.lines().for_each(|line| println!("cargo::error={line}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let root = here.ancestors().nth(2).ok_or("testkit lies in no workspace")?;
    // Shared by all profiles, and kept between runs: target/PROFILE/build/testkit-HASH/out.
    let target = out.ancestors().nth(4).ok_or("OUT_DIR is not in a target directory")?;
    let target = target.join("guests");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", root.join("crates/omnifs-provider").display());

    let mut constants = String::new();
    for (workspace, guests) in [(root.join("providers"), PROVIDERS), (here.join("guests"), GUESTS)]
    {
        build(&workspace, &target)?;
        println!("cargo::rerun-if-changed={}", workspace.join("Cargo.toml").display());
        println!("cargo::rerun-if-changed={}", workspace.join("Cargo.lock").display());
        for guest in guests {
            println!("cargo::rerun-if-changed={}", workspace.join(guest.0).display());
            constants.push_str(&constant(guest, &target, &out)?);
        }
    }
    fs::write(out.join("guests.rs"), constants).map_err(|error| error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]
fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: this is a build script of cargo"))
}

/// Runs cargo on a workspace of components.
fn build(workspace: &Path, target: &Path) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--release", "--locked", "--target", TARGET, "--manifest-path"])
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    // Meant for the host's compiler: flags of a coverage run, clippy in place of rustc.
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"] {
        cargo.env_remove(name);
    }
    let output = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("E0463") || said.contains("target may not be installed") {
        return Err(format!(
            "the components of the tests are built for {TARGET}, which is not installed: \
             run `rustup target add {TARGET}`"
        ));
    }
    Err(format!("cannot build the components in {}:\n{said}", workspace.display()))
}

/// Copies a component next to the constants, so that both stay as they are until the next
/// run of this script, and returns the text of its two constants.
fn constant(guest: &Guest, target: &Path, out: &Path) -> Result<String, String> {
    let Guest(name, what) = guest;
    let file = format!("{}.wasm", name.replace('-', "_"));
    let from = target.join(TARGET).join("release").join(&file);
    let to = out.join(&file);
    fs::copy(&from, &to).map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
    let upper = name.replace('-', "_").to_uppercase();
    let place = to.display();
    let mut text = String::new();
    writeln!(text, "/// {what}").map_err(|error| error.to_string())?;
    writeln!(text, "pub const {upper}: &[u8] = include_bytes!({:?});", place.to_string())
        .map_err(|error| error.to_string())?;
    writeln!(text, "/// The file that holds [`{upper}`].").map_err(|error| error.to_string())?;
    writeln!(text, "pub const {upper}_PATH: &str = {:?};", place.to_string())
        .map_err(|error| error.to_string())?;
    Ok(text)
}
