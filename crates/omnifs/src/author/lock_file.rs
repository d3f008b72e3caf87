//! The first `Cargo.lock` of a provider.
//!
//! With it a new provider builds with the very dependencies that the SDK was tested with, and
//! without a network once they are downloaded.

use crate::author::name::CrateName;

/// The lock file of the providers that come with omnifs, which use the same SDK.
const TESTED: &str = include_str!("../../../../providers/Cargo.lock");

const PACKAGE: &str = "[[package]]\n";

/// The SDK and what it depends on.
const LOCKED: [&str; 2] = ["omnifs-provider", "wit-bindgen"];

/// Returns the text of the file, as cargo itself would write it.
pub(super) fn lock_file(name: &CrateName) -> String {
    let (head, _) = TESTED.split_once(PACKAGE).unwrap_or((TESTED, ""));
    let own = format!(
        "name = \"{}\"\nversion = \"0.1.0\"\ndependencies = [\n \"omnifs-provider\",\n]",
        name.as_str()
    );
    let locked = TESTED.split(PACKAGE).map(str::trim_end).filter(|package| {
        LOCKED.iter().any(|name| package.starts_with(&format!("name = \"{name}\"\n")))
    });
    let mut packages: Vec<&str> = locked.chain([own.as_str()]).collect();
    // By name, as cargo does: `--locked` refuses any other order.
    packages.sort_unstable_by_key(|package| package.lines().next());
    let packages = packages.join(&format!("\n\n{PACKAGE}"));
    format!("{head}{PACKAGE}{packages}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_stand_in_order() {
        for name in ["a", "p", "z"] {
            let text = lock_file(&name.parse().expect("a name"));
            let lock: toml::Table = text.parse().expect("TOML");
            let packages = lock["package"].as_array().expect("packages");
            let names: Vec<&str> =
                packages.iter().map(|package| package["name"].as_str().expect("a name")).collect();
            assert!(names.is_sorted(), "{names:?}");
            assert_eq!(names.len(), 3, "{names:?}");
        }
    }
}
