//! `omnifs:provider/secrets`: handles of secrets; no function gives their bytes.

use wasmtime::component::Resource;

use crate::bindings::capabilities::secrets::{Host, HostSecret};
use crate::http::Secret;
use crate::store::State;

impl Host for State {
    async fn get(&mut self, name: String) -> wasmtime::Result<Option<Resource<Secret>>> {
        let Some(secret) = self.capabilities().http.secret(&name) else { return Ok(None) };
        Ok(Some(self.handles().push(secret)?))
    }
}

impl HostSecret for State {
    async fn drop(&mut self, secret: Resource<Secret>) -> wasmtime::Result<()> {
        self.handles().delete(secret)?;
        Ok(())
    }
}
