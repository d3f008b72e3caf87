//! The tree over a source in memory: no kernel, no WebAssembly, no real time.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod ahead;
mod facts;
mod faults;
mod files;
mod freshness;
mod kept;
mod limits;
mod listings;
mod live;
mod memory;
mod model;
mod names;
mod outdated;
mod paged;
mod parts;
mod replacing;
mod rig;
mod told;
mod trouble;
