//! What lies in a `.wasm` file: for `omnifs build` and `omnifs check`, and before loading.

mod component;
mod label;

use std::borrow::Cow;
use std::fmt;

pub use self::label::label;
use crate::capability::Needs;
use crate::contract::{self, Fit};

/// The largest component file, in bytes, unless `limits.component` says otherwise.
pub const FILE_LIMIT: u64 = 64 << 20;

/// What sort of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A component.
    Component,
    /// A core module with WIT metadata, which the host makes a component of.
    CoreModule,
}

/// By which interface the host calls a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// `omnifs:provider/filesystem`, the three read operations.
    Filesystem,
    /// `omnifs:provider/projection`, the same with richer answers.
    Projection,
}

impl Face {
    /// Returns the face's number, as `status --json` has it.
    pub fn number(self) -> u8 {
        match self {
            Self::Filesystem => 1,
            Self::Projection => 2,
        }
    }

    /// Returns how many instances a provider of this face has at most, unless
    /// `limits.instances` says otherwise.
    pub fn instances(self) -> u32 {
        match self {
            Self::Filesystem => 4,
            // Any of them answers any call.
            Self::Projection => 32,
        }
    }

    /// Returns the name of the world that its providers are built for.
    pub(crate) fn world(self) -> &'static str {
        match self {
            Self::Filesystem => "provider",
            Self::Projection => "projector",
        }
    }

    /// Returns the name of its interface in the contract.
    pub(crate) fn interface(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Projection => "projection",
        }
    }
}

/// What [`inspect`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What sort of file it is.
    pub kind: Kind,
    /// Full names of what it imports, in its order: `wasi:io/poll@0.2.6`.
    pub imports: Vec<String>,
    /// Full names of what it exports, in its order.
    pub exports: Vec<String>,
    /// How the host calls it, or `None` when it does not fit the contract.
    pub face: Option<Face>,
    /// Every face of this contract that it exports; the first one is served.
    pub faces: Vec<Face>,
    /// Whether it follows its upstream, and says by itself what is outdated.
    pub watches: bool,
    /// The file's size in bytes.
    pub size: u64,
    /// Whether it carries the `component-type` section that `omnifs build` appends.
    pub labelled: bool,
    /// What it says that it needs, or `None` when it says nothing.
    pub needs: Option<Needs>,
    /// The version of the SDK that it was built with, if it says so.
    pub sdk: Option<String>,
    /// Its custom sections, in the order of their names.
    pub sections: Vec<Section>,
}

/// The custom sections of one name in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Their name, as the file has it: it may hold anything.
    pub name: String,
    /// The bytes of what they hold, all together.
    pub size: u64,
    /// How many there are.
    pub count: u64,
    /// Whether they lie in a module or component inside of the file alone.
    pub inside: bool,
}

/// Why a file is not a provider, and what to do about it.
///
/// `Display` shows both, the remedy on lines of its own that begin with `help: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    /// What is wrong; may have several lines.
    pub reason: String,
    /// What helps, if something does; may have several lines.
    pub remedy: Option<String>,
}

impl LoadError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: None }
    }

    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        for line in self.remedy.iter().flat_map(|remedy| remedy.lines()) {
            write!(f, "\nhelp: {line}")?;
        }
        Ok(())
    }
}

/// Says what lies in a file, whether it fits the contract or not.
///
/// # Errors
/// [`LoadError`] when it is neither a component nor a core module with WIT metadata.
pub fn inspect(bytes: &[u8]) -> Result<Artifact, LoadError> {
    let component = component::read(bytes, FILE_LIMIT)?;
    let (resolve, world) = component.world()?;
    let fit = contract::compare(resolve, world).ok();
    artifact(bytes, &component, fit)
}

/// Checks a file against the contract, as loading it does.
///
/// # Errors
/// [`LoadError`] says in words what is missing, differs or cannot be granted.
pub fn check(bytes: &[u8]) -> Result<Artifact, LoadError> {
    prepare(bytes, FILE_LIMIT).map(|prepared| prepared.artifact)
}

/// What is read of a file without its types.
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) needs: Option<Needs>,
}

/// Reads the sections of a file of at most `limit` bytes.
pub(crate) fn head(bytes: &[u8], limit: u64) -> Result<Head, LoadError> {
    let outline = component::outline(bytes, limit)?;
    let needs = outline.needs.as_deref().map(Needs::parse).transpose()?;
    Ok(Head { kind: outline.kind, needs })
}

/// A checked file, ready to compile.
pub(crate) struct Prepared<'a> {
    pub(crate) artifact: Artifact,
    /// The component: the file itself, or what was made of a core module.
    pub(crate) component: Cow<'a, [u8]>,
    pub(crate) fit: Fit,
}

/// Checks a file of at most `limit` bytes.
pub(crate) fn prepare(bytes: &[u8], limit: u64) -> Result<Prepared<'_>, LoadError> {
    let component = component::read(bytes, limit)?;
    let (resolve, world) = component.world()?;
    let fit = contract::compare(resolve, world)?;
    let artifact = artifact(bytes, &component, Some(fit))?;
    Ok(Prepared { artifact, component: component.bytes, fit })
}

fn artifact(
    bytes: &[u8],
    component: &component::Component<'_>,
    fit: Option<Fit>,
) -> Result<Artifact, LoadError> {
    let (resolve, world) = component.world()?;
    Ok(Artifact {
        kind: component.kind,
        imports: contract::names(resolve, world.imports.keys()),
        exports: contract::names(resolve, world.exports.keys()),
        face: fit.map(|fit| fit.face),
        faces: contract::faces(resolve, world),
        watches: fit.is_some_and(|fit| fit.watches),
        size: bytes.len() as u64,
        labelled: component.labelled,
        needs: component.needs.as_deref().map(Needs::parse).transpose()?,
        sdk: component.sdk.clone(),
        sections: component.sections.clone(),
    })
}
