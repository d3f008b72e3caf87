//! What a provider can begin with.

use clap::ValueEnum;

/// The name of the crate in every text of a template.
pub(super) const PLACEHOLDER: &str = "my-provider";

/// A file of a new provider: its place and its text.
type File = (&'static str, &'static str);

/// The files that every template has besides its manifest, its lock file and the SDK.
const SHARED: [File; 3] = [
    (".cargo/config.toml", include_str!("../../templates/minimal/cargo-config.toml")),
    (".gitignore", include_str!("../../templates/minimal/gitignore")),
    ("wit/provider.wit", include_str!("../../../../wit/provider.wit")),
];

/// What a provider can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// One directory with one file
    Minimal,
    /// The objects of a JSON API as files, with a test
    Http,
    /// The same by routes and plain functions, with what is known of a file in its listing
    Router,
}

impl Template {
    /// Returns `Cargo.toml`; that of [`Minimal`](Self::Minimal) is the page's, to the letter.
    pub(super) fn manifest(self) -> &'static str {
        match self {
            Self::Minimal => include_str!("../../templates/minimal/manifest.toml"),
            Self::Http => include_str!("../../templates/http/manifest.toml"),
            Self::Router => include_str!("../../templates/router/manifest.toml"),
        }
    }

    /// Returns `Cargo.lock`.
    pub(super) fn lock(self) -> &'static str {
        match self {
            Self::Minimal => include_str!("../../templates/minimal/lock.toml"),
            Self::Http => include_str!("../../templates/http/lock.toml"),
            Self::Router => include_str!("../../templates/router/lock.toml"),
        }
    }

    /// Returns every other file.
    pub(super) fn files(self) -> impl Iterator<Item = File> {
        let own: &[File] = match self {
            Self::Minimal => &[("src/lib.rs", include_str!("../../templates/minimal/lib.rs"))],
            Self::Http => &[
                ("src/lib.rs", include_str!("../../templates/http/lib.rs")),
                ("src/tree.rs", include_str!("../../templates/http/tree.rs")),
                ("tests/exchanges/items.json", include_str!("../../templates/http/exchanges.json")),
                ("tests/provider.toml", include_str!("../../templates/http/provider.toml")),
                ("tests/tree.txt", include_str!("../../templates/http/tree.txt")),
            ],
            Self::Router => &[
                ("src/lib.rs", include_str!("../../templates/router/lib.rs")),
                (
                    "tests/exchanges/issues.json",
                    include_str!("../../templates/router/exchanges.json"),
                ),
                ("tests/provider.toml", include_str!("../../templates/router/provider.toml")),
                ("tests/tree.txt", include_str!("../../templates/router/tree.txt")),
            ],
        };
        SHARED.iter().chain(own).copied()
    }

    /// Returns the lines of `providers.toml` that follow `mount`.
    pub(super) fn grants(self) -> &'static [&'static str] {
        match self {
            Self::Minimal => &[],
            Self::Http | Self::Router => &[
                "[provider.capabilities]",
                "http = { allow = [\"api.example.com\"] }",
                "secrets = { MY_API_KEY = { env = \"MY_API_KEY\" } }",
                "[provider.config]",
                "base_url = \"https://api.example.com\"",
            ],
        }
    }

    /// Returns what a user has to know about [`grants`](Self::grants).
    pub(super) fn advice(self) -> Option<&'static str> {
        match self {
            Self::Minimal => None,
            Self::Http | Self::Router => Some(
                "put your API in the place of api.example.com; leave secrets out if it wants no key",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_has_the_name_once() {
        for template in Template::value_variants() {
            assert_eq!(template.manifest().matches(PLACEHOLDER).count(), 1, "{template:?}");
        }
    }
}
