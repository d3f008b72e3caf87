//! `omnifs:provider/log`: lines for `omnifs logs`, within the provider's budget of output.

use crate::bindings::capabilities::log::{Host, Level};
use crate::log::Severity;
use crate::store::State;

impl Host for State {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let severity = match level {
            Level::Error => Severity::Error,
            Level::Warn => Severity::Warn,
            Level::Info => Severity::Info,
            Level::Debug => Severity::Debug,
            Level::Trace => Severity::Trace,
        };
        self.console().log(severity, &message);
        Ok(())
    }
}
