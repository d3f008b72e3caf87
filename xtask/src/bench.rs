//! The benchmark: the program as it is installed, beside its floors and its peers.

use anyhow::Result;

use crate::setup;
use crate::step::{self, cargo, command, root};

/// Builds the program and what measures it, both as `cargo install` does, and measures. What else
/// uses the machine meanwhile is measured, too.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    setup::target()?;
    setup::packages(&[setup::BENCH])?;
    if words.contains(&"--peers") {
        setup::peers()?;
    }
    // One after the other: together they would agree on features, and the program would be another
    // one than that which is installed.
    for package in ["omnifs", "bench"] {
        step::run(&mut cargo(["build", "--release", "--locked", "--package", package]))?;
    }
    let target = root().join("target");
    let built = |name: &str| target.join("release").join(name);
    let mut bench = command(&built("bench").to_string_lossy(), ["run", "--omnifs"]);
    bench.arg(built("omnifs")).arg("--out").arg(root().join("bench"));
    bench.arg("--components").arg(target.join("guests/wasm32-wasip2/release"));
    step::run(bench.args(words))
}
