//! What a component asks for that the user has to grant.

use omnifs_runtime::artifact::Artifact;
use omnifs_runtime::http::AllowEntry;

use crate::config::Capabilities;
use crate::exit::{Exit, Failure};

/// What the imports begin with that are capabilities of the contract, or its types.
const CONTRACT: &str = "omnifs:provider/";

/// What a component asks for that needs a grant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Hosts that it declares.
    pub(super) allow: Vec<String>,
    /// Secrets that it declares.
    pub(super) secrets: Vec<String>,
    /// Capabilities that it calls without saying for what.
    pub(super) open: Vec<String>,
}

impl Asked {
    /// Reads what a component declares, and what it imports besides.
    pub(super) fn of(artifact: &Artifact) -> Self {
        let needs = artifact.needs.clone().unwrap_or_default();
        let imports = |name: &str| {
            let prefix = format!("{CONTRACT}{name}@");
            artifact.imports.iter().any(|import| import.starts_with(&prefix))
        };
        let mut open = Vec::new();
        if needs.http.is_none() && imports("http") {
            open.push("http".to_owned());
        }
        if needs.secrets.is_none() && imports("secrets") {
            open.push("secrets".to_owned());
        }
        let entries = needs.http.unwrap_or_default();
        let allow = entries.iter().map(ToString::to_string).collect();
        Self { allow, secrets: needs.secrets.unwrap_or_default(), open }
    }

    /// Adds the hosts of the URLs that a component reads in its configuration.
    ///
    /// # Errors
    /// [`Exit::Usage`] for a key that is missing, or is no URL.
    pub(super) fn in_settings(
        mut self,
        artifact: &Artifact,
        settings: &toml::Table,
    ) -> Result<Self, Failure> {
        let keys = artifact.needs.iter().flat_map(|needs| &needs.http_of);
        for key in keys {
            let remedy = format!("--config-json '{{\"{key}\": \"https://example.com/\"}}'");
            let Some(url) = settings.get(key).and_then(toml::Value::as_str) else {
                return Err(Failure::new(format!("it has to be told which {key} it is to read"))
                    .with(Exit::Usage)
                    .remedy(format!("as in {remedy}")));
            };
            let entry = AllowEntry::of_url(url).map_err(|why| {
                Failure::new(format!("--config-json: the {key} {url:?} cannot be read: {why}"))
                    .with(Exit::Usage)
                    .remedy(format!("give an address, as in {remedy}"))
            })?;
            let entry = entry.to_string();
            if !self.allow.contains(&entry) {
                self.allow.push(entry);
            }
            self.open.retain(|name| name != "http");
        }
        Ok(self)
    }

    /// Returns what of it the user has not granted by the way.
    pub(super) fn beyond(&self, granted: &Capabilities) -> Self {
        let reaches = |host: &String| {
            let asked = AllowEntry::of_origin(host);
            asked.is_ok_and(|asked| granted.http.iter().any(|entry| entry.meets(&asked)))
        };
        let has = |name: &String| granted.secrets.iter().any(|secret| secret.name == *name);
        let is_open = |name: &String| match name.as_str() {
            "http" => granted.http.is_empty(),
            _ => granted.secrets.is_empty(),
        };
        Self {
            allow: self.allow.iter().filter(|host| !reaches(host)).cloned().collect(),
            secrets: self.secrets.iter().filter(|name| !has(name)).cloned().collect(),
            open: self.open.iter().filter(|name| is_open(name)).cloned().collect(),
        }
    }

    /// Returns what of it is not granted, each with the option that grants it.
    pub(super) fn missing(&self, granted: &Capabilities) -> Vec<String> {
        let mut missing = Vec::new();
        for host in &self.allow {
            let reaches = |entry: &AllowEntry| {
                AllowEntry::of_origin(host).is_ok_and(|asked| entry.meets(&asked))
            };
            if !granted.http.iter().any(reaches) {
                missing.push(format!("http {host}, which it may not reach: --allow {host}"));
            }
        }
        for name in &self.secrets {
            if !granted.secrets.iter().any(|secret| secret.name == *name) {
                missing.push(format!("the secret {name}, which it has not: --secret {name}"));
            }
        }
        for name in &self.open {
            match name.as_str() {
                "http" if granted.http.is_empty() => {
                    missing.push("http, and may reach nobody: --allow HOST".to_owned());
                }
                "secrets" if granted.secrets.is_empty() => {
                    missing.push("secrets, and has none: --secret NAME".to_owned());
                }
                _ => {}
            }
        }
        missing
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.allow.is_empty() && self.secrets.is_empty() && self.open.is_empty()
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = self.allow.iter().map(|host| format!("http {host}")).collect();
        let variable = |name: &String| format!("secret {name} (from the variable {name})");
        parts.extend(self.secrets.iter().map(variable));
        parts.extend(self.open.iter().cloned());
        if parts.is_empty() { f.write_str("nothing") } else { f.write_str(&parts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use omnifs_runtime::Needs;
    use omnifs_runtime::artifact::{Face, Kind};
    use omnifs_runtime::http::AllowEntry;

    use super::*;

    #[test]
    fn capabilities_are_asked_for_and_types_are_not() {
        let imports =
            ["wasi:io/poll@0.2.6", "omnifs:provider/http@1.0.0", "omnifs:provider/log@1.0.0"];
        let mut artifact = Artifact {
            kind: Kind::Component,
            imports: imports.map(str::to_owned).to_vec(),
            exports: Vec::new(),
            face: Some(Face::Filesystem),
            faces: vec![Face::Filesystem],
            watches: false,
            size: 1,
            labelled: true,
            needs: None,
            sdk: None,
            sections: Vec::new(),
        };
        assert_eq!(Asked::of(&artifact).to_string(), "http");
        artifact.needs = Some(Needs {
            http: Some(vec![AllowEntry::of_origin("http://a.example:8080").unwrap()]),
            more_http: false,
            http_of: Vec::new(),
            secrets: Some(vec!["K".to_owned()]),
            live: false,
        });
        let asked = Asked::of(&artifact);
        let shown = "http http://a.example:8080, secret K (from the variable K)";
        assert_eq!((asked.to_string().as_str(), asked.allow.len()), (shown, 1));
    }

    #[test]
    fn what_was_granted_by_the_way_is_not_asked_for() {
        let asked = Asked {
            allow: vec!["http://nas:80".to_owned(), "api.example.com".to_owned()],
            secrets: vec!["A".to_owned()],
            open: vec!["secrets".to_owned()],
        };
        let mut granted = Capabilities::default();
        assert_eq!(asked.beyond(&granted), asked);
        granted.http.push(AllowEntry::of_origin("http://nas").unwrap());
        let rest = asked.beyond(&granted);
        assert_eq!((rest.allow, rest.secrets.len()), (vec!["api.example.com".to_owned()], 1));
    }

    #[test]
    fn what_is_not_granted_comes_with_the_option_that_grants_it() {
        let asked = Asked {
            allow: vec!["api.example.com".to_owned(), "http://10.0.0.1:8080".to_owned()],
            secrets: vec!["KEY".to_owned()],
            open: Vec::new(),
        };
        let mut granted = Capabilities::default();
        let missing = asked.missing(&granted);
        assert_eq!(missing.len(), 3);
        assert!(missing[1].ends_with(": --allow http://10.0.0.1:8080"), "{}", missing[1]);
        assert!(missing[2].ends_with(": --secret KEY"), "{}", missing[2]);
        granted.http.push(AllowEntry::of_origin("*.example.com").unwrap());
        assert_eq!(asked.missing(&granted), missing[1..]);
        let open = ["http", "secrets"].map(str::to_owned).to_vec();
        let asked = Asked { open, ..Asked::default() };
        assert_eq!(asked.missing(&granted), ["secrets, and has none: --secret NAME"]);
    }
}
