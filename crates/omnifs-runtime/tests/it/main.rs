//! Providers as the tree sees them: real components, real limits, no mount.

mod artifacts;
mod calls;
mod components;
mod contract;
mod engine;
mod fixture;
mod limits;
mod logs;
