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
mod secrets;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
