//! `[provider.capabilities]`: what the user grants a provider.

use std::fmt;
use std::path::{Path, PathBuf};

use omnifs_runtime::http::{AllowEntry, AllowedMethod, Origin, PathPattern, Target, domain};
use toml::Spanned;

use super::check::absolute;
use super::problem::Problem;
use super::raw::{RawAllow, RawAllowTable, RawCapabilities, RawSecret};

/// All grants of one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Hosts that it may reach.
    pub(crate) http: Vec<AllowEntry>,
    /// Secrets that it may use, without seeing them.
    pub(crate) secrets: Vec<SecretGrant>,
    /// Files that it may read, by the name that it knows them by.
    pub(crate) files: Vec<(String, PathBuf)>,
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretGrant {
    /// The name that the provider asks for.
    pub(crate) name: String,
    /// Where the value comes from.
    pub(crate) source: SecretSource,
    /// Where it may be sent; empty is wherever the provider may go.
    pub(crate) hosts: Vec<Origin>,
}

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// An environment variable of `start` and `restart`.
    Environment(String),
    /// A file.
    File(PathBuf),
    /// What a program prints; no shell is involved.
    Command(Vec<String>),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(variable) => write!(f, "variable {variable}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            // The arguments are the user's own affair and not for the log.
            Self::Command(words) => {
                write!(f, "command {}", words.first().map_or("", String::as_str))
            }
        }
    }
}

impl fmt::Display for Capabilities {
    /// Lists the grants in one line for the log; no secret's value is among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.http.iter().map(|entry| format!("http {entry}")));
        for SecretGrant { name, source, hosts } in &self.secrets {
            let hosts: Vec<String> = hosts.iter().map(Origin::to_string).collect();
            let whereto =
                if hosts.is_empty() { String::new() } else { format!(" to {}", hosts.join(" ")) };
            parts.push(format!("secret {name} from {source}{whereto}"));
        }
        parts.extend(
            self.files.iter().map(|(name, path)| format!("file {name} at {}", path.display())),
        );
        if parts.is_empty() { f.write_str("nothing") } else { f.write_str(&parts.join("; ")) }
    }
}

/// Checks the grants; `home` is what `~/` stands for.
pub(super) fn capabilities(raw: RawCapabilities, home: &Path) -> Result<Capabilities, Problem> {
    let entries = raw.http.map(|http| http.allow).unwrap_or_default();
    let http = entries.into_iter().map(|entry| allow(entry, home)).collect::<Result<_, _>>()?;
    let secrets = raw.secrets.into_iter().map(|(name, raw)| secret(&name, raw, home));
    let files = raw.files.into_iter().map(|(name, path)| {
        handle(&name, "file")?;
        Ok((name.into_inner(), absolute(&path, home)?))
    });
    Ok(Capabilities {
        http,
        secrets: secrets.collect::<Result<_, Problem>>()?,
        files: files.collect::<Result<_, Problem>>()?,
    })
}

fn allow(raw: Spanned<RawAllow>, home: &Path) -> Result<AllowEntry, Problem> {
    let span = raw.span();
    match raw.into_inner() {
        RawAllow::Host(text) => {
            AllowEntry::of_origin(&text).map_err(|why| refused(span, &text, why))
        }
        RawAllow::Table(mut table) => {
            let methods = methods(table.methods.take())?;
            let paths = paths(table.paths.take())?;
            Ok(AllowEntry { target: target(*table, span, home)?, methods, paths })
        }
    }
}

fn target(
    raw: RawAllowTable,
    span: std::ops::Range<usize>,
    home: &Path,
) -> Result<Target, Problem> {
    match (raw.host, raw.unix, raw.alias) {
        (Some(host), None, None) => {
            let origin = Origin::parse(host.get_ref())
                .map_err(|why| refused(host.span(), host.get_ref(), why))?;
            let allow_private = raw.allow_private.is_some_and(Spanned::into_inner);
            Ok(Target::Network { origin, allow_private })
        }
        (None, Some(path), Some(alias)) => {
            if let Some(private) = raw.allow_private {
                let message = "`allow_private` is for `host`: a socket has no address";
                return Err(Problem::new(private.span(), message, "take it out"));
            }
            let name = domain(alias.get_ref())
                .map_err(|why| refused(alias.span(), alias.get_ref(), why))?;
            Ok(Target::Socket { path: absolute(&path, home)?, alias: name })
        }
        (None, Some(path), None) => {
            Err(Problem::new(path.span(), "a socket needs a name", "needs `as`")
                .help("add as = \"name\": the provider asks for http://name/"))
        }
        (None, None, _) => {
            Err(Problem::new(span, "an entry names a `host` or a `unix` socket", "neither here"))
        }
        (Some(_), _, Some(at)) | (Some(_), Some(at), None) => Err(Problem::new(
            at.span(),
            "`host` goes with neither `unix` nor `as`",
            "take one of them out",
        )),
    }
}

fn refused(span: std::ops::Range<usize>, text: &str, why: String) -> Problem {
    Problem::new(span, format!("{text:?} is not an allow entry"), why).help(
        "write \"api.example.com\" (https), \"example.com:8443\", \"http://localhost:8080\" or \"*.example.com\"",
    )
}

fn methods(raw: Option<Vec<Spanned<String>>>) -> Result<Vec<AllowedMethod>, Problem> {
    let parse = |text: Spanned<String>| {
        AllowedMethod::parse(text.get_ref()).ok_or_else(|| {
            let message = format!("{:?} is not a method that can be allowed", text.get_ref());
            Problem::new(text.span(), message, "not a method")
                .help("write GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS")
        })
    };
    raw.unwrap_or_default().into_iter().map(parse).collect()
}

fn paths(raw: Option<Vec<Spanned<String>>>) -> Result<Vec<PathPattern>, Problem> {
    let parse = |text: Spanned<String>| {
        PathPattern::parse(text.get_ref()).map_err(|why| {
            let message = format!("{:?} is not a path pattern", text.get_ref());
            Problem::new(text.span(), message, why)
                .help("write \"/v1/*\" for one segment, \"/v1/**\" for all below")
        })
    };
    raw.unwrap_or_default().into_iter().map(parse).collect()
}

fn secret(
    name: &Spanned<String>,
    raw: Spanned<RawSecret>,
    home: &Path,
) -> Result<SecretGrant, Problem> {
    handle(name, "secret")?;
    let span = raw.span();
    let raw = raw.into_inner();
    let source = match (raw.env, raw.file, raw.command) {
        (Some(variable), None, None) => SecretSource::Environment(variable_name(variable)?),
        (None, Some(path), None) => SecretSource::File(absolute(&path, home)?),
        (None, None, Some(words)) => {
            if words.get_ref().first().is_none_or(String::is_empty) {
                return Err(Problem::new(words.span(), "the command is empty", "needs a program")
                    .help("write command = [\"gh\", \"auth\", \"token\"]"));
            }
            SecretSource::Command(words.into_inner())
        }
        _ => {
            let message = format!("secret {:?} needs exactly one source", name.get_ref());
            return Err(Problem::new(span, message, "one of `env`, `file`, `command`")
                .help("write { env = \"VARIABLE\" }, { file = \"/path\" } or { command = [\"program\", \"argument\"] }"));
        }
    };
    let origin = |host: Spanned<String>| {
        Origin::parse(host.get_ref()).map_err(|why| refused(host.span(), host.get_ref(), why))
    };
    let hosts = raw.hosts.unwrap_or_default().into_iter().map(origin).collect::<Result<_, _>>()?;
    Ok(SecretGrant { name: name.get_ref().clone(), source, hosts })
}

fn variable_name(raw: Spanned<String>) -> Result<String, Problem> {
    let text = raw.get_ref();
    let shaped = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty();
    if shaped {
        return Ok(raw.into_inner());
    }
    let message = format!("{text:?} is not the name of an environment variable");
    Err(Problem::new(raw.span(), message, "letters, digits and _").help("the name, not the value"))
}

/// Checks the name that a provider knows a grant by.
fn handle(name: &Spanned<String>, what: &str) -> Result<(), Problem> {
    let text = name.get_ref();
    let shaped = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if shaped && (1..=64).contains(&text.len()) {
        return Ok(());
    }
    let message = format!("{text:?} cannot be the name of a {what}");
    Err(Problem::new(name.span(), message, "1 to 64 letters, digits, _, - and ."))
}
