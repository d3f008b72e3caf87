//! How a function that follows the upstream ends.

use crate::{log, Error};

/// What a function may return that follows the upstream: nothing, or why it ended.
pub trait Ended {
    /// Says in the log why it ended, if it does.
    fn report(self);
}

impl Ended for () {
    fn report(self) {}
}

impl Ended for Result<(), Error> {
    fn report(self) {
        if let Err(error) = self {
            log::warn!("watch: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_errors_are_ends() {
        ().report();
        Ok::<(), Error>(()).report();
        Err(Error::new("the stream ended")).report();
    }
}
