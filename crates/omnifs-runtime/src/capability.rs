//! What a provider may use besides its own code: one file for each capability.
//!
//! A capability is granted by the user and called by the guest; the host does the work. Each
//! file has the host's side of one interface of the WIT package.

mod blob;
mod cache_control;
mod config;
mod exchanges;
mod http;
mod incoming;
mod log;
mod needs;
mod secrets;
mod taint;

use std::path::PathBuf;
use std::sync::Arc;

use omnifs_vfs::Clock;
use wasmtime::component::{HasSelf, Linker};

pub(crate) use self::blob::Room;
#[expect(unreachable_pub, reason = "the generated bindings re-export them")]
pub use self::{blob::Blob, incoming::Incoming};
pub(crate) use cache_control::Outbox;
pub use cache_control::Outdated;
pub(crate) use exchanges::{Exchanges, Question};
pub use needs::Needs;
pub(crate) use needs::SECTION as NEEDS_SECTION;
pub use taint::ErrorRule;
pub(crate) use taint::{Spoiled, Taint};

use crate::artifact::Face;
use crate::bindings::capabilities;
use crate::http::{AllowEntry, Gate, Http, HttpLimits, HttpOptions, Secret, Tls, Upstreams};
use crate::store::State;

/// What the user grants one provider.
#[derive(Clone)]
pub struct Grants {
    /// Where it may go.
    pub http: Vec<AllowEntry>,
    /// What it may send there without seeing it.
    pub secrets: Vec<Secret>,
    /// `[provider.config]` as JSON.
    pub config: String,
    /// What becomes of its answers while a request failed.
    pub errors: ErrorRule,
    /// Whom its connections trust.
    pub tls: Tls,
    /// What answers its requests.
    pub upstreams: Upstreams,
    /// The time for freshness and pauses.
    pub clock: Arc<dyn Clock>,
    /// A directory for bodies that stay with the host and that memory is not taken for; the
    /// machine's temporary one when it is none.
    pub scratch: Option<PathBuf>,
}

impl Default for Grants {
    /// Returns a grant of nothing.
    fn default() -> Self {
        Self {
            http: Vec::new(),
            secrets: Vec::new(),
            config: "{}".to_owned(),
            errors: ErrorRule::Strict,
            tls: Tls::default(),
            upstreams: Upstreams::Network,
            clock: Arc::new(omnifs_vfs::SystemClock::new()),
            scratch: None,
        }
    }
}

/// The capabilities of one provider, shared by its instances.
#[derive(Debug)]
pub(crate) struct Capabilities {
    pub(crate) http: Arc<Http>,
    pub(crate) config: String,
    pub(crate) errors: ErrorRule,
    pub(crate) room: Room,
    pub(crate) outbox: Outbox,
}

impl Capabilities {
    /// Returns what a provider has that declares `needs` and is granted `grants`, of both the
    /// smaller part, and whose requests are held to `limits`.
    pub(crate) fn new(
        (provider, face): (Arc<str>, Face),
        (grants, limits): (Grants, HttpLimits),
        needs: Option<&Needs>,
    ) -> Self {
        let mut secrets = grants.secrets;
        if let Some(names) = needs.and_then(|needs| needs.secrets.as_ref()) {
            secrets.retain(|secret| names.iter().any(|name| name == secret.name()));
        }
        let needed = needs.and_then(Needs::bounds);
        let gate = Gate::new(Arc::clone(&provider), grants.http, needed).with_url_limit(limits.url);
        let http = Http::new(HttpOptions {
            provider,
            gate,
            secrets,
            tls: grants.tls,
            upstreams: grants.upstreams,
            clock: grants.clock,
            limits,
        });
        let (config, errors, room) = (grants.config, grants.errors, Room::new(grants.scratch));
        Self { http, config, errors, room, outbox: Outbox::new(face) }
    }
}

/// Lets guests call the capabilities.
///
/// # Errors
/// When two interfaces have one name, which a test rules out.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    capabilities::cache_control::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    capabilities::config::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    capabilities::http::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    capabilities::log::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    capabilities::secrets::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}
