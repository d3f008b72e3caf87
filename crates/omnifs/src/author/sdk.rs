//! The SDK that comes with this binary, and its copy in a provider's directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::author::write_file;

/// Where the copy lies in a provider's directory.
pub(super) const PLACE: &str = ".omnifs/sdk";

/// The version of the SDK that is embedded here.
pub(super) const VERSION: &str = "1.0.0";

/// Names a file of the SDK's source and embeds it.
macro_rules! source {
    ($file:literal) => {
        ($file, include_str!(concat!("../../../omnifs-provider/", $file)))
    };
}

/// Every file of the SDK. It builds anywhere: its manifest names no workspace.
const FILES: [(&str, &str); 44] = [
    ("Cargo.toml", include_str!("../../templates/sdk/manifest.toml")),
    ("LICENSE-APACHE", include_str!("../../../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../../../LICENSE-MIT")),
    // So that an author's `cargo fmt --all` leaves the copy as it is.
    ("rustfmt.toml", include_str!("../../../../rustfmt.toml")),
    source!("src/bindings.rs"),
    source!("src/cache_control.rs"),
    source!("src/config.rs"),
    source!("src/error.rs"),
    source!("src/http.rs"),
    source!("src/http/bodies.rs"),
    source!("src/http/lines.rs"),
    source!("src/http/link.rs"),
    source!("src/http/paging.rs"),
    source!("src/http/query.rs"),
    source!("src/http/request.rs"),
    source!("src/http/response.rs"),
    source!("src/http/url.rs"),
    source!("src/identity.rs"),
    source!("src/lib.rs"),
    source!("src/log.rs"),
    source!("src/names.rs"),
    source!("src/native.rs"),
    source!("src/needs.rs"),
    source!("src/projector.rs"),
    source!("src/router.rs"),
    source!("src/router/collection.rs"),
    source!("src/router/cursor.rs"),
    source!("src/router/entry.rs"),
    source!("src/router/finding.rs"),
    source!("src/router/handler.rs"),
    source!("src/router/identity.rs"),
    source!("src/router/range.rs"),
    source!("src/router/serve.rs"),
    source!("src/router/template.rs"),
    source!("src/router/tests.rs"),
    source!("src/router/tree.rs"),
    source!("src/secrets.rs"),
    source!("src/section.rs"),
    source!("src/testing.rs"),
    source!("src/testing/contract.rs"),
    source!("src/testing/exchanges.rs"),
    source!("src/testing/tests.rs"),
    source!("src/watch.rs"),
    source!("src/watching.rs"),
];

/// What [`refresh`] did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// Nothing: the provider takes its SDK from elsewhere, or its copy is this one.
    No,
    /// It wrote the copy that the manifest asks for.
    Written(PathBuf),
    /// It replaced a copy that differed, of this version.
    Replaced(PathBuf, String),
}

/// Writes the SDK into the provider that lies in `directory`.
pub(super) fn write(directory: &Path) -> anyhow::Result<()> {
    let place = directory.join(PLACE);
    FILES.iter().try_for_each(|(file, text)| write_file(&place.join(file), text))
}

/// Whether cargo takes the SDK of the provider in `directory` from a copy there or above.
pub(super) fn is_copied(directory: &Path) -> bool {
    directory.ancestors().any(uses_copy)
}

/// Makes the copy that `directory` or one above it uses equal to the SDK in this binary.
pub(super) fn refresh(directory: &Path) -> anyhow::Result<Refreshed> {
    let Some(owner) = directory.ancestors().find(|above| uses_copy(above)) else {
        return Ok(Refreshed::No);
    };
    let place = owner.join(PLACE);
    // A link leads to somebody's own working copy, which is not ours to change.
    if place.is_symlink() || is_current(&place) {
        return Ok(Refreshed::No);
    }
    let before = version_of(&place);
    write(owner)?;
    Ok(match before {
        None => Refreshed::Written(place),
        Some(version) => Refreshed::Replaced(place, version),
    })
}

/// Whether cargo is told there to take the SDK from the copy.
fn uses_copy(directory: &Path) -> bool {
    let mentions = |file: &str| {
        fs::read_to_string(directory.join(file)).is_ok_and(|text| text.contains(PLACE))
    };
    ["Cargo.toml", ".cargo/config.toml", ".cargo/config"].into_iter().any(mentions)
}

fn is_current(place: &Path) -> bool {
    FILES
        .iter()
        .all(|(file, text)| fs::read_to_string(place.join(file)).is_ok_and(|there| there == *text))
}

/// Returns the version of a copy, or `None` when there is none.
fn version_of(place: &Path) -> Option<String> {
    let manifest = fs::read_to_string(place.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    Some(manifest.get("package")?.get("version")?.as_str()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of_the_sdk() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../omnifs-provider")
    }

    fn manifest(text: &str) -> toml::Table {
        text.parse().expect("a manifest")
    }

    #[test]
    fn every_source_file_is_embedded() {
        let mut there = Vec::new();
        let mut directories = vec![crate_of_the_sdk().join("src")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("the crate is there") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let file = path.strip_prefix(crate_of_the_sdk()).expect("below it");
                    there.push(file.to_str().expect("text").to_string());
                }
            }
        }
        there.sort();
        let embedded: Vec<&str> =
            FILES.iter().map(|(file, _)| *file).filter(|file| file.starts_with("src/")).collect();
        assert_eq!(there, embedded);
    }

    #[test]
    fn the_manifest_is_that_of_the_crate() {
        let ours = fs::read_to_string(crate_of_the_sdk().join("Cargo.toml")).expect("readable");
        let (ours, copy) = (manifest(&ours), manifest(FILES[0].1));
        assert_eq!(ours.get("package"), copy.get("package"));
        assert_eq!(ours.get("dependencies"), copy.get("dependencies"));
        assert_eq!(ours.get("features"), copy.get("features"));
        assert_eq!(copy["package"]["version"].as_str(), Some(VERSION));
    }

    #[test]
    fn a_copy_is_written_once_and_replaced_when_it_differs() {
        let home = tempfile::tempdir().expect("a directory");
        let provider = home.path().join("provider");
        let place = provider.join(PLACE);
        assert_eq!(refresh(&provider).expect("works"), Refreshed::No);
        assert!(!place.exists());

        write_file(&provider.join(".cargo/config.toml"), "path = \".omnifs/sdk\"").expect("works");
        let below = provider.join("src");
        assert_eq!(refresh(&below).expect("works"), Refreshed::Written(place.clone()));
        assert_eq!(refresh(&provider).expect("works"), Refreshed::No);

        let old = FILES[0].1.replace("1.0.0", "0.9.0");
        write_file(&place.join("Cargo.toml"), &old).expect("works");
        let replaced = Refreshed::Replaced(place.clone(), "0.9.0".to_string());
        assert_eq!(refresh(&provider).expect("works"), replaced);
        assert!(is_current(&place));
    }

    #[test]
    fn a_link_is_left_alone() {
        let home = tempfile::tempdir().expect("a directory");
        write_file(&home.path().join("Cargo.toml"), "# .omnifs/sdk").expect("works");
        fs::create_dir(home.path().join(".omnifs")).expect("works");
        std::os::unix::fs::symlink("/nowhere", home.path().join(PLACE)).expect("works");
        assert_eq!(refresh(home.path()).expect("works"), Refreshed::No);
    }
}
