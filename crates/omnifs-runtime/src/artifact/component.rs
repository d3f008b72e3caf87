//! From a file's bytes to a component whose types can be read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmparser::{Encoding, Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, World, WorldId};

use super::{Kind, LoadError, Section};
use crate::capability::NEEDS_SECTION;
use crate::limits::Bytes as Size;

/// The name of the section that holds a component's WIT; what guests' toolchains write into
/// core modules begins with it.
pub(super) const SECTION: &str = "component-type";

/// The name of the section in which the SDK writes its version.
const SDK_SECTION: &str = "omnifs:sdk";

/// A component and its types.
pub(super) struct Component<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) labelled: bool,
    /// The section in which the SDK writes what a provider needs.
    pub(super) needs: Option<Vec<u8>>,
    pub(super) sdk: Option<String>,
    pub(super) sections: Vec<Section>,
    resolve: Resolve,
    world: WorldId,
}

impl Component<'_> {
    /// Returns the component's imports and exports.
    pub(super) fn world(&self) -> Result<(&Resolve, &World), LoadError> {
        let world = self.resolve.worlds.get(self.world);
        world.map(|world| (&self.resolve, world)).ok_or_else(|| unreadable("it has no world"))
    }
}

/// What the first pass over a file finds.
pub(super) struct Outline {
    pub(super) kind: Kind,
    pub(super) labelled: bool,
    pub(super) needs: Option<Vec<u8>>,
    /// What the SDK says that it is.
    sdk: Option<String>,
    sections: BTreeMap<String, Section>,
    /// Whether a core module wants the interface of WASI before components.
    preview1: bool,
}

/// Reads a component of at most `limit` bytes, making one of a core module first.
pub(super) fn read(bytes: &[u8], limit: u64) -> Result<Component<'_>, LoadError> {
    let outline = outline(bytes, limit)?;
    let component = match outline.kind {
        Kind::Component => Cow::Borrowed(bytes),
        Kind::CoreModule => Cow::Owned(componentize(bytes, &outline)?),
    };
    let (resolve, world) = decode(&component)?;
    Ok(Component {
        kind: outline.kind,
        bytes: component,
        labelled: outline.labelled,
        needs: outline.needs,
        sdk: outline.sdk,
        sections: outline.sections.into_values().collect(),
        resolve,
        world,
    })
}

/// Walks over the sections of a file of at most `limit` bytes.
pub(super) fn outline(bytes: &[u8], limit: u64) -> Result<Outline, LoadError> {
    if bytes.len() as u64 > limit {
        let (size, limit) = (bytes.len(), Size(limit));
        return Err(LoadError::new(format!(
            "the file has {size} bytes, over the limit of {limit}"
        ))
        .remedy("build in release mode with `strip = true` in [profile.release]"));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(not_wasm(bytes));
    }
    let mut outline = Outline {
        kind: Kind::Component,
        labelled: false,
        needs: None,
        sdk: None,
        sections: BTreeMap::new(),
        preview1: false,
    };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| unreadable(error.message()))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                outline.kind = Kind::CoreModule;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) => {
                outline.custom(section.name(), section.data(), depth);
            }
            Payload::ImportSection(imports) if depth == 0 => {
                outline.preview1 |= imports
                    .into_imports()
                    .flatten()
                    .any(|import| import.module.starts_with("wasi_snapshot_preview1"));
            }
            _ => {}
        }
    }
    Ok(outline)
}

impl Outline {
    /// Takes in a custom section that lies `depth` modules or components inside of the file.
    fn custom(&mut self, name: &str, data: &[u8], depth: usize) {
        let known = self.sections.entry(name.to_owned()).or_insert_with(|| Section {
            name: name.to_owned(),
            size: 0,
            count: 0,
            inside: true,
        });
        known.size += data.len() as u64;
        known.count += 1;
        known.inside &= depth > 0;
        match name {
            // In the core module inside a component, where the linker leaves them.
            NEEDS_SECTION => {
                self.needs.get_or_insert_with(|| data.to_vec());
            }
            SDK_SECTION => {
                self.sdk.get_or_insert_with(|| String::from_utf8_lossy(data).into_owned());
            }
            name if depth == 0 => self.labelled |= is_label(name, self.kind),
            _ => {}
        }
    }
}

fn is_label(section: &str, kind: Kind) -> bool {
    match kind {
        Kind::Component => section == SECTION,
        Kind::CoreModule => section.starts_with(SECTION),
    }
}

fn not_wasm(bytes: &[u8]) -> LoadError {
    let found = match bytes {
        [] => "it is empty",
        [b'(', ..] => "it looks like WebAssembly text",
        [0x7f, b'E', b'L', b'F', ..] => "it is a program or library of this machine",
        _ => "it does not begin with the bytes of one",
    };
    LoadError::new(format!("it is not a WebAssembly file: {found}")).remedy(
        "give the path of what `omnifs build` printed, target/wasm32-wasip2/release/NAME.wasm",
    )
}

fn unreadable(error: &str) -> LoadError {
    LoadError::new(format!("it is damaged or not a component that omnifs can read: {error}"))
        .remedy("build it again with `omnifs build`")
}

fn componentize(bytes: &[u8], outline: &Outline) -> Result<Vec<u8>, LoadError> {
    if outline.preview1 {
        return Err(LoadError::new(
            "it is a core module that imports wasi_snapshot_preview1, which components replaced",
        )
        .remedy("build it for wasm32-wasip2: `omnifs build --target wasm32-wasip2`"));
    }
    if !outline.labelled {
        return Err(LoadError::new("it is a core module without WIT metadata, not a component")
            .remedy(
                "build it with `omnifs build`, or add the metadata: \
             wasm-tools component embed wit/ --world omnifs:provider/provider IN -o OUT",
            ));
    }
    guarded(|| ComponentEncoder::default().validate(true).module(bytes)?.encode()).map_err(
        |error| {
            LoadError::new(format!("no component can be made of this core module: {error}"))
                .remedy("build it with `omnifs build`")
        },
    )
}

fn decode(bytes: &[u8]) -> Result<(Resolve, WorldId), LoadError> {
    match guarded(|| wit_component::decode(bytes)).map_err(|error| unreadable(&error))? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => {
            Err(LoadError::new("it is a WIT package in binary form, not a component")
                .remedy("give the path of what `omnifs build` printed"))
        }
    }
}

/// Runs a reader of other people's that asserts what it has not checked: a strange file must
/// not bring the host down.
fn guarded<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err("its types are of a kind that cannot be read".to_owned()),
    }
}
