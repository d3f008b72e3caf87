//! Names that cargo takes for a crate.

use std::str::FromStr;

/// The longest name that the registry of cargo takes (The Cargo Book, "name").
const LENGTH_MAX: usize = 64;

/// The longest name of a provider in `providers.toml`.
const PROVIDER_LENGTH_MAX: usize = 63;

/// Keywords of Rust 2021, strict and reserved (The Rust Reference, "Keywords"); cargo refuses
/// them, since such a crate could not be named in code.
const KEYWORDS: [&str; 51] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Crates that every program has under this name.
const BUILT_IN: [&str; 6] = ["alloc", "core", "proc-macro", "proc_macro", "std", "test"];

/// Directories that cargo makes next to what it builds.
const DIRECTORIES: [&str; 4] = ["build", "deps", "examples", "incremental"];

/// The name of a provider's crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CrateName(String);

/// Why a text is not the name of a crate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("the name of a crate has at least one character")]
    Empty,
    #[error("{0:?} has more than {LENGTH_MAX} characters, the most that a crate's name may have")]
    TooLong(String),
    #[error(
        "{0:?} is a path: give the name alone, the new directory is made in the working directory"
    )]
    Path(String),
    #[error("{name:?} contains {wrong:?}: a crate's name has ASCII letters, digits, `-` and `_`")]
    Character { name: String, wrong: char },
    #[error("{name:?} starts with {wrong:?}: a crate's name starts with a letter")]
    Start { name: String, wrong: char },
    #[error("{0:?} is a keyword of Rust, which cannot name a crate: try \"{0}-provider\"")]
    Keyword(String),
    #[error("{0:?} is the name of a crate that comes with Rust: try \"{0}-provider\"")]
    BuiltIn(String),
    #[error("{0:?} is a directory that cargo makes: try \"{0}-provider\"")]
    Directory(String),
    #[error("{0:?} is the name of the SDK, which a provider depends on: choose another")]
    Sdk(String),
}

impl CrateName {
    /// Returns the name as written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the file that cargo makes, without `.wasm`.
    pub(super) fn file_stem(&self) -> String {
        self.0.replace('-', "_")
    }

    /// Returns a name for `providers.toml`, where lower case letters, digits and `-` are
    /// allowed.
    pub(super) fn provider(&self) -> String {
        let mut name = self.0.to_ascii_lowercase().replace('_', "-");
        name.truncate(PROVIDER_LENGTH_MAX);
        name
    }
}

impl FromStr for CrateName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.to_string();
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let Some(first) = text.chars().next() else {
            return Err(NameError::Empty);
        };
        if text.contains('/') {
            return Err(NameError::Path(name));
        }
        if let Some(wrong) = text.chars().find(|c| !allowed(c)) {
            return Err(NameError::Character { name, wrong });
        }
        if !first.is_ascii_alphabetic() {
            return Err(NameError::Start { name, wrong: first });
        }
        match text {
            _ if text.len() > LENGTH_MAX => Err(NameError::TooLong(name)),
            _ if KEYWORDS.contains(&text) => Err(NameError::Keyword(name)),
            _ if BUILT_IN.contains(&text) => Err(NameError::BuiltIn(name)),
            _ if DIRECTORIES.contains(&text) => Err(NameError::Directory(name)),
            "omnifs-provider" | "omnifs_provider" => Err(NameError::Sdk(name)),
            _ => Ok(Self(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for (text, file, provider) in [
            ("my-provider", "my_provider", "my-provider"),
            ("a", "a", "a"),
            ("My_Provider2", "My_Provider2", "my-provider2"),
        ] {
            let name: CrateName = text.parse().expect(text);
            assert_eq!((name.file_stem().as_str(), name.provider().as_str()), (file, provider));
        }
    }

    #[test]
    fn bad_names_and_their_reasons() {
        let long = "n".repeat(65);
        for (text, reason) in [
            ("", "at least one character"),
            ("a b", "contains ' '"),
            ("\u{fc}ber", "contains '\u{fc}'"),
            ("a.b", "contains '.'"),
            ("a\nb", "contains '\\n'"),
            ("../a", "is a path"),
            ("7up", "starts with '7'"),
            ("-v", "starts with '-'"),
            ("_x", "starts with '_'"),
            ("fn", "keyword of Rust"),
            ("self", "keyword of Rust"),
            ("test", "comes with Rust"),
            ("std", "comes with Rust"),
            ("deps", "directory that cargo makes"),
            ("omnifs-provider", "the SDK"),
            (long.as_str(), "more than 64"),
        ] {
            let error = text.parse::<CrateName>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!("n".repeat(64).parse::<CrateName>().is_ok());
    }

    #[test]
    fn a_name_for_the_file_of_providers_is_never_too_long() {
        let name: CrateName = "n".repeat(64).parse().expect("64 are allowed");
        assert_eq!(name.provider().len(), 63);
    }
}
