//! `omnifs provider add`.

use std::io::{BufRead, IsTerminal};
use std::path::{Component as Part, Path, PathBuf};

use anyhow::Context;
use omnifs_runtime::artifact::FILE_LIMIT;
use rustix::fs::{Access, access};

use super::{AddArgs, PICKED_UP, daemon_runs, open, save};
use crate::cli::asked::Asked;
use crate::cli::check::artifact_of;
use crate::cli::given::{Described, Given};
use crate::cli::output::{self, plain};
use crate::config::edit::{self, Entry};
use crate::config::{Capabilities, Component};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// Where mounts are if a user may write there.
const MOUNTS: &str = "/omnifs";

/// The longest name of a provider.
const NAME_MAX: usize = 63;

/// Checks a component and adds it to the file.
pub(super) fn run(arguments: &AddArgs, places: &Places) -> Result<Exit, Failure> {
    let component = component(&arguments.component)?;
    let artifact = artifact_of(&component.bytes(FILE_LIMIT)?, &component.to_string())?;
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
    let mount = match &arguments.mount {
        Some(mount) => given(mount)?,
        None => default_mount(Path::new(MOUNTS), &name),
    };
    let component = text_of(component.to_string().as_ref())?;
    let settings = arguments.given.settings()?;
    let asked = Asked::of(&artifact).in_settings(&artifact, &settings)?;
    let more = asked.beyond(&granted(&arguments.given, places)?);
    consent(&more, if arguments.grant { Answer::Granted } else { Answer::Ask })?;
    let (mut allow, mut secrets) = (arguments.given.allow().to_vec(), arguments.given.secrets());
    allow.extend(more.allow.iter().cloned());
    secrets.extend(more.secrets.iter().map(|name| (name.clone(), name.clone())));
    let entry =
        Entry { name: name.clone(), path: component.clone(), mount, allow, secrets, settings };
    let failed = || format!("cannot read {}", places.config.display());
    let text = edit::add(&file.text, &entry).with_context(failed)?;
    let config = save(file, &text, places)?;
    let added = config.providers.iter().find(|provider| provider.name == name);
    let added = added.with_context(|| format!("{name:?} was added, but is not there"))?;
    let next = if daemon_runs(places)? { PICKED_UP } else { "next: omnifs start" };
    let mount = added.mount.display();
    let open = match more.open.is_empty() {
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

/// Returns what the options of the command grant.
///
/// # Errors
/// As an option cannot be understood.
fn granted(given: &Given, places: &Places) -> Result<Capabilities, Failure> {
    // What it is called, and where it is, has no part in it.
    let (name, file, mount) = ("added", Path::new("/added.wasm"), Path::new("/added"));
    let config = given.config(&Described { name, file, mount }, places)?;
    let granted = config.providers.into_iter().next().map(|provider| provider.capabilities);
    Ok(granted.unwrap_or_default())
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
    fn nothing_asked_for_needs_no_answer() {
        assert!(consent(&Asked::default(), Answer::Ask).is_ok());
        let asked = Asked { open: vec!["http".to_owned()], ..Asked::default() };
        assert!(consent(&asked, Answer::Granted).is_ok());
    }
}
