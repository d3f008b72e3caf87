//! `mount.omnifs`: what mount(8) runs for a line of fstab(5) whose type is `omnifs`.
//!
//! The program under that name takes the arguments of mount(8), section "External helpers":
//! `mount.omnifs NAME DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::{Args, FromArgMatches};

use super::probe::Reader;
use super::table::troubles;
use super::{launch, output, running};
use crate::config::{Config, ProviderConfig};
use crate::control::State;
use crate::daemon::lock;
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// The name of the program as which it is a mount helper.
const NAME: &str = "mount.omnifs";

/// Options of mount(8) and systemd.mount(5) that say nothing to a file system, or only what
/// holds here anyway (`rw` is what mount(8) passes for `defaults`).
const GENERIC: &[&str] = &[
    "_netdev",
    "async",
    "atime",
    "auto",
    "defaults",
    "diratime",
    "dev",
    "exec",
    "group",
    "noatime",
    "noauto",
    "nodev",
    "nodiratime",
    "noexec",
    "nofail",
    "nosuid",
    "nouser",
    "nousers",
    "owner",
    "relatime",
    "ro",
    "rw",
    "strictatime",
    "suid",
    "user",
    "users",
];

/// How it ends: the codes of mount(8), section "Exit status".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountExit {
    /// It is mounted and answers.
    Mounted = 0,
    /// It was called wrongly.
    Usage = 1,
    /// It is not mounted.
    Failed = 32,
}

#[derive(Debug, Args)]
struct MountArgs {
    /// The provider's name in providers.toml
    #[arg(value_name = "NAME")]
    provider: String,
    /// Its mount point
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Options, with commas between: config=FILE, and those of every file system
    #[arg(short = 'o', value_name = "OPTIONS", value_delimiter = ',')]
    options: Vec<String>,
    /// Pretend only
    #[arg(short = 'f')]
    fake: bool,
    /// Pass over options that nobody knows
    #[arg(short = 's')]
    sloppy: bool,
    /// Say more (there is no more to say)
    #[arg(short = 'v')]
    verbose: bool,
    /// Write no table of mounts (none is written)
    #[arg(short = 'n')]
    no_table: bool,
    /// The type, as mount(8) passes it
    #[arg(short = 't', value_name = "TYPE")]
    kind: Option<String>,
    /// A mount namespace to mount in, which has to be the caller's own
    #[arg(short = 'N', value_name = "NAMESPACE")]
    namespace: Option<PathBuf>,
}

/// Returns whether a program called `program` is the mount helper.
pub(super) fn is_helper(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == NAME)
}

/// Mounts what the arguments name, and prints why that failed.
pub(super) fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> MountExit {
    let command = clap::Command::new(NAME).about("Mount a provider, for mount(8)");
    let matches = MountArgs::augment_args(command).try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| MountArgs::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help comes this way, too; with a closed output there is nobody to tell.
            let _closed = error.print();
            return if error.use_stderr() { MountExit::Usage } else { MountExit::Mounted };
        }
    };
    let options = match Options::parse(&arguments) {
        Ok(options) => options,
        Err(failure) => {
            output::error(&failure.text());
            return MountExit::Usage;
        }
    };
    match mount(&arguments, options) {
        Ok(()) => MountExit::Mounted,
        Err(failure) => {
            output::error(&failure.text());
            MountExit::Failed
        }
    }
}

/// The options that mean something here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    config: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &MountArgs) -> Result<Self, Failure> {
        if arguments.namespace.is_some() {
            return Err(Failure::new("omnifs mounts in the namespace of its daemon alone")
                .remedy("run mount without -N, inside that namespace (nsenter --mount)"));
        }
        let mut options = Self::default();
        for option in arguments.options.iter().filter(|option| !option.is_empty()) {
            let comment = ["x-", "X-", "comment="].iter().any(|known| option.starts_with(known));
            match option.strip_prefix("config=") {
                Some(file) if Path::new(file).is_absolute() => options.config = Some(file.into()),
                Some(file) => {
                    return Err(Failure::new(format!("config={file} is not an absolute path"))
                        .remedy("write config=/etc/omnifs/providers.toml"));
                }
                None if comment || GENERIC.contains(&option.as_str()) || arguments.sloppy => {}
                None => return Err(unknown(option)),
            }
        }
        Ok(options)
    }
}

fn unknown(option: &str) -> Failure {
    let failure = Failure::new(format!("omnifs has no mount option {option:?}"));
    match option {
        "allow_other" => failure.remedy("set `allow_other = true` in [host] of providers.toml"),
        _ => failure.remedy("config=FILE is its own; the rest of a mount is in providers.toml"),
    }
}

fn mount(arguments: &MountArgs, options: Options) -> Result<(), Failure> {
    let mut places = Places::find()?;
    if let Some(file) = options.config {
        places.config = file;
    }
    let config = Config::load(&places.config, &places.home)?;
    let provider = wanted(arguments, &config, &places)?;
    if arguments.fake {
        return Ok(());
    }
    let reader = Reader::start();
    let mut status = if lock::holder(&places)?.is_none() {
        launch::spawn(&places, true)?
    } else {
        // Mounted already, as after another line's daemon mounted everything: nothing to do.
        if !serves(&places, provider)? {
            launch::apply(&places)?;
        }
        running::daemon(&places)?.status()?
    };
    status.providers.retain(|known| known.name == provider.name);
    reader.read_all(&mut status, &config);
    let Some(known) = status.providers.first() else {
        let reason = format!("the daemon that runs knows no provider {:?}", provider.name);
        return Err(Failure::new(reason).remedy(format!(
            "it was started with another file than {}: `omnifs restart` with that one",
            places.config.display()
        )));
    };
    if known.state == State::Ready {
        return Ok(());
    }
    if known.error.is_none() {
        let reason = format!("{:?} is {} after all", provider.name, known.state.word());
        return Err(Failure::new(reason).remedy("`omnifs logs` says why"));
    }
    Err(Failure::rendered(Exit::Failure, troubles(&status.providers)))
}

/// Returns whether the daemon has this provider mounted where it belongs.
fn serves(places: &Places, provider: &ProviderConfig) -> Result<bool, Failure> {
    let status = running::daemon(places)?.status()?;
    let mut known = status.providers.iter().filter(|known| known.name == provider.name);
    Ok(known.any(|known| {
        known.state == State::Ready && Path::new(&known.mount) == provider.mount.as_path()
    }))
}

/// Returns the provider that a line of fstab names, if the configuration agrees with it.
fn wanted<'a>(
    arguments: &MountArgs,
    config: &'a Config,
    places: &Places,
) -> Result<&'a ProviderConfig, Failure> {
    let MountArgs { provider: name, directory, .. } = arguments;
    // mount(8) makes a path of a name that is also a file where it is called.
    let name = name.rsplit('/').next().unwrap_or(name);
    let file = places.config.display();
    let Some(provider) = config.providers.iter().find(|provider| provider.name == name) else {
        return Err(Failure::new(format!("there is no provider {name:?} in {file}"))
            .remedy("the first field of the line is the name of a [[provider]]"));
    };
    if !provider.enabled {
        return Err(Failure::new(format!("the provider {name:?} is disabled in {file}"))
            .remedy("take `enabled = false` out"));
    }
    let absolute = std::path::absolute(directory).map_err(anyhow::Error::from)?;
    if absolute != provider.mount {
        let (here, there) = (absolute.display(), provider.mount.display());
        return Err(Failure::new(format!("{file} mounts {name:?} at {there}, not at {here}"))
            .remedy("make the line of fstab and `mount` in the file agree"));
    }
    Ok(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let command = MountArgs::augment_args(clap::Command::new(NAME));
        let all = [&[NAME, "n", "/n"], arguments].concat();
        let matches = command.try_get_matches_from(all).unwrap();
        Options::parse(&MountArgs::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn the_program_s_name_decides() {
        assert!(is_helper(OsStr::new("/sbin/mount.omnifs")));
        assert!(!is_helper(OsStr::new("/usr/bin/omnifs")));
        assert!(!is_helper(OsStr::new("mount.omnifs.d")));
    }

    #[test]
    fn what_mount_passes_is_understood() {
        let given = ["-n", "-v", "-t", "omnifs", "-o", "rw,_netdev,x-systemd.automount,config=/c"];
        assert_eq!(parse(&given).unwrap(), Options { config: Some("/c".into()) });
        assert_eq!(parse(&["-o", "rw", "-o", ""]).unwrap(), Options::default());
    }

    #[test]
    fn what_nobody_knows_is_refused_unless_told_to_pass_over_it() {
        for (option, remedy) in
            [("rwx", "providers.toml"), ("allow_other", "[host]"), ("config=c", "/etc/omnifs")]
        {
            let text = parse(&["-o", option]).unwrap_err().text();
            assert!(text.contains(option) && text.contains(remedy), "{text}");
        }
        assert_eq!(parse(&["-s", "-o", "rwx"]).unwrap(), Options::default());
        assert!(parse(&["-N", "/proc/1/ns/mnt"]).is_err());
    }
}
