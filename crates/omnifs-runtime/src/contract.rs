//! Whether a component fits the contract, and in which words it does not.

mod imports;
mod signature;

use std::sync::OnceLock;

use wasmtime::Engine;
use wasmtime::component::Component;
use wit_parser::{Interface, PackageId, PackageName, Resolve, World, WorldItem, WorldKey};

use self::signature::Signature;
use crate::artifact::{Face, LoadError};

/// The WIT package, the same text that both sides generate from.
const WIT: &str = include_str!("../../../wit/provider.wit");

/// What decides whether a component fits: what was compared by other rules has to be again. Who
/// changes how it is compared, and neither text nor version, changes the last one.
pub(crate) const RULES: [&str; 3] = [WIT, env!("CARGO_PKG_VERSION"), "1"];

/// The SDK that makes components of this contract.
const SDK: &str = "omnifs-provider 1.0.0";

const NAMESPACE: &str = "omnifs";
const PACKAGE: &str = "provider";

/// What a component exports besides a face that follows its upstream.
const WATCHER: &str = "watcher";

/// What it imports to say what is outdated.
const CACHE_CONTROL: &str = "cache-control";

/// The faces, the one that is served first if a component has several.
const FACES: [Face; 2] = [Face::Projection, Face::Filesystem];

/// The contract's own types.
pub(crate) type Contract = (Resolve, PackageId);

/// Returns the contract's own types, which are parsed once.
///
/// # Errors
/// Says that the WIT text inside this program does not parse, which a test rules out.
pub(crate) fn contract() -> Result<&'static Contract, LoadError> {
    static PARSED: OnceLock<Result<Contract, LoadError>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let mut resolve = Resolve::default();
        match resolve.push_str("provider.wit", WIT) {
            Ok(package) => Ok((resolve, package)),
            Err(error) => Err(LoadError::new(format!(
                "the contract inside this program is broken: {error:#}"
            ))),
        }
    });
    parsed.as_ref().map_err(Clone::clone)
}

/// How a component fits the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) face: Face,
    /// Whether it follows its upstream.
    pub(crate) watches: bool,
    /// Whether it may say what is outdated.
    pub(crate) outdates: bool,
}

impl Fit {
    /// Returns how a compiled component fits that was compared with this contract before; `None`
    /// when it has no face.
    pub(crate) fn of_compiled(component: &Component, engine: &Engine) -> Option<Self> {
        let types = component.component_type();
        let exports: Vec<&str> =
            types.exports(engine).filter_map(|(name, _)| served(name)).collect();
        let face = FACES.into_iter().find(|face| exports.contains(&face.interface()))?;
        let imports = types.imports(engine).map(|(name, _)| served(name));
        let outdates = face == Face::Projection && imports.flatten().any(|it| it == CACHE_CONTROL);
        Some(Self { face, watches: exports.contains(&WATCHER), outdates })
    }
}

/// Returns which interface of this contract a full name stands for, such as
/// `omnifs:provider/filesystem@1.0.0`.
fn served(name: &str) -> Option<&str> {
    let (package, interface) = name.split_once('/')?;
    let (interface, version) = interface.split_once('@')?;
    let is_ours = package.split_once(':') == Some((NAMESPACE, PACKAGE));
    (is_ours && version.split('.').next() == Some("1")).then_some(interface)
}

/// Compares a component's world with the contract.
///
/// # Errors
/// Says everything that is missing, differs or is not granted, and what to do about it.
pub(crate) fn compare(resolve: &Resolve, world: &World) -> Result<Fit, LoadError> {
    let (face, found) = exported(resolve, world)?;
    fits(resolve, found, face.interface())?;
    let watcher = ours(resolve, world.exports.values(), WATCHER);
    if let Some(watcher) = watcher {
        fits(resolve, watcher, WATCHER)?;
    }
    imports::check(resolve, world)?;
    // Nodes of the other face have no identities.
    let outdates =
        face == Face::Projection && ours(resolve, world.imports.values(), CACHE_CONTROL).is_some();
    Ok(Fit { face, watches: watcher.is_some(), outdates })
}

/// Compares an exported interface with that of the contract which has its name.
fn fits(resolve: &Resolve, found: &Interface, name: &str) -> Result<(), LoadError> {
    let differences = differences(resolve, found, name)?;
    if differences.is_empty() {
        return Ok(());
    }
    let mut reason = format!("it does not fit {NAMESPACE}:{PACKAGE}/{name}@1.0.0");
    for difference in differences {
        reason.push_str("\n  ");
        reason.push_str(&difference.replace('\n', "\n  "));
    }
    Err(LoadError::new(reason).remedy(format!("build it against {SDK}")))
}

/// Finds an interface of the contract, of a version that this host has, among others.
fn ours<'a>(
    resolve: &'a Resolve,
    mut items: impl Iterator<Item = &'a WorldItem>,
    name: &str,
) -> Option<&'a Interface> {
    items.find_map(|item| {
        let WorldItem::Interface { id, .. } = item else { return None };
        let (interface, package) = (resolve.interfaces.get(*id)?, package(resolve, *id)?);
        let is_ours = package.namespace == NAMESPACE && package.name == PACKAGE;
        let is_served = package.version.as_ref().is_some_and(|version| version.major == 1);
        (is_ours && is_served && interface.name.as_deref() == Some(name)).then_some(interface)
    })
}

/// Returns the faces of this contract that a component exports, the one that is served first.
pub(crate) fn faces(resolve: &Resolve, world: &World) -> Vec<Face> {
    let is_exported =
        |face: &Face| ours(resolve, world.exports.values(), face.interface()).is_some();
    FACES.into_iter().filter(is_exported).collect()
}

/// Finds the exported interface that the host calls.
fn exported<'a>(resolve: &'a Resolve, world: &World) -> Result<(Face, &'a Interface), LoadError> {
    let (mut served, mut other): (Option<(Face, &Interface)>, _) = (None, None);
    for item in world.exports.values() {
        let WorldItem::Interface { id, .. } = item else { continue };
        let (Some(interface), Some(package)) = (resolve.interfaces.get(*id), package(resolve, *id))
        else {
            continue;
        };
        let name = interface.name.as_deref();
        let Some(place) = FACES.iter().position(|face| name == Some(face.interface())) else {
            continue;
        };
        if package.namespace != NAMESPACE || package.name != PACKAGE {
            continue;
        }
        let Some(face) = FACES.get(place).copied() else { continue };
        match &package.version {
            Some(version) if version.major == 1 => {
                if face == Face::Projection || served.is_none() {
                    served = Some((face, interface));
                }
            }
            version => other = Some((face, version.as_ref().map(ToString::to_string))),
        }
    }
    if let Some(served) = served {
        return Ok(served);
    }
    let watches = ours(resolve, world.exports.values(), WATCHER).is_some();
    Err(match other {
        Some((face, version)) => another_version(face, version.as_deref()),
        None if watches => watches_alone(),
        None => no_face(&names(resolve, world.exports.keys())),
    })
}

fn package(resolve: &Resolve, interface: wit_parser::InterfaceId) -> Option<&PackageName> {
    let package = resolve.interfaces.get(interface)?.package?;
    resolve.packages.get(package).map(|package| &package.name)
}

fn another_version(face: Face, version: Option<&str>) -> LoadError {
    let version = version.map_or("without a version".to_owned(), |v| format!("of version {v}"));
    LoadError::new(format!(
        "it exports {NAMESPACE}:{PACKAGE}/{} {version}, and this host serves 1.0.0",
        face.interface()
    ))
    .remedy(format!("build it against {SDK}, or use an omnifs of that version"))
}

fn watches_alone() -> LoadError {
    LoadError::new(format!(
        "it exports {NAMESPACE}:{PACKAGE}/{WATCHER}@1.0.0 alone, and has no tree to watch for"
    ))
    .remedy(format!(
        "export {NAMESPACE}:{PACKAGE}/projection@1.0.0, too: \
         omnifs_provider::serve!(app, watch = events), against {SDK}"
    ))
}

fn no_face(exports: &[String]) -> LoadError {
    let found = if exports.is_empty() {
        "it exports nothing".to_owned()
    } else {
        format!("it exports {}", exports.join(", "))
    };
    LoadError::new(format!("it does not export {NAMESPACE}:{PACKAGE}/filesystem@1.0.0: {found}"))
        .remedy(format!(
            "implement `Guest` and export it with omnifs_provider::export!, against {SDK}"
        ))
}

/// Returns the full names of imports or exports, such as `wasi:io/poll@0.2.6`.
pub(crate) fn names<'a>(
    resolve: &Resolve,
    keys: impl Iterator<Item = &'a WorldKey>,
) -> Vec<String> {
    keys.map(|key| resolve.name_world_key(key)).collect()
}

/// Finds an interface of the contract by its name.
fn interface<'a>((resolve, package): &'a Contract, name: &str) -> Result<&'a Interface, LoadError> {
    resolve
        .packages
        .get(*package)
        .and_then(|package| package.interfaces.get(name))
        .and_then(|id| resolve.interfaces.get(*id))
        .ok_or_else(|| LoadError::new(format!("the contract inside this program has no {name}")))
}

/// Says how the functions that a component imports of a capability differ from those that
/// there are.
fn import_differences(
    resolve: &Resolve,
    found: &Interface,
    name: &str,
) -> Result<Vec<String>, LoadError> {
    let contract = contract()?;
    let expected = interface(contract, name)?;
    let mut differences = Vec::new();
    for (function, imported) in &found.functions {
        let imported = Signature::of(resolve, imported);
        match expected.functions.get(function) {
            Some(wanted) => {
                differences.extend(Signature::of(&contract.0, wanted).difference(&imported));
            }
            None => differences.push(format!("there is no function {function} in {name}")),
        }
    }
    Ok(differences)
}

fn differences(resolve: &Resolve, found: &Interface, name: &str) -> Result<Vec<String>, LoadError> {
    let contract = contract()?;
    let expected = &contract.0;
    let interface = interface(contract, name)?;
    let mut differences = Vec::new();
    for (name, function) in &interface.functions {
        let wanted = Signature::of(expected, function);
        match found.functions.get(name) {
            Some(function) => {
                differences.extend(wanted.difference(&Signature::of(resolve, function)));
            }
            None => {
                differences.push(format!("the function {name} is missing\n  expected  {wanted}"));
            }
        }
    }
    Ok(differences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_contract_are_told_from_others() {
        for (name, interface) in [
            ("omnifs:provider/filesystem@1.0.0", Some("filesystem")),
            ("omnifs:provider/watcher@1.7.2", Some("watcher")),
            ("omnifs:provider/filesystem@2.0.0", None),
            ("omnifs:provider/filesystem@10.0.0", None),
            ("omnifs:provider/filesystem", None),
            ("other:provider/filesystem@1.0.0", None),
            ("omnifs:providers/filesystem@1.0.0", None),
            ("filesystem", None),
        ] {
            assert_eq!(served(name), interface, "{name}");
        }
    }
}
