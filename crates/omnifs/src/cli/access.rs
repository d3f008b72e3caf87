//! `omnifs ls`, `cat`, `find` and `stat`: reading without a mount, through the daemon or a component
//! of one's own.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::given::{Described, Given};
use super::output::{self, Output, plain};
use super::table::aligned;
use super::{errors, explain, running};
use crate::control::client::Daemon;
use crate::control::{Item, Kind, Place, Refusal, Stat};
use crate::daemon::alone;
use crate::exit::{Exit, Failure};
use crate::places::Places;
use crate::walk::Walk;

/// Whose tree is read.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Read the tree of this component, with paths from its root, and need no daemon
    #[arg(long, value_name = "FILE.wasm")]
    provider: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args)]
pub(super) struct LsArgs {
    #[command(flatten)]
    whose: Whose,
    /// Show kind, size and time, too
    #[arg(short)]
    long: bool,
    /// A directory or file
    path: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CatArgs {
    #[command(flatten)]
    whose: Whose,
    /// Files
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct FindArgs {
    #[command(flatten)]
    whose: Whose,
    /// Of this kind only
    #[arg(long = "type", value_enum)]
    kind: Option<Wanted>,
    /// Where to begin
    path: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct StatArgs {
    #[command(flatten)]
    whose: Whose,
    /// A file, directory or link
    path: PathBuf,
}

/// A kind, as `find` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    F,
    D,
    L,
}

impl Wanted {
    fn kind(self) -> Kind {
        match self {
            Self::F => Kind::File,
            Self::D => Kind::Directory,
            Self::L => Kind::Symlink,
        }
    }
}

/// What is read, and how.
enum Access<'a> {
    Daemon(Daemon<'a>),
    /// A tree in this process, and what its calls run on.
    Own(Walk, tokio::runtime::Runtime),
}

impl<'a> Access<'a> {
    fn open(whose: &Whose, places: &'a Places) -> Result<Self, Failure> {
        let Some(file) = &whose.provider else {
            whose.given.refuse_any()?;
            return Ok(Self::Daemon(running::daemon(places)?));
        };
        let of = Described { name: "provider", file, mount: Path::new("/none/of/it") };
        let config = whose.given.config(&of, places)?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
        let tree = {
            let _entered = runtime.enter();
            alone::tree(config, places)?
        };
        Ok(Self::Own(Walk::new(tree), runtime))
    }

    /// Returns what a path is to its provider; of a component's own tree it is that already.
    fn place(&self, path: &Path) -> Result<Place, Failure> {
        match self {
            Self::Daemon(daemon) => Ok(explain::place(daemon, path)?.1),
            Self::Own(..) => {
                let path = path.to_str().ok_or_else(|| Failure::new("the path is not UTF-8"))?;
                Ok(Place { provider: String::new(), path: path.to_owned() })
            }
        }
    }

    fn list(&self, place: &Place) -> Result<Vec<Item>, Failure> {
        let listed = match self {
            Self::Daemon(daemon) => daemon.list(place)?,
            Self::Own(walk, runtime) => runtime.block_on(walk.list(&place.path)),
        };
        listed.map_err(|refusal| refused(place, &refusal))
    }

    fn stat(&self, place: &Place) -> Result<Stat, Failure> {
        let found = match self {
            Self::Daemon(daemon) => daemon.stat(place)?,
            Self::Own(walk, runtime) => runtime.block_on(walk.stat(&place.path)),
        };
        found.map_err(|refusal| refused(place, &refusal))
    }

    fn read(&self, place: &Place) -> Result<Vec<u8>, Failure> {
        let read = match self {
            Self::Daemon(daemon) => daemon.read(place)?,
            Self::Own(walk, runtime) => runtime.block_on(walk.read(&place.path)),
        };
        read.map_err(|refusal| refused(place, &refusal))
    }
}

fn refused(place: &Place, Refusal { errno, reason }: &Refusal) -> Failure {
    Failure::new(plain(&format!("{}: {errno}: {reason}", place.path)))
}

/// Prints the names in a directory.
pub(super) fn ls(arguments: &LsArgs, places: &Places) -> Result<Exit, Failure> {
    let access = Access::open(&arguments.whose, places)?;
    let place = access.place(&arguments.path)?;
    let found = access.stat(&place)?;
    // What is shown of each, and where it is.
    let mut entries: Vec<(String, Place)> = match found.kind {
        Kind::File => vec![(arguments.path.display().to_string(), place)],
        Kind::Directory | Kind::Symlink => {
            let items = access.list(&place)?.into_iter();
            items.map(|Item { name, .. }| (name.clone(), below(&place, &name))).collect()
        }
    };
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    if !arguments.long {
        let lines = entries.iter().map(|(shown, _)| plain(shown) + "\n");
        output::print(&lines.collect::<String>())?;
        return Ok(Exit::Success);
    }
    let mut rows = Vec::new();
    for (shown, at) in entries {
        let Stat { kind, size, modified, target, .. } = access.stat(&at)?;
        let arrow = target.map(|target| format!(" -> {target}")).unwrap_or_default();
        let cells = [kind.word().to_owned(), size.to_string(), errors::date(modified)];
        rows.push(cells.into_iter().chain([plain(&format!("{shown}{arrow}"))]).collect());
    }
    output::print(&aligned(&["KIND", "SIZE", "MODIFIED", "NAME"], rows.into_iter()))?;
    Ok(Exit::Success)
}

fn below(place: &Place, name: &str) -> Place {
    let path = format!("{}/{name}", place.path.trim_end_matches('/'));
    Place { provider: place.provider.clone(), path }
}

/// Prints the bytes of files.
pub(super) fn cat(arguments: &CatArgs, places: &Places) -> Result<Exit, Failure> {
    let access = Access::open(&arguments.whose, places)?;
    for path in &arguments.paths {
        if output::write_raw(&access.read(&access.place(path)?)?)? == Output::Closed {
            break;
        }
    }
    Ok(Exit::Success)
}

/// Prints the paths of everything below one.
pub(super) fn find(arguments: &FindArgs, places: &Places) -> Result<Exit, Failure> {
    let access = Access::open(&arguments.whose, places)?;
    let place = access.place(&arguments.path)?;
    let begin = arguments.path.display().to_string();
    let mut left = vec![(begin, place.clone(), access.stat(&place)?.kind)];
    while let Some((shown, place, kind)) = left.pop() {
        if arguments.kind.is_none_or(|wanted| wanted.kind() == kind) {
            output::print(&(plain(&shown) + "\n"))?;
        }
        if kind != Kind::Directory {
            continue;
        }
        let mut items = access.list(&place)?;
        items.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        for Item { name, kind } in items {
            let at = below(&place, &name);
            let kind = match kind {
                Some(kind) => kind,
                None => access.stat(&at)?.kind,
            };
            left.push((format!("{}/{name}", shown.trim_end_matches('/')), at, kind));
        }
    }
    Ok(Exit::Success)
}

/// Prints what a path is.
pub(super) fn stat(arguments: &StatArgs, places: &Places) -> Result<Exit, Failure> {
    let access = Access::open(&arguments.whose, places)?;
    let place = access.place(&arguments.path)?;
    let Stat { kind, inode, size, modified, target } = access.stat(&place)?;
    let mut text = format!("path: {}\nkind: {}\n", arguments.path.display(), kind.word());
    if let Some(target) = target {
        text.push_str(&format!("leads to: {target}\n"));
    }
    text.push_str(&format!("size: {size}\ninode: {inode}\n"));
    text.push_str(&format!("modified: {}\n", errors::date(modified)));
    output::print(&plain(&text))?;
    Ok(Exit::Success)
}
