//! `omnifs check`: would this program run that component?

use std::path::Path;

use anyhow::Context;
use omnifs_runtime::LoadError;
use omnifs_runtime::artifact::{self, Artifact, Face, Kind};

use super::asked::Asked;
use super::output::{self, plain};
use crate::exit::{Exit, Failure};

/// Checks a file against the contract.
pub(super) fn run(file: &Path) -> Result<Exit, Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let artifact = artifact_of(&bytes, &file.display().to_string())?;
    let face = artifact.face.map_or(0, Face::number);
    let what = match artifact.kind {
        Kind::Component => "a component",
        Kind::CoreModule => "a core module, of which the host makes a component",
    };
    let mut text = format!("{} is a provider (face {face}): {what}\n", file.display());
    text.push_str(&format!("size: {} bytes\nimports:", artifact.size));
    if artifact.imports.is_empty() {
        text.push_str(" nothing");
    }
    for import in &artifact.imports {
        text.push_str(&format!("\n  {import}"));
    }
    text.push_str(&format!("\nasks for: {}\n", Asked::of(&artifact)));
    output::print(&plain(&text))?;
    Ok(Exit::Success)
}

/// Checks a component, which messages call `shown`.
///
/// # Errors
/// Why it does not fit, and what to do about it.
pub(super) fn artifact_of(bytes: &[u8], shown: &str) -> Result<Artifact, Failure> {
    artifact::check(bytes).map_err(|LoadError { reason, remedy }| {
        let failure = Failure::new(plain(&format!("{shown}: {reason}")));
        match remedy {
            Some(remedy) => failure.remedy(plain(&remedy)),
            None => failure,
        }
    })
}
