//! Providers as the tree sees them: real components, real limits, no mount.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail the test"
)]

mod artifacts;
mod breaker;
mod calls;
mod components;
mod contract;
mod engine;
mod fixture;
mod frozen;
mod limits;
mod logs;
mod watching;
