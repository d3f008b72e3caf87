//! `omnifs provider add`.

use std::io::{BufRead, IsTerminal};
use std::path::{Component as Part, Path, PathBuf};

use anyhow::Context;
use omnifs_runtime::artifact::Artifact;
use rustix::fs::{Access, access};

use super::{AddArgs, PICKED_UP, daemon_runs, open, save};
use crate::cli::check::artifact_of;
use crate::cli::output::{self, plain};
use crate::config::Component;
use crate::config::edit::{self, Entry};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Where mounts are if a user may write there.
const MOUNTS: &str = "/omnifs";

/// What the imports begin with that are capabilities of the contract, or its types.
const CONTRACT: &str = "omnifs:provider/";

/// The longest name of a provider.
const NAME_MAX: usize = 63;

/// Checks a component and adds it to the file.
pub(super) fn run(arguments: &AddArgs, places: &Places) -> Result<Exit, Failure> {
    let component = component(&arguments.component)?;
    let artifact = artifact_of(&component.bytes()?, &component.to_string())?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => name_of(&component)?,
    };
    let (file, config) = open(places)?;
    if config.providers.iter().any(|provider| provider.name == name) {
        return Err(Failure::new(format!("there is a provider {name:?} already")).remedy(format!(
            "give this one another name with --name, or first `omnifs provider remove {name}`"
        )));
    }
    let asked = Asked::of(&artifact);
    let answer = if arguments.grant { Answer::Granted } else { Answer::Ask };
    consent(&asked, answer)?;
    let mount = match &arguments.mount {
        Some(mount) => given(mount)?,
        None => default_mount(Path::new(MOUNTS), &name),
    };
    let entry = Entry {
        name: name.clone(),
        path: text_of(component.to_string().as_ref())?,
        mount,
        allow: asked.allow.clone(),
        secrets: asked.secrets.clone(),
    };
    let failed = || format!("cannot read {}", places.config.display());
    let text = edit::add(&file.text, &entry).with_context(failed)?;
    let config = save(file, &text, places)?;
    let added = config.providers.iter().find(|provider| provider.name == name);
    let added = added.with_context(|| format!("{name:?} was added, but is not there"))?;
    let next = if daemon_runs(places)? { PICKED_UP } else { "next: omnifs start" };
    let mount = added.mount.display();
    let open = match asked.open.is_empty() {
        true => String::new(),
        false => format!(
            "it does not say which: add them to [provider.capabilities] of {name:?} in {}\n",
            places.config.display()
        ),
    };
    output::print(&plain(&format!(
        "added {name}: {component}\nmount: {mount}\nasks for: {asked}\n{open}{next}\n"
    )))?;
    Ok(Exit::Success)
}

/// Tells a file from the name of an embedded provider.
fn component(argument: &Path) -> Result<Component, Failure> {
    let text = text_of(argument)?;
    if !text.contains('/') && !text.ends_with(".wasm") {
        return Ok(Component::Builtin(text));
    }
    Ok(Component::File(absolute(argument)?))
}

/// Returns the text of a path, which the file of providers can hold as UTF-8 alone.
fn text_of(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))
}

/// Makes a path absolute; with `..` in it by looking where it leads, for behind a symbolic
/// link that is not what its text says.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let failed = || format!("cannot find {}", path.display());
    if path.components().any(|part| part == Part::ParentDir) {
        return Ok(path.canonicalize().with_context(failed)?);
    }
    Ok(std::path::absolute(path).with_context(failed)?)
}

/// Makes a name of a file's: `my-provider` of `my_provider.wasm`.
fn name_of(component: &Component) -> Result<String, Failure> {
    let path = match component {
        Component::Builtin(name) => return Ok(name.clone()),
        Component::File(path) => path,
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = stem.chars().map(plain).take(NAME_MAX).collect();
    match name.trim_matches('-') {
        "" => Err(Failure::new(format!("no name can be made of {}", path.display()))
            .remedy("give it one with --name")),
        name => Ok(name.to_owned()),
    }
}

fn given(mount: &Path) -> Result<String, Failure> {
    // What a shell left of "~/..." is for the file to expand.
    if mount.starts_with("~") { text_of(mount) } else { text_of(&absolute_mount(mount)?) }
}

/// Makes a mount absolute without looking at it: it may not exist yet, or hang.
fn absolute_mount(mount: &Path) -> Result<PathBuf, Failure> {
    Ok(std::path::absolute(mount).with_context(|| format!("cannot use {}", mount.display()))?)
}

/// Returns where a provider is mounted when the user does not say it.
fn default_mount(mounts: &Path, name: &str) -> String {
    let usable = mounts.is_dir() && access(mounts, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    if usable { format!("{}/{name}", mounts.display()) } else { format!("~/omnifs/{name}") }
}

/// What a component asks for that needs a grant.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Hosts that it declares.
    allow: Vec<String>,
    /// Secrets that it declares.
    secrets: Vec<String>,
    /// Capabilities that it calls without saying for what.
    open: Vec<String>,
}

impl Asked {
    /// Reads what a component declares, and what it imports besides.
    fn of(artifact: &Artifact) -> Self {
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

    fn is_nothing(&self) -> bool {
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

/// What the user says to a request for capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Granted,
    Ask,
}

/// Returns when the user grants what is asked for; a component that asks for nothing needs no
/// answer.
fn consent(asked: &Asked, answer: Answer) -> Result<(), Failure> {
    if asked.is_nothing() || answer == Answer::Granted {
        return Ok(());
    }
    let asked = plain(&asked.to_string());
    let mut input = std::io::stdin().lock();
    if !input.is_terminal() {
        return Err(Failure::new(format!(
            "it asks for {asked}, and there is no terminal to ask you on"
        ))
        .with(Exit::Usage)
        .remedy("grant it with --grant"));
    }
    output::print(&format!("it asks for {asked}; grant it? [y/N] "))?;
    let mut line = String::new();
    input.read_line(&mut line).context("cannot read the answer")?;
    match line.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::new("not granted, and nothing was changed")),
    }
}

#[cfg(test)]
mod tests {
    use omnifs_runtime::Needs;
    use omnifs_runtime::artifact::{Face, Kind};
    use omnifs_runtime::http::AllowEntry;

    use super::*;

    #[test]
    fn a_file_is_told_by_its_slash_or_its_end() {
        let here = std::env::current_dir().unwrap();
        let of = |text: &str| component(Path::new(text)).unwrap();
        assert_eq!(of("hello"), Component::Builtin("hello".into()));
        assert_eq!(of("hello.wasm"), Component::File(here.join("hello.wasm")));
        assert_eq!(of("./hello"), Component::File(here.join("hello")));
        assert_eq!(of("/a/b"), Component::File("/a/b".into()));
    }

    #[test]
    fn names_are_made_of_file_names() {
        let of = |file: &str| name_of(&Component::File(file.into())).map_err(|e| e.text());
        assert_eq!(of("/x/my_provider.wasm").as_deref(), Ok("my-provider"));
        assert_eq!(of("/x/-DNS (2).wasm").as_deref(), Ok("dns--2"));
        assert_eq!(of(&format!("/x/{}.wasm", "a".repeat(99))), Ok("a".repeat(63)));
        assert!(of("/x/_.wasm").unwrap_err().contains("--name"));
        assert_eq!(name_of(&Component::Builtin("tree".into())).unwrap(), "tree");
    }

    #[test]
    fn the_mount_is_below_the_directory_of_mounts_or_at_home() {
        let base = tempfile::tempdir().unwrap();
        let there = format!("{}/n", base.path().display());
        assert_eq!(default_mount(base.path(), "n"), there);
        assert_eq!(default_mount(&base.path().join("missing"), "n"), "~/omnifs/n");
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(default_mount(&file, "n"), "~/omnifs/n");
    }

    #[test]
    fn capabilities_are_asked_for_and_types_are_not() {
        let imports =
            ["wasi:io/poll@0.2.6", "omnifs:provider/http@1.0.0", "omnifs:provider/log@1.0.0"];
        let mut artifact = Artifact {
            kind: Kind::Component,
            imports: imports.map(str::to_owned).to_vec(),
            exports: Vec::new(),
            face: Some(Face::Filesystem),
            size: 1,
            labelled: true,
            needs: None,
        };
        assert_eq!(Asked::of(&artifact).to_string(), "http");
        artifact.needs = Some(Needs {
            http: Some(vec![AllowEntry::of_origin("http://a.example:8080").unwrap()]),
            secrets: Some(vec!["K".to_owned()]),
            live: false,
        });
        let asked = Asked::of(&artifact);
        let shown = "http http://a.example:8080, secret K (from the variable K)";
        assert_eq!((asked.to_string().as_str(), asked.allow.len()), (shown, 1));
    }

    #[test]
    fn nothing_asked_for_needs_no_answer() {
        assert!(consent(&Asked::default(), Answer::Ask).is_ok());
        let asked = Asked { open: vec!["http".to_owned()], ..Asked::default() };
        assert!(consent(&asked, Answer::Granted).is_ok());
    }
}
