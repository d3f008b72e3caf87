//! The engine that compiles and runs all providers of a daemon.

mod compiled;
mod ticker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use omnifs_vfs::{Clock, RequestId, SystemClock};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, OptLevel, RegallocAlgorithm, Strategy};

use self::compiled::Compiled;
use self::ticker::Ticker;
pub(crate) use self::ticker::Ticking;
use crate::capability;
use crate::contract;
use crate::store::State;

/// The room on a fiber's stack for the host functions that a guest calls, in bytes.
const HOST_STACK: usize = 1 << 20;

/// How an [`Engine`] is set up.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The directory that keeps compiled code between runs; it is made when missing, readable
    /// by its owner only. Without one, each start compiles anew.
    pub compiled: Option<PathBuf>,
    /// How deep a guest's calls may go, in bytes of stack; all providers of an engine have the
    /// same.
    pub stack: usize,
    /// What compiling is to aim at.
    pub effort: Effort,
}

/// What compiling aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// Code that runs fast.
    #[default]
    FastCode,
    /// To be done soon, in half the time: for code that is gone after the next change.
    SoonDone,
}

impl Default for EngineOptions {
    /// Returns options without a directory, and 1 MiB of stack.
    fn default() -> Self {
        Self { compiled: None, stack: 1 << 20, effort: Effort::FastCode }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The directory for compiled code cannot be used.
    #[error("directory for compiled code {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The engine refuses this machine or its settings.
    #[error("cannot set WebAssembly up: {0}")]
    Setup(String),
    /// The thread that interrupts providers cannot be started.
    #[error("cannot start the thread that interrupts providers: {0}")]
    Ticker(std::io::Error),
}

/// Compiles and runs providers; cloning is cheap and gives the same engine.
///
/// It owns the thread that makes a spinning provider give way; that thread sleeps while no
/// provider runs and ends with the last clone.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    wasm: Wasm,
    compiled: Option<Compiled>,
    ticker: Ticker,
    /// When the engine was made, in seconds since 1970.
    made: u32,
    /// How many calls were begun on it.
    calls: AtomicU64,
}

/// An engine, and what it links components with.
struct Wasm {
    engine: wasmtime::Engine,
    linker: Linker<State>,
}

impl Wasm {
    fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = wasmtime::Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        capability::add_to_linker(&mut linker)?;
        Ok(Self { engine, linker })
    }
}

impl std::fmt::Debug for Wasm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("wasmtime::Engine")
    }
}

impl Engine {
    /// Returns a new engine.
    ///
    /// # Errors
    /// [`EngineError`] when the directory for compiled code cannot be made private, or the
    /// machine cannot run WebAssembly.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let config = settings(options.stack, options.effort);
        let wasm = Wasm::new(&config).map_err(|error| EngineError::Setup(format!("{error:#}")))?;
        let kept = |path: PathBuf| {
            Compiled::new(path.clone(), &wasm.engine, &contract::RULES)
                .map_err(|source| EngineError::Directory { path, source })
        };
        let compiled = options.compiled.map(kept).transpose()?;
        let ticker = Ticker::start(&wasm.engine).map_err(EngineError::Ticker)?;
        let made = u32::try_from(SystemClock::new().calendar().seconds).unwrap_or(u32::MAX);
        let calls = AtomicU64::new(0);
        Ok(Self { inner: Arc::new(Inner { wasm, compiled, ticker, made, calls }) })
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.inner.wasm.engine
    }

    /// Returns what has everything that a component may import.
    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.inner.wasm.linker
    }

    /// Returns a component that was compiled before, if that was kept: it fits the contract.
    pub(crate) fn kept(&self, component: &[u8]) -> Option<Component> {
        self.inner.compiled.as_ref()?.find(self.wasm(), component)
    }

    /// Compiles a component that fits the contract, which may take seconds, and keeps it where
    /// that is wanted.
    ///
    /// # Errors
    /// As the compiler says.
    pub(crate) fn compile(&self, component: &[u8]) -> wasmtime::Result<Component> {
        match &self.inner.compiled {
            Some(compiled) => compiled.make(self.wasm(), component),
            None => Component::new(self.wasm(), component),
        }
    }

    /// Returns the name of the next call, of whichever provider.
    pub(crate) fn next_request(&self) -> RequestId {
        let call = self.inner.calls.fetch_add(1, Ordering::Relaxed) + 1;
        RequestId { daemon: self.inner.made, call }
    }

    /// Says that a provider runs for as long as the result lives.
    pub(crate) fn ticking(&self) -> Ticking {
        self.inner.ticker.running()
    }
}

fn settings(stack: usize, effort: Effort) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        // Exports are plain functions; the bookkeeping of concurrent tasks only costs.
        .concurrency_support(false)
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK))
        // A fiber's stack may have held another instance's values.
        .async_stack_zeroing(true);
    if effort == Effort::SoonDone {
        config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    config
}
