//! What went wrong in a call, and whose instance it cost.

use std::str::Utf8Error;

use omnifs_vfs::VfsError;
use wasmtime_wasi::I32Exit;

use super::calls::ops;
use crate::limits::{Limits, MemoryExceeded, TableExceeded};
use crate::log::Escaped;
use crate::meter::CpuExhausted;

/// The longest reason that goes into an error, in characters.
const REASON: usize = 300;

/// A call without an answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The provider answered, and the answer is an error; the instance can go on.
    Answer(VfsError),
    /// The instance can never be entered again.
    Broken(wasmtime::Error),
}

impl From<VfsError> for Failure {
    fn from(error: VfsError) -> Self {
        Self::Answer(error)
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Self {
        Self::Broken(error)
    }
}

impl Failure {
    /// Adds what was asked to a contract violation.
    pub(super) fn in_answer_to(self, call: &str) -> Self {
        match self {
            Self::Answer(VfsError::Contract(reason)) => {
                Self::Answer(VfsError::Contract(format!("{call} returned {reason}")))
            }
            other => other,
        }
    }
}

/// An error that cost the instance, and the end of what the guest wrote to standard error.
pub(super) struct Broken<'a> {
    /// The function's name in the contract.
    pub(super) op: &'static str,
    /// What was asked, for the message.
    pub(super) call: &'a str,
    pub(super) error: &'a wasmtime::Error,
    pub(super) last_words: &'a str,
}

impl Broken<'_> {
    /// Turns it into the error that the tree gets.
    pub(super) fn classify(&self, limits: &Limits) -> VfsError {
        let call = self.call;
        if let Some(exhausted) = self.error.downcast_ref::<CpuExhausted>() {
            return VfsError::TimedOut(format!("{call}: {exhausted}"));
        }
        if let Some(exceeded) = self.error.downcast_ref::<MemoryExceeded>() {
            return VfsError::Trap(format!("{call}: {exceeded}"));
        }
        if let Some(exceeded) = self.error.downcast_ref::<TableExceeded>() {
            return VfsError::Trap(format!("{call}: {exceeded}"));
        }
        if let Some(exit) = self.error.downcast_ref::<I32Exit>() {
            return VfsError::Trap(format!("{call}: it exited with status {}", exit.0));
        }
        if self.error.downcast_ref::<Utf8Error>().is_some() {
            return VfsError::Contract(format!("{call} returned a name that is not UTF-8"));
        }
        if self.lifted_too_much() {
            return self.too_large(limits);
        }
        VfsError::Trap(format!("{call}: {}", self.reason()))
    }

    /// The engine has no type for this error, only a text; a test of this crate hits it.
    fn lifted_too_much(&self) -> bool {
        self.error.root_cause().to_string().contains("fuel allocated for hostcalls")
    }

    /// How large the answer is cannot be known: it was not taken out of the guest. What can be
    /// said is the most that would have been.
    fn too_large(&self, limits: &Limits) -> VfsError {
        let bytes = limits.lifted() as u64;
        match self.op {
            ops::READ => VfsError::FileTooLarge { size: bytes, limit: limits.file },
            // Each name takes 24 bytes of the host's memory, its text not counted.
            ops::LIST => VfsError::ListingTooLarge { names: bytes / 24, limit: limits.names },
            _ => VfsError::Contract(format!("{} returned more than {bytes} bytes", self.call)),
        }
    }

    fn reason(&self) -> String {
        if let Some(panic) = panic_text(self.last_words) {
            return panic;
        }
        let text = match self.error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => trap.to_string(),
            None => self.error.root_cause().to_string(),
        };
        one_line(&text)
    }
}

/// Finds the message of a Rust panic in what the guest wrote, as
/// `thread 'x' panicked at src/lib.rs:1:2:` and the message on the next lines.
fn panic_text(stderr: &str) -> Option<String> {
    let (_, panic) = stderr.rsplit_once(" panicked at ")?;
    let (place, message) = panic.split_once('\n').unwrap_or((panic, ""));
    let message = message.split("\nnote: ").next().unwrap_or_default();
    let place = place.trim_end_matches(':');
    Some(one_line(&format!("panicked at {place}: {}", message.trim())))
}

fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = Escaped(&text).to_string();
    if let Some((end, _)) = line.char_indices().nth(REASON) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(error: impl Into<wasmtime::Error>, last_words: &str) -> VfsError {
        let error = error.into();
        let broken = Broken { op: ops::READ, call: "read-file(/x)", error: &error, last_words };
        broken.classify(&Limits::default())
    }

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        let stderr = "noise\n\nthread '<unnamed>' (1) panicked at src/lib.rs:32:12:\nboom\x1b 7\n\
                      note: run with `RUST_BACKTRACE=1` environment variable\n";
        assert_eq!(
            classify(wasmtime::Trap::UnreachableCodeReached, stderr),
            VfsError::Trap("read-file(/x): panicked at src/lib.rs:32:12: boom\\u{1b} 7".to_owned())
        );
    }

    #[test]
    fn a_trap_without_words_is_named() {
        assert_eq!(
            classify(wasmtime::Trap::MemoryOutOfBounds, ""),
            VfsError::Trap("read-file(/x): wasm trap: out of bounds memory access".to_owned())
        );
    }

    #[test]
    fn an_exit_and_bad_text_are_told_apart() {
        assert_eq!(
            classify(I32Exit(3), ""),
            VfsError::Trap("read-file(/x): it exited with status 3".to_owned())
        );
        let bad = String::from_utf8(vec![0xff]).unwrap_err().utf8_error();
        assert!(matches!(classify(bad, ""), VfsError::Contract(_)));
    }

    #[test]
    fn reasons_are_short() {
        let long = format!("thread 'x' panicked at a.rs:1:1:\n{}", "é".repeat(1_000));
        let reason = panic_text(&long).unwrap();
        assert_eq!(reason.chars().count(), REASON + 1);
    }
}
