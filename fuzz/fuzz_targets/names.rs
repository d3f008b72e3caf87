#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| omnifs_vfs::fuzzing::names(data));
