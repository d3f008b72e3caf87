//! `omnifs check`: would this program run that component, and what is in it?

use std::path::Path;

use anyhow::Context;
use omnifs_runtime::LoadError;
use omnifs_runtime::artifact::{self, Artifact, Face, Kind, Section};
use serde::Serialize;

use super::asked::Asked;
use super::output::{self, plain};
use crate::control::{SCHEMA, Trouble};
use crate::exit::{Exit, Failure};

/// What `omnifs check --json` prints. A key is added, and none changes, while the schema is the
/// same.
#[derive(Serialize)]
struct Checked<'a> {
    schema: u32,
    file: String,
    /// Whether this program would run it.
    fits: bool,
    /// Why not.
    error: Option<Trouble>,
    /// What is in it; none when that cannot be read.
    component: Option<Contents<'a>>,
}

#[derive(Serialize)]
struct Contents<'a> {
    kind: &'static str,
    size: u64,
    /// The face by which it is served.
    face: Option<u8>,
    /// All that it exports.
    faces: Vec<u8>,
    imports: &'a [String],
    exports: &'a [String],
    asks: Asks,
    live: bool,
    /// Whether it follows its upstream.
    watches: bool,
    sdk: Option<&'a str>,
    labelled: bool,
    sections: Vec<SectionReport<'a>>,
}

/// What a user has to grant.
#[derive(Serialize)]
struct Asks {
    http: Vec<String>,
    secrets: Vec<String>,
    /// Capabilities that it uses without saying for what.
    open: Vec<String>,
}

#[derive(Serialize)]
struct SectionReport<'a> {
    name: &'a str,
    size: u64,
    count: u64,
    inside: bool,
}

/// Checks a file against the contract.
pub(super) fn run(file: &Path) -> Result<Exit, Failure> {
    let artifact = artifact_of(&read(file)?, &file.display().to_string())?;
    output::print(&plain(&report(file, &artifact)))?;
    Ok(Exit::Success)
}

/// Checks a file, and prints what was found as JSON, also of a file that does not fit.
pub(super) fn json(file: &Path) -> Result<Exit, Failure> {
    let bytes = read(file)?;
    let (artifact, error) = match artifact::check(&bytes) {
        Ok(artifact) => (Some(artifact), None),
        Err(LoadError { reason, remedy }) => {
            let trouble = Trouble { reason, remedy: remedy.unwrap_or_default() };
            (artifact::inspect(&bytes).ok(), Some(trouble))
        }
    };
    let fits = error.is_none();
    let component = artifact.as_ref().map(contents);
    let file = file.display().to_string();
    let checked = Checked { schema: SCHEMA, file, fits, error, component };
    let text = serde_json::to_string(&checked).context("cannot write JSON")?;
    output::print(&format!("{text}\n"))?;
    Ok(if fits { Exit::Success } else { Exit::Failure })
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

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?)
}

fn report(file: &Path, artifact: &Artifact) -> String {
    let face = artifact.face.map_or(0, Face::number);
    let what = match artifact.kind {
        Kind::Component => "a component",
        Kind::CoreModule => "a core module, of which the host makes a component",
    };
    let mut text = format!("{} is a provider (face {face}): {what}\n", file.display());
    for other in artifact.faces.iter().filter(|other| Some(**other) != artifact.face) {
        let other = other.number();
        text.push_str(&format!(
            "it exports face {other} as well: the host calls face {face} alone\n"
        ));
    }
    if artifact.watches {
        text.push_str("it follows its upstream: while it is served, a call of its goes on\n");
    }
    text.push_str(&format!("size: {} bytes\n", artifact.size));
    let sdk = artifact.sdk.as_deref().map(|version| format!("omnifs-provider {version}"));
    text.push_str(&format!("sdk: {}\n", sdk.as_deref().unwrap_or("none that says so")));
    let label = if artifact.labelled { "there" } else { "not there; `omnifs build` appends it" };
    text.push_str(&format!("component-type: {label}\nimports:"));
    if artifact.imports.is_empty() {
        text.push_str(" nothing");
    }
    for import in &artifact.imports {
        text.push_str(&format!("\n  {import}"));
    }
    text.push_str("\ncustom sections:");
    if artifact.sections.is_empty() {
        text.push_str(" none");
    }
    for Section { name, size, count, inside } in &artifact.sections {
        let times = if *count > 1 { format!(" in {count}") } else { String::new() };
        let place = if *inside { ", inside" } else { "" };
        text.push_str(&format!("\n  {name}: {size} bytes{times}{place}"));
    }
    if artifact.needs.as_ref().is_some_and(|needs| needs.live) {
        text.push_str("\nlive: its files may grow while they are open");
    }
    text.push_str(&format!("\nasks for: {}\n", Asked::of(artifact)));
    text
}

fn contents(artifact: &Artifact) -> Contents<'_> {
    let Asked { allow, secrets, open } = Asked::of(artifact);
    Contents {
        kind: match artifact.kind {
            Kind::Component => "component",
            Kind::CoreModule => "core-module",
        },
        size: artifact.size,
        face: artifact.face.map(Face::number),
        faces: artifact.faces.iter().map(|face| face.number()).collect(),
        imports: &artifact.imports,
        exports: &artifact.exports,
        asks: Asks { http: allow, secrets, open },
        live: artifact.needs.as_ref().is_some_and(|needs| needs.live),
        watches: artifact.watches,
        sdk: artifact.sdk.as_deref(),
        labelled: artifact.labelled,
        sections: artifact.sections.iter().map(section).collect(),
    }
}

fn section(section: &Section) -> SectionReport<'_> {
    let Section { name, size, count, inside } = section;
    SectionReport { name, size: *size, count: *count, inside: *inside }
}
