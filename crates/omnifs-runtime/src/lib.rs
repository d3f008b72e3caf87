//! Runs providers: the WebAssembly engine, instances, limits, and the contract at their border.
//!
//! A provider is a component that somebody else wrote and that may do anything. This crate
//! stands between it and `omnifs-vfs`: [`Provider`] implements `omnifs_vfs::Source`, bounds
//! every call in time, memory and size, and turns whatever goes wrong into a `VfsError`. Only
//! this crate knows the engine and the WIT; it knows neither the kernel nor the tree's paths,
//! beyond what an `omnifs_vfs::Object` says.

pub mod artifact;
mod bindings;
mod capability;
mod contract;
mod convert;
mod engine;
pub mod http;
mod limits;
mod log;
mod meter;
mod provider;
mod store;

pub use artifact::LoadError;
pub use capability::{ErrorRule, Grants, Needs, Outdated};
pub use engine::{Effort, Engine, EngineError, EngineOptions};
pub use limits::{Limits, LogLimits};
pub use log::{LogLine, LogSource, ProviderLog, Severity};
pub use provider::{
    BUCKETS, CallTimes, FailedCall, Provider, ProviderOptions, Service, SlowCall, Statistics,
    WatchState, WatchStatistics,
};
