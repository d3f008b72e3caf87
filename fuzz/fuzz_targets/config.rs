#![no_main]

// The configuration belongs to a binary, so that it cannot be linked; it is compiled once more.
#[path = "../../crates/omnifs/src/config.rs"]
#[allow(dead_code, reason = "the fuzzer calls a part of it")]
mod config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| config::fuzzing::config(data));
