//! The program `omnifs`: its commands, its configuration, and the daemon that owns the mounts.
//!
//! It ties `omnifs-fuse`, `omnifs-vfs` and `omnifs-runtime` together and knows neither the
//! kernel's wire format nor WebAssembly itself.

mod author;
mod cli;
mod component;
mod config;
mod control;
mod daemon;
mod doctor;
mod embedded;
mod env;
mod exit;
mod places;
mod readable;
mod secrets;
mod suite;
mod walk;

use std::process::ExitCode;

/// Gives freed pages back to the system after some seconds, wherever they lie: glibc's would keep
/// most of what a million nodes took.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run()
}
