//! What the tests around `omnifs-vfs` share: a [`Source`](omnifs_vfs::Source) in memory, the
//! reference model that its tree has to agree with at every height, and the replay of fuzz
//! corpora.
//!
//! Test code only: what goes wrong here panics, which fails the test. It is a crate of its own
//! because `omnifs-vfs` and `omnifs-fuse` both test with it, and not a part of `testkit`
//! because that one builds WebAssembly components first, which nothing here needs. A feature of
//! `omnifs-vfs` would make that crate, and all that depends on it, two things: one for tests
//! and one for the product.
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong here must fail the test")]

pub mod corpus;
mod memory;
pub mod model;

pub use memory::{Arriving, Calls, Item, Memory};
