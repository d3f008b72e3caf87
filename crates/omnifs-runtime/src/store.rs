//! The one place that makes stores: each is born with all its limits.

use std::sync::Arc;

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

    /// Returns what the running call asked upstream.
    pub(crate) fn exchanges(&mut self) -> &mut Exchanges {
        &mut self.exchanges
    }
}

/// What a new store is connected to.
pub(crate) struct Wiring<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) limits: &'a Limits,
    pub(crate) console: &'a Arc<Console>,
    pub(crate) meter: &'a Arc<Meter>,
    pub(crate) capabilities: &'a Arc<Capabilities>,
}

/// Returns a store with every limit set: memory, tables, handles, lifted bytes, CPU. Its WASI
/// is empty: no arguments, no environment, no files, no sockets.
pub(crate) fn limited_store(wiring: &Wiring<'_>) -> Store<State> {
    let state = State {
        wasi: empty_wasi(wiring.console),
        table: ResourceTable::new(),
        growth: Growth::new(wiring.limits),
        capabilities: Arc::clone(wiring.capabilities),
        console: Arc::clone(wiring.console),
        taint: Taint::default(),
        exchanges: Exchanges::default(),
        anew: false,
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
