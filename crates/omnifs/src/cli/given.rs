//! What a component of one's own may do, said by options of a command.

use std::path::Path;

use anyhow::Context;
use clap::Args;

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// The grants and the configuration of one component.
#[derive(Debug, Args)]
pub(super) struct Given {
    /// Its [provider.config], as JSON
    #[arg(long, value_name = "JSON")]
    config_json: Option<String>,
    /// Let it reach this host; an entry as of `http.allow`
    #[arg(long, value_name = "HOST")]
    allow: Vec<String>,
    /// Give it this secret, from the variable of the same name or of another one
    #[arg(long, value_name = "NAME[=VARIABLE]")]
    secret: Vec<String>,
}

/// The component that the options are about.
pub(super) struct Described<'a> {
    /// What it is called.
    pub(super) name: &'a str,
    /// Where it is.
    pub(super) file: &'a Path,
    /// Where it is mounted, if it is.
    pub(super) mount: &'a Path,
}

impl Given {
    /// Fails if anything is said where there is no component of one's own.
    pub(super) fn refuse_any(&self) -> Result<(), Failure> {
        if self.config_json.is_none() && self.allow.is_empty() && self.secret.is_empty() {
            return Ok(());
        }
        let reason = "--config-json, --allow and --secret are of use with --provider only";
        Err(Failure::new(reason)
            .with(Exit::Usage)
            .remedy("what a provider of the daemon may do is said in providers.toml"))
    }

    /// Returns a configuration of the one provider that the options describe.
    pub(super) fn config(
        &self,
        described: &Described<'_>,
        places: &Places,
    ) -> Result<Config, Failure> {
        let text = self.configuration(described)?;
        Ok(Config::of_text(&text, Path::new("the command's options"), &places.home)?)
    }

    /// Returns its `[provider.config]`.
    ///
    /// # Errors
    /// [`Exit::Usage`] when that is no JSON object, or holds what TOML cannot.
    pub(super) fn settings(&self) -> Result<toml::Table, Failure> {
        let settings = self.config_json.as_deref().unwrap_or("{}");
        serde_json::from_str(settings).map_err(|error| {
            Failure::new(format!("--config-json: {error}"))
                .with(Exit::Usage)
                .remedy(r#"give an object, as in --config-json '{"base": "https://example.com"}'"#)
        })
    }

    /// Returns the entries of `http.allow`, as they were given.
    pub(super) fn allow(&self) -> &[String] {
        &self.allow
    }

    /// Returns the secrets, each with the variable that has its value.
    pub(super) fn secrets(&self) -> Vec<(String, String)> {
        let pair = |text: &String| {
            let (name, variable) = text.split_once('=').unwrap_or((text, text));
            (name.to_owned(), variable.to_owned())
        };
        self.secret.iter().map(pair).collect()
    }

    fn configuration(&self, described: &Described<'_>) -> Result<String, Failure> {
        let absolute = |path| std::path::absolute(path).context("there is no working directory");
        // The configuration refuses `..`, which shells complete to; of a missing file it says so.
        let file = described.file.canonicalize().or_else(|_| absolute(described.file))?;
        let mount = absolute(described.mount)?;
        let settings = self.settings()?;
        let source = |(name, variable): (String, String)| {
            let source = toml::Table::from_iter([("env".to_owned(), variable.into())]);
            (name, toml::Value::Table(source))
        };
        let secrets: toml::Table = self.secrets().into_iter().map(source).collect();
        let allow = self.allow.iter().map(|text| entry(text)).collect::<Result<Vec<_>, _>>()?;
        let allow = toml::Table::from_iter([("allow".to_owned(), allow.into())]);
        let capabilities = toml::Table::from_iter([
            ("http".to_owned(), allow.into()),
            ("secrets".to_owned(), secrets.into()),
        ]);
        let cache = toml::Table::from_iter([("disk".to_owned(), false.into())]);
        // Who waits can interrupt it, and a process that gave up would lose what it compiled.
        let limits = toml::Table::from_iter([("compile".to_owned(), "24h".into())]);
        let provider = toml::Table::from_iter([
            ("name".to_owned(), described.name.into()),
            ("path".to_owned(), file.display().to_string().into()),
            ("mount".to_owned(), mount.display().to_string().into()),
            ("capabilities".to_owned(), capabilities.into()),
            ("cache".to_owned(), cache.into()),
            ("limits".to_owned(), limits.into()),
            ("config".to_owned(), settings.into()),
        ]);
        let providers = toml::Value::Array(vec![provider.into()]);
        let table = toml::Table::from_iter([("provider".to_owned(), providers)]);
        Ok(toml::to_string(&table).context("cannot write the options as TOML")?)
    }
}

/// Returns an entry of `http.allow`, which is a text or an inline table, as in the file.
fn entry(text: &str) -> Result<toml::Value, Failure> {
    if !text.starts_with('{') {
        return Ok(text.into());
    }
    let table = toml::from_str::<toml::Table>(&format!("entry = {text}"));
    let entry = table.ok().and_then(|mut table| table.remove("entry"));
    entry.ok_or_else(|| {
        Failure::new(format!("--allow: {text} is no table"))
            .with(Exit::Usage)
            .remedy(r#"as in --allow '{ host = "http://127.0.0.1:8080", allow_private = true }'"#)
    })
}
