//! Generated files are current, and the helpers of the other tests work.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper that fails must fail the test"
)]

mod bind;
mod bindings;
mod blessed;
mod client;
mod fetcher;
mod guests;
mod network;
mod nginx;
mod run;
mod sandbox;
mod upstream;
mod wit_reference;
