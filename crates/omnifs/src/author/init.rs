//! `omnifs init`: begins a provider.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::author::lock_file::lock_file;
use crate::author::name::CrateName;
use crate::author::template::{PLACEHOLDER, Template};
use crate::author::{print, sdk, write_file};
use crate::places::Places;

/// What `omnifs init` is told.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The name of the crate, and of the directory to make
    name: String,
    /// What to begin with
    #[arg(long, value_enum, default_value_t = Template::Minimal)]
    template: Template,
}

/// Makes the directory of a new provider, and prints what to do next.
///
/// # Errors
/// When the name is not that of a crate, the directory holds something already, or a file
/// cannot be written.
pub(crate) fn init(arguments: &InitArgs) -> anyhow::Result<()> {
    let name: CrateName = arguments.name.parse()?;
    let working = std::env::current_dir().context("cannot find the working directory")?;
    let directory = working.join(name.as_str());
    refuse_occupied(&directory, &name)?;
    let above = workspace_above(&directory);
    let template = arguments.template;
    let mut manifest = template.manifest().replace(PLACEHOLDER, name.as_str());
    if above.is_some() {
        manifest.push_str("[workspace]\n");
    }
    write_file(&directory.join("Cargo.toml"), &manifest)?;
    write_file(&directory.join("Cargo.lock"), &lock_file(&name, template))?;
    for (file, text) in template.files() {
        write_file(&directory.join(file), text)?;
    }
    sdk::write(&directory)?;
    print(&report(&name, template, &directory, above.as_deref()))
}

/// Fails when the directory exists and is not an empty directory.
fn refuse_occupied(directory: &Path, name: &CrateName) -> anyhow::Result<()> {
    let name = name.as_str();
    match fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => bail!("{name:?} exists and is not empty: choose another name, or empty it"),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            bail!("{name:?} exists and is no directory: choose another name, or remove it")
        }
        Err(error) => Err(error).with_context(|| format!("cannot look into {name:?}")),
    }
}

/// Returns the manifest of the cargo workspace in which the directory lies, if any: cargo
/// takes every package below it for a member that was forgotten.
fn workspace_above(directory: &Path) -> Option<std::path::PathBuf> {
    let manifests = directory.ancestors().skip(1).map(|above| above.join("Cargo.toml"));
    manifests.into_iter().find(|manifest| {
        let text = fs::read_to_string(manifest).unwrap_or_default();
        text.parse::<toml::Table>().is_ok_and(|manifest| manifest.contains_key("workspace"))
    })
}

fn report(name: &CrateName, template: Template, directory: &Path, above: Option<&Path>) -> String {
    let config = Places::find().map(|places| places.config.display().to_string());
    let config = config.unwrap_or_else(|_| "~/.config/omnifs/providers.toml".to_string());
    let (crate_name, provider, stem) = (name.as_str(), name.provider(), name.file_stem());
    let path = directory.join(format!("target/wasm32-wasip2/release/{stem}.wasm"));
    // TOML's basic strings and Rust's debug format escape the characters of a path alike.
    let path = path.display().to_string();
    let own = above.map_or_else(String::new, |manifest| {
        format!(
            "{} is a workspace: [workspace] in {crate_name}/Cargo.toml keeps the provider out of it\n",
            manifest.display()
        )
    });
    let mut entry = vec![
        "[[provider]]".to_string(),
        format!("name = \"{provider}\""),
        format!("path = {path:?}"),
        format!("mount = \"/omnifs/{provider}\""),
    ];
    entry.extend(template.grants().iter().map(|line| (*line).to_string()));
    let advice = template.advice().map_or_else(String::new, |advice| format!("\n{advice}\n"));
    format!(
        "created the provider {crate_name} in {crate_name}/\n{own}\n\
         next:\n  \
           cd {crate_name}\n  \
           omnifs build --target wasm32-wasip2\n  \
           omnifs restart\n\n\
         before the last one, add it to {config}:\n\n  {}\n{advice}",
        entry.join("\n  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_at_any_distance_and_a_package_is_none() {
        let home = tempfile::tempdir().expect("a directory");
        let inner = home.path().join("a/b/c");
        write_file(&home.path().join("a/Cargo.toml"), "[package]\nname = 'a'\n").expect("works");
        assert_eq!(workspace_above(&inner), None);
        let outer = home.path().join("Cargo.toml");
        write_file(&outer, "[workspace]\nmembers = []\n").expect("works");
        assert_eq!(workspace_above(&inner), Some(outer));
    }
}
