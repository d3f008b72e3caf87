//! The one place that makes stores: each is born with all its limits.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use omnifs_vfs::{Made, RequestId, VfsError};
use tokio::sync::watch;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::capability::{Capabilities, Exchanges, Taint};
use crate::engine::Engine;
use crate::limits::{Growth, Limits};
use crate::log::{Console, LogSource, Stream};
use crate::meter::Meter;

/// The most handles that a guest holds at a time: streams, pollables and the like.
const HANDLES: usize = 10_000;

/// The most random bytes that a guest gets at once; the host allocates them.
const RANDOM: u64 = 1 << 20;

/// What an instance's host functions work on.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    growth: Growth,
    capabilities: Arc<Capabilities>,
    console: Arc<Console>,
    /// What failed during the running call.
    taint: Taint,
    /// What it asked upstream.
    exchanges: Exchanges,
    /// Whether it wants what the upstream has now.
    anew: bool,
    watching: Option<Watching>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl State {
    /// Returns the bytes of the instance's linear memories.
    pub(crate) fn memory(&self) -> u64 {
        self.growth.memory()
    }

    /// Returns the handles that the guest holds.
    pub(crate) fn handles(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Returns what the guest may use.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Returns where the guest's words go.
    pub(crate) fn console(&self) -> &Console {
        &self.console
    }

    /// Returns what failed during the running call.
    pub(crate) fn taint(&mut self) -> &mut Taint {
        &mut self.taint
    }

    /// Says whether the call that begins wants what the upstream has now, and nothing that is kept.
    pub(crate) fn ask_anew(&mut self, anew: bool) {
        self.anew = anew;
    }

    /// Returns whether the running call does.
    pub(crate) fn asks_anew(&self) -> bool {
        self.anew
    }

    /// Takes note of a failure of the running call.
    pub(crate) fn note(&mut self, failure: VfsError) {
        if let Some(watching) = &self.watching {
            let made = self.exchanges.take(watching.request);
            (watching.failed)(&failure, made);
        }
        self.taint.add(failure);
    }

    /// Says that a request was answered, which is nothing to remember in a call without end.
    pub(crate) fn answered(&mut self) {
        if self.watching.is_some() {
            self.exchanges.clear();
        }
    }

    /// Returns what the running call is told when connections are made anew, if it watches.
    pub(crate) fn renewals(&self) -> Option<watch::Receiver<u64>> {
        self.watching.as_ref().map(|_| self.capabilities.http.renewals())
    }

    /// Returns what the running call asked upstream.
    pub(crate) fn exchanges(&mut self) -> &mut Exchanges {
        &mut self.exchanges
    }
}

/// Takes in that a request failed, and what it was.
pub(crate) type Failed = dyn Fn(&VfsError, Made) + Send + Sync;

/// What is otherwise in an instance that watches: its one call goes on while others look.
#[derive(Clone)]
pub(crate) struct Watching {
    /// The call's name.
    pub(crate) request: RequestId,
    /// Who is told of each request that failed.
    pub(crate) failed: Arc<Failed>,
    /// Where its memory is shown.
    pub(crate) memory: Arc<AtomicU64>,
}

/// What a new store is connected to.
pub(crate) struct Wiring<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) limits: &'a Limits,
    pub(crate) console: &'a Arc<Console>,
    pub(crate) meter: &'a Arc<Meter>,
    pub(crate) capabilities: &'a Arc<Capabilities>,
    pub(crate) watching: Option<Watching>,
}

/// Returns a store with every limit set: memory, tables, handles, lifted bytes, CPU. Its WASI
/// is empty: no arguments, no environment, no files, no sockets.
pub(crate) fn limited_store(wiring: &Wiring<'_>) -> Store<State> {
    let growth = Growth::new(wiring.limits);
    let growth = match &wiring.watching {
        Some(watching) => growth.shown_in(Arc::clone(&watching.memory)),
        None => growth,
    };
    let state = State {
        wasi: empty_wasi(wiring.console),
        table: ResourceTable::new(),
        growth,
        capabilities: Arc::clone(wiring.capabilities),
        console: Arc::clone(wiring.console),
        taint: Taint::default(),
        exchanges: Exchanges::default(),
        anew: false,
        watching: wiring.watching.clone(),
    };
    let mut store = Store::new(wiring.engine.wasm(), state);
    store.limiter(|state| &mut state.growth);
    store.set_hostcall_fuel(wiring.limits.lifted());
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    let meter = Arc::clone(wiring.meter);
    let budget = wiring.limits.cpu;
    store.epoch_deadline_callback(move |_| {
        meter.give_way(budget)?;
        // tokio's own yield lets every other task, timer and socket go first.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

fn empty_wasi(console: &Arc<Console>) -> WasiCtx {
    WasiCtx::builder()
        .stdout(Stream::new(console, LogSource::Stdout))
        .stderr(Stream::new(console, LogSource::Stderr))
        .max_random_size(RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}
