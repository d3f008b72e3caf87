//! Components that misbehave on purpose, and helpers for tests on real mounts.
//!
//! Test code only: a helper that cannot do its work panics, which fails the test. It knows
//! the binary `omnifs` from outside alone, as a user does.
#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails must fail the test")]

pub mod guests;
mod private;
mod run;
mod sandbox;

pub use private::{Private, User};
pub use run::{Output, run, run_for, wait_until};
pub use sandbox::Sandbox;
