//! The provider's log, which `omnifs logs` shows.
//!
//! The macros take what `format!` takes. Name them with their module, which says whose log it
//! is:
//!
//! ```
//! use omnifs_provider::log;
//!
//! let skipped = 3;
//! log::warn!("{skipped} items have no id");
//! ```
//!
//! The host keeps 64 KiB a call and 1 MiB a minute and counts the rest; control characters
//! are escaped. Off wasm32 messages go to standard error, so that tests can log.

use crate::bindings::omnifs::provider::log as raw;

#[doc(inline)]
pub use crate::__log_debug as debug;
#[doc(inline)]
pub use crate::__log_error as error;
#[doc(inline)]
pub use crate::__log_info as info;
#[doc(inline)]
pub use crate::__log_trace as trace;
#[doc(inline)]
pub use crate::__log_warn as warn;
pub use crate::bindings::omnifs::provider::log::Level;

/// Writes one message; the macros of this module are shorter.
pub fn log(level: Level, message: &str) {
    if cfg!(target_arch = "wasm32") {
        raw::log(level, message);
    } else {
        #[expect(clippy::print_stderr, reason = "there is no host to give it to")]
        {
            eprintln!("{level:?} {message}");
        }
    }
}

/// Logs that something failed.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_error {
    ($($message:tt)+) => {
        $crate::log::log($crate::log::Level::Error, &::std::format!($($message)+))
    };
}

/// Logs that something looks wrong.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_warn {
    ($($message:tt)+) => {
        $crate::log::log($crate::log::Level::Warn, &::std::format!($($message)+))
    };
}

/// Logs something that a user may want to know.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_info {
    ($($message:tt)+) => {
        $crate::log::log($crate::log::Level::Info, &::std::format!($($message)+))
    };
}

/// Logs something for the provider's author.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_debug {
    ($($message:tt)+) => {
        $crate::log::log($crate::log::Level::Debug, &::std::format!($($message)+))
    };
}

/// Logs every detail.
#[macro_export]
#[doc(hidden)]
macro_rules! __log_trace {
    ($($message:tt)+) => {
        $crate::log::log($crate::log::Level::Trace, &::std::format!($($message)+))
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macros_take_what_format_takes() {
        let name = "x";
        crate::log::error!("{name}");
        crate::log::warn!("{}", name);
        crate::log::info!("{name:?} {0}", 1);
        crate::log::debug!("plain");
        crate::log::trace!("trailing {}", 1,);
    }
}
