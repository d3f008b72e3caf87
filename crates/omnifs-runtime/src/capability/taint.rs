//! The taint rule: a failure is never shown as absence.
//!
//! The three operations have no arm for errors, so a provider shows one as nothing, or as
//! something in its place. The host made every request and knows what failed during a call.

use omnifs_vfs::VfsError;

/// What becomes of a provider's answer while a request of its failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorRule {
    /// Nothing is the failure; something is shown, and believed for a moment only.
    #[default]
    Strict,
    /// The answer is believed as it is.
    AsProvider,
}

/// What failed during one call.
#[derive(Debug, Default)]
pub(crate) struct Taint(Option<VfsError>);

/// How a failure spoils a call's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spoiled {
    /// Not at all.
    No,
    /// There is something, but it may not be all.
    Partial(VfsError),
    /// There is nothing, and this is why.
    Failed(VfsError),
}

impl Taint {
    /// Takes note of a failure. The first one counts: what follows often follows from it.
    pub(crate) fn add(&mut self, failure: VfsError) {
        self.0.get_or_insert(failure);
    }

    /// Returns the failure that counts, if there was one.
    pub(crate) fn first(&self) -> Option<VfsError> {
        self.0.clone()
    }

    /// Begins another call.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    /// Judges the answer of a call, of which `empty` says whether it is nothing.
    pub(crate) fn judge(&self, rule: ErrorRule, empty: bool) -> Spoiled {
        match (rule, &self.0) {
            (ErrorRule::AsProvider, _) | (ErrorRule::Strict, None) => Spoiled::No,
            (ErrorRule::Strict, Some(failure)) if empty => Spoiled::Failed(failure.clone()),
            (ErrorRule::Strict, Some(failure)) => Spoiled::Partial(failure.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(text: &str) -> VfsError {
        VfsError::Upstream(text.to_owned())
    }

    #[test]
    fn nothing_is_the_first_failure_and_something_is_partial() {
        let mut taint = Taint::default();
        assert_eq!(taint.judge(ErrorRule::Strict, true), Spoiled::No);
        taint.add(failure("first"));
        taint.add(failure("second"));
        assert_eq!(taint.judge(ErrorRule::Strict, true), Spoiled::Failed(failure("first")));
        assert_eq!(taint.judge(ErrorRule::Strict, false), Spoiled::Partial(failure("first")));
        assert_eq!(taint.judge(ErrorRule::AsProvider, true), Spoiled::No);
        taint.clear();
        assert_eq!(taint.judge(ErrorRule::Strict, true), Spoiled::No);
    }
}
