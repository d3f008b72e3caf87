//! The first-party providers that are part of this program, `path = "builtin:NAME"`.

/// A component that the build put into this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Embedded {
    /// What follows `builtin:`.
    pub(crate) name: &'static str,
    /// What it is, in a few words.
    pub(crate) about: &'static str,
    /// What `omnifs demo` shows of it, as one would type it among the mounts; nothing has it left
    /// out there.
    pub(crate) demo: &'static [&'static str],
    /// The component.
    pub(crate) bytes: &'static [u8],
}

/// All of them, by name.
pub(crate) const ALL: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// There is no embedded provider of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no embedded provider {name:?}; there are {}", names().join(", "))]
pub(crate) struct Unknown {
    name: String,
}

/// Returns the embedded provider of this name.
///
/// # Errors
/// [`Unknown`] lists those that there are.
pub(crate) fn find(name: &str) -> Result<&'static Embedded, Unknown> {
    let found = ALL.iter().find(|embedded| embedded.name == name);
    found.ok_or_else(|| Unknown { name: name.to_owned() })
}

fn names() -> Vec<&'static str> {
    ALL.iter().map(|embedded| embedded.name).collect()
}

#[cfg(test)]
mod tests {
    use omnifs_runtime::artifact::{self, Face};

    use super::*;

    #[test]
    fn each_fits_the_contract_and_none_comes_twice() {
        for embedded in ALL {
            let artifact = artifact::check(embedded.bytes).unwrap();
            // Those of the page, and those that the router of the SDK makes.
            let face = if embedded.demo.is_empty() { Face::Projection } else { Face::Filesystem };
            assert_eq!(artifact.face, Some(face), "{}", embedded.name);
            assert_eq!(find(embedded.name), Ok(embedded));
        }
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn what_the_demo_shows_asks_for_nothing() {
        for embedded in ALL.iter().filter(|embedded| !embedded.demo.is_empty()) {
            let artifact = artifact::check(embedded.bytes).unwrap();
            let asks = artifact.imports.iter().any(|import| import.starts_with("omnifs:"));
            assert!(!asks, "{}: {:?}", embedded.name, artifact.imports);
        }
    }

    #[test]
    fn an_unknown_name_gets_those_that_there_are() {
        let text = find("nope").unwrap_err().to_string();
        let names: Vec<&str> = ALL.iter().map(|embedded| embedded.name).collect();
        let there = names.join(", ");
        assert_eq!(text, format!("there is no embedded provider \"nope\"; there are {there}"));
    }
}
