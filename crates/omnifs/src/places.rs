//! Where everything is: configuration, cache, log, control socket.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use etcetera::BaseStrategy;
use rustix::fs::{CWD, Mode, OFlags};

use crate::env;

/// The longest path that `sun_path` of `unix(7)` takes, without its closing NUL.
const SOCKET_PATH_MAX: usize = 107;

/// What marks a directory whose content need not be backed up: the text of the Cache Directory
/// Tagging Specification, <https://bford.info/cachedir/>.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory holds what omnifs can fetch again.\n";

/// All places of this user, absolute.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// What `~/` stands for.
    pub(crate) home: PathBuf,
    /// `providers.toml`.
    pub(crate) config: PathBuf,
    /// Compiled components.
    pub(crate) compiled: PathBuf,
    /// Holds the log.
    pub(crate) state: PathBuf,
    /// Holds the control socket.
    pub(crate) runtime: PathBuf,
}

/// What the environment says, apart from where it says so.
#[derive(Debug, Default)]
struct Given {
    home: PathBuf,
    config_home: PathBuf,
    cache_home: PathBuf,
    state_home: PathBuf,
    xdg_runtime: Option<PathBuf>,
    config: Option<PathBuf>,
    cache: Option<PathBuf>,
    state: Option<PathBuf>,
    runtime: Option<PathBuf>,
}

impl Places {
    /// Returns the places, as the environment has them.
    ///
    /// # Errors
    /// When there is no home directory, or a relative path is given and no working directory.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let base = etcetera::choose_base_strategy()
            .context("cannot find your home directory: set HOME")?;
        let absolute = |variable| {
            let path = env::path(variable).map(std::path::absolute).transpose();
            path.with_context(|| format!("cannot make {variable} absolute"))
        };
        let home = base.home_dir().to_path_buf();
        Ok(Self::from_given(Given {
            config_home: base.config_dir(),
            cache_home: base.cache_dir(),
            state_home: base.state_dir().unwrap_or_else(|| home.join(".local/state")),
            xdg_runtime: base.runtime_dir(),
            config: absolute(env::CONFIG)?,
            cache: absolute(env::CACHE_DIR)?,
            state: absolute(env::STATE_DIR)?,
            runtime: absolute(env::RUNTIME_DIR)?,
            home,
        }))
    }

    fn from_given(given: Given) -> Self {
        let state = given.state.unwrap_or_else(|| given.state_home.join("omnifs"));
        let xdg_runtime = given.xdg_runtime.map(|dir| dir.join("omnifs"));
        Self {
            config: given.config.unwrap_or_else(|| given.config_home.join("omnifs/providers.toml")),
            compiled: given
                .cache
                .unwrap_or_else(|| given.cache_home.join("omnifs"))
                .join("compiled"),
            runtime: given.runtime.or(xdg_runtime).unwrap_or_else(|| state.join("run")),
            home: given.home,
            state,
        }
    }

    /// Returns the directory of everything that can be fetched or made again.
    pub(crate) fn cache(&self) -> PathBuf {
        self.compiled.parent().unwrap_or(&self.compiled).to_path_buf()
    }

    /// Returns the directory of what is kept of a provider.
    pub(crate) fn kept(&self, provider: &str) -> PathBuf {
        self.cache().join(provider)
    }

    /// Makes the directory of everything that can be fetched or made again, and tells programs
    /// that make backups so.
    ///
    /// # Errors
    /// As the file system has it.
    pub(crate) fn make_cache(&self) -> anyhow::Result<PathBuf> {
        let cache = self.cache();
        make_private(&cache)?;
        let tag = cache.join("CACHEDIR.TAG");
        if !tag.exists() {
            std::fs::write(&tag, CACHEDIR_TAG)
                .with_context(|| format!("cannot write {}", tag.display()))?;
        }
        Ok(cache)
    }

    /// Returns the path of the log.
    pub(crate) fn log(&self) -> PathBuf {
        self.state.join("omnifs.log")
    }

    /// Returns the path of the control socket, for messages; see [`SocketPath`] for its use.
    pub(crate) fn socket(&self) -> PathBuf {
        self.runtime.join(SOCKET_NAME)
    }

    /// Returns the path of the file whose lock makes a process the daemon.
    pub(crate) fn lock(&self) -> PathBuf {
        self.runtime.join("control.lock")
    }
}

const SOCKET_NAME: &str = "control.sock";

/// The control socket's path in a form that is short enough, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    _directory: Option<OwnedFd>,
}

impl SocketPath {
    /// Returns the path of the socket in `runtime`, by a descriptor when it is too long.
    ///
    /// # Errors
    /// As opening a directory of a long path fails.
    pub(crate) fn in_directory(runtime: &Path) -> io::Result<Self> {
        let path = runtime.join(SOCKET_NAME);
        if path.as_os_str().len() <= SOCKET_PATH_MAX {
            return Ok(Self { path, _directory: None });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, runtime, flags, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET_NAME}", directory.as_raw_fd()));
        Ok(Self { path, _directory: Some(directory) })
    }

    /// Returns the path to bind or to connect to.
    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory that only its owner may enter, its parents too.
///
/// # Errors
/// As the file system has it, with the directory's name.
pub(crate) fn make_private(directory: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot make the directory {}", directory.display());
    DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(failed)?;
    // An older directory may be open to others.
    std::fs::set_permissions(directory, Permissions::from_mode(0o700)).with_context(failed)
}

/// Opens a file for appending that only its owner may read, making it when it is missing.
///
/// # Errors
/// As the file system has it.
pub(crate) fn open_private(file: &Path) -> io::Result<File> {
    let flags = OFlags::CREATE | OFlags::APPEND | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = File::from(rustix::fs::openat(CWD, file, flags, Mode::RUSR | Mode::WUSR)?);
    opened.set_permissions(Permissions::from_mode(0o600))?;
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        let home = PathBuf::from("/home/u");
        Given {
            config_home: home.join(".config"),
            cache_home: home.join(".cache"),
            state_home: home.join(".local/state"),
            home,
            ..Given::default()
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_manual() {
        let places = Places::from_given(given());
        assert_eq!(places.config, Path::new("/home/u/.config/omnifs/providers.toml"));
        assert_eq!(places.compiled, Path::new("/home/u/.cache/omnifs/compiled"));
        assert_eq!(places.log(), Path::new("/home/u/.local/state/omnifs/omnifs.log"));
        assert_eq!(places.socket(), Path::new("/home/u/.local/state/omnifs/run/control.sock"));
    }

    #[test]
    fn the_runtime_directory_of_the_session_comes_before_the_state() {
        let xdg = Given { xdg_runtime: Some("/run/user/7".into()), ..given() };
        assert_eq!(Places::from_given(xdg).socket(), Path::new("/run/user/7/omnifs/control.sock"));
    }

    #[test]
    fn our_variables_come_first() {
        let ours = Given {
            xdg_runtime: Some("/run/user/7".into()),
            config: Some("/a/b.toml".into()),
            cache: Some("/c".into()),
            state: Some("/s".into()),
            runtime: Some("/r".into()),
            ..given()
        };
        let places = Places::from_given(ours);
        assert_eq!(places.config, Path::new("/a/b.toml"));
        assert_eq!(places.compiled, Path::new("/c/compiled"));
        assert_eq!(places.log(), Path::new("/s/omnifs.log"));
        assert_eq!(places.socket(), Path::new("/r/control.sock"));
    }

    #[test]
    fn a_long_path_is_reached_through_a_descriptor() {
        let base = tempfile::tempdir().unwrap();
        let long = base.path().join("x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        let path = SocketPath::in_directory(&long).unwrap();
        assert!(path.as_path().as_os_str().len() <= SOCKET_PATH_MAX);
        let _listener = std::os::unix::net::UnixListener::bind(path.as_path()).unwrap();
        assert!(long.join(SOCKET_NAME).exists());
        assert!(std::os::unix::net::UnixStream::connect(path.as_path()).is_ok());
    }

    #[test]
    fn private_means_private_also_afterwards() {
        let base = tempfile::tempdir().unwrap();
        let directory = base.path().join("a/b");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        make_private(&directory).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        let file = directory.join("f");
        std::fs::write(&file, "old").unwrap();
        drop(open_private(&file).unwrap());
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
    }
}
