//! What a component may ask of the host.

use wit_parser::{Interface, Resolve, World, WorldItem};

use super::{NAMESPACE, PACKAGE, SDK, import_differences, package};
use crate::artifact::LoadError;

/// What the `imports` world of wasi:cli 0.2 consists of; all of it is there, and empty.
const WASI: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("clocks", &["monotonic-clock", "wall-clock"]),
    ("filesystem", &["types", "preopens"]),
    ("io", &["error", "poll", "streams"]),
    ("random", &["random", "insecure", "insecure-seed"]),
    (
        "sockets",
        &[
            "network",
            "instance-network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
            "ip-name-lookup",
        ],
    ),
];

const CAPABILITIES: &[&str] = &["http", "secrets", "log", "config", "cache-control"];

enum Verdict<'a> {
    Granted,
    /// A capability of the contract, whose functions have to be compared.
    Capability(Option<&'a Interface>),
    /// `wasi:http` of whatever version.
    WasiHttp(String),
    Unknown(String),
}

/// Checks that every import is one that the host has.
///
/// # Errors
/// Names each import that it does not have.
pub(super) fn check(resolve: &Resolve, world: &World) -> Result<(), LoadError> {
    let mut problems = Vec::new();
    let mut remedies = Vec::new();
    for (key, item) in &world.imports {
        let (problem, remedy) = match verdict(resolve, resolve.name_world_key(key), item) {
            Verdict::Granted => continue,
            Verdict::Capability(interface) => {
                let (Some(found), Some(name)) =
                    (interface, interface.and_then(|i| i.name.as_deref()))
                else {
                    continue;
                };
                let differences = import_differences(resolve, found, name)?;
                if differences.is_empty() {
                    continue;
                }
                let mut problem = format!("it does not fit {NAMESPACE}:{PACKAGE}/{name}@1.0.0");
                for difference in differences {
                    problem.push_str("\n  ");
                    problem.push_str(&difference.replace('\n', "\n  "));
                }
                (problem, format!("build it against {SDK}"))
            }
            Verdict::WasiHttp(name) => (
                format!("it imports {name}, which omnifs does not have"),
                "a provider reaches the network through omnifs:provider/http only".to_owned(),
            ),
            Verdict::Unknown(name) => (
                format!("it imports {name}, which omnifs does not have"),
                format!("build it for wasm32-wasip2 against {SDK}, without that import"),
            ),
        };
        problems.push(problem);
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(LoadError::new(problems.join("\n")).remedy(remedies.join("\n")))
}

fn verdict<'a>(resolve: &'a Resolve, name: String, item: &WorldItem) -> Verdict<'a> {
    let WorldItem::Interface { id, .. } = item else { return Verdict::Unknown(name) };
    let interface = resolve.interfaces.get(*id).and_then(|interface| interface.name.as_deref());
    let (Some(package), Some(interface)) = (package(resolve, *id), interface) else {
        return Verdict::Unknown(name);
    };
    match package.namespace.as_str() {
        "wasi" if package.name == "http" => Verdict::WasiHttp(name),
        "wasi" => {
            let current = package.version.as_ref().is_some_and(|v| v.major == 0 && v.minor == 2);
            let there = WASI.iter().any(|(package_name, interfaces)| {
                *package_name == package.name && interfaces.contains(&interface)
            });
            if current && there { Verdict::Granted } else { Verdict::Unknown(name) }
        }
        NAMESPACE if package.name == PACKAGE && CAPABILITIES.contains(&interface) => match &package
            .version
        {
            Some(version) if version.major == 1 => Verdict::Capability(resolve.interfaces.get(*id)),
            Some(_) | None => Verdict::Unknown(name),
        },
        _ => Verdict::Unknown(name),
    }
}
