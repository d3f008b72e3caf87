//! Components that misbehave on purpose, and helpers for tests on real mounts.
//!
//! Test code only: a helper that cannot do its work panics, which fails the test.

pub mod guests;
