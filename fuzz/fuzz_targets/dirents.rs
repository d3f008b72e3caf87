#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| omnifs_fuse::fuzzing::dirents(data));
