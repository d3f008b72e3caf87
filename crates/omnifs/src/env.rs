//! The environment variables of this program, all of them, and the only code that reads them;
//! which ones hold secrets, the configuration says.
//!
//! `HOME` and the XDG directories are read by [`crate::places`] through its library, and
//! `NOTIFY_SOCKET`, where a service manager listens, by that of [`crate::daemon::readiness`].

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The file of providers, instead of the one in the configuration directory.
pub(crate) const CONFIG: &str = "OMNIFS_CONFIG";
/// What goes into the log: `debug`, or `omnifs_fuse=trace,info`; unset is `info`.
pub(crate) const LOG: &str = "OMNIFS_LOG";
/// The directory of the control socket.
pub(crate) const RUNTIME_DIR: &str = "OMNIFS_RUNTIME_DIR";
/// The directory of everything that can be fetched or made again.
pub(crate) const CACHE_DIR: &str = "OMNIFS_CACHE_DIR";
/// What kind of terminal there is.
pub(crate) const TERM: &str = "TERM";
/// Set to anything, it wants no colours and no bold text (<https://no-color.org>).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// The directory of the log.
pub(crate) const STATE_DIR: &str = "OMNIFS_STATE_DIR";

/// Returns the variable as a path, or `None` when it is unset or empty.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads variables")]
pub(crate) fn path(variable: &'static str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Returns the value of a secret that the user keeps in a variable; the configuration names it.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads variables")]
pub(crate) fn secret(variable: &str) -> Option<Zeroizing<Vec<u8>>> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(Zeroizing::new(value.into_vec()))
}

/// Returns the variable as text, or `None` when it is unset, empty or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads variables")]
pub(crate) fn text(variable: &'static str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}
