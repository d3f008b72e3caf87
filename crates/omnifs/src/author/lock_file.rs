//! The first `Cargo.lock` of a provider.
//!
//! With it a new provider builds with the very dependencies that the SDK was tested with, and
//! without a network once they are downloaded.

use crate::author::name::CrateName;
use crate::author::template::{PLACEHOLDER, Template};

const PACKAGE: &str = "[[package]]\n";

/// Returns the text of the file, as cargo itself would write it.
pub(super) fn lock_file(name: &CrateName, template: Template) -> String {
    let lock =
        template.lock().replace(&format!("\"{PLACEHOLDER}\""), &format!("{:?}", name.as_str()));
    let (head, packages) = lock.split_once(PACKAGE).unwrap_or((&lock, ""));
    let mut packages: Vec<&str> = packages.split(PACKAGE).map(str::trim_end).collect();
    // By name, as cargo does: `--locked` refuses any other order.
    packages.sort_unstable_by_key(|package| package.lines().next());
    let packages = packages.join(&format!("\n\n{PACKAGE}"));
    format!("{head}{PACKAGE}{packages}\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::ValueEnum as _;

    use super::*;

    fn packages(text: &str) -> Vec<toml::Value> {
        let lock: toml::Table = text.parse().expect("TOML");
        lock["package"].as_array().expect("packages").clone()
    }

    fn name(package: &toml::Value) -> &str {
        package["name"].as_str().expect("a name")
    }

    #[test]
    fn packages_stand_in_order() {
        for template in Template::value_variants() {
            let count = packages(template.lock()).len();
            for own in ["a", "p", "z"] {
                let lock = packages(&lock_file(&own.parse().expect("a name"), *template));
                let names: Vec<&str> = lock.iter().map(name).collect();
                assert!(names.is_sorted(), "{names:?}");
                assert!(names.contains(&own) && names.len() == count, "{names:?}");
            }
        }
    }

    #[test]
    fn every_package_is_the_one_that_the_sdk_was_tested_with() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        let tested = packages(&fs::read_to_string(root).expect("the workspace's lock file"));
        for template in Template::value_variants() {
            for package in packages(template.lock()) {
                let Some(checksum) = package.get("checksum") else { continue };
                let same = |other: &&toml::Value| other.get("checksum") == Some(checksum);
                assert!(tested.iter().any(|other| same(&other)), "{}", name(&package));
            }
        }
    }
}
