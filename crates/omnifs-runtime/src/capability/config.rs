//! `omnifs:provider/config`: the provider's part of the configuration.

use crate::bindings::capabilities::config::Host;
use crate::store::State;

impl Host for State {
    async fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.capabilities().config.clone())
    }
}
