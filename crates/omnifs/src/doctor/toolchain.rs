//! What an author needs to build providers. Whoever only mounts them needs nothing of it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Finding;
use crate::author::{self, TARGET};

const TOPIC: &str = "toolchain";

const RUST: &str = "only needed to build providers: install Rust from https://rustup.rs";

/// Looks for cargo, rustup and the target.
pub(super) fn check() -> Vec<Finding> {
    let cargo = match version("cargo") {
        Ok(version) => version,
        Err(reason) => return vec![Finding::warning(TOPIC, reason, RUST)],
    };
    let rustup = version("rustup");
    vec![
        Finding::ok(TOPIC, cargo),
        match &rustup {
            Ok(version) => Finding::ok(TOPIC, version),
            Err(reason) => Finding::warning(
                TOPIC,
                format!("{reason}: `omnifs build` cannot install the target {TARGET} by itself"),
                format!(
                    "install Rust from https://rustup.rs, or {TARGET} the way you installed Rust"
                ),
            ),
        },
        // Not in the working directory, whose toolchain file would make rustup download one.
        match author::is_installed(Path::new("/"), TARGET, Stdio::null()) {
            Ok(true) => Finding::ok(TOPIC, format!("the target {TARGET} is installed")),
            Ok(false) => Finding::warning(
                TOPIC,
                format!("the target {TARGET} is not installed"),
                format!("rustup target add {TARGET}; `omnifs build` does it, too"),
            ),
            Err(error) => Finding::warning(TOPIC, format!("{error:#}"), RUST),
        },
    ]
}

/// Returns the line with which a program names itself, or why it does not.
fn version(program: &str) -> Result<String, String> {
    let output = Command::new(program)
        .arg("--version")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let line = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().next().unwrap_or_default().to_owned()
    };
    if output.status.success() {
        Ok(line(&output.stdout))
    } else {
        Err(format!("{program} does not work: {}", line(&output.stderr)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_asked_for_its_version_and_its_failure_is_told() {
        assert!(version("cargo").unwrap().starts_with("cargo "));
        assert!(version("no-such-program").unwrap_err().starts_with("cannot run no-such-program"));
        assert!(version("false").unwrap_err().starts_with("false does not work"));
    }
}
