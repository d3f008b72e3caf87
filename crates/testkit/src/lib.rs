//! Components that misbehave on purpose, servers that do, and helpers for tests on real mounts.
//!
//! Test code only: a helper that cannot do its work panics, which fails the test. It knows
//! the binary `omnifs` from outside alone, as a user does.
#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails must fail the test")]

mod apache;
mod bind;
mod caretaker;
pub mod guests;
mod listener;
mod network;
mod nginx;
mod private;
mod run;
mod sandbox;
mod server;
mod upstream;

pub use apache::Apache;
pub use bind::{Bind, Kind, Zone};
pub use listener::{Deaf, Listener};
pub use network::{Certificate, Network};
pub use nginx::{Logged, Nginx};
pub use private::{Private, User};
pub use run::{Output, run, run_for, wait_until};
pub use sandbox::Sandbox;
pub use upstream::{Answer, Coding, Received, Upstream};
