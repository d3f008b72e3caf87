//! The components are what tests take them for.

use testkit::guests;

/// The layer of a component in the header of a WebAssembly file (bytes 4 to 7; component
/// model, Binary.md).
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

#[test]
fn they_are_components_with_the_mark_of_the_sdk() {
    for (name, bytes) in [("hello", guests::HELLO), ("tree", guests::TREE), ("spin", guests::SPIN)]
    {
        assert_eq!(bytes.get(4..8), Some(&COMPONENT[..]), "{name}");
        let mark = b"omnifs:sdk1.0.0";
        assert!(bytes.windows(mark.len()).any(|part| part == mark), "{name}");
    }
}

#[test]
fn an_unused_capability_is_not_imported() {
    let imports = |bytes: &[u8]| {
        // The name of an import of a component stands once, with its version.
        let name = b"omnifs:provider/http@1.0.0";
        bytes.windows(name.len()).any(|part| part == name)
    };
    assert!(imports(guests::IMPORTS_HTTP));
    assert!(!imports(guests::HELLO));
}

#[test]
fn the_files_hold_the_constants() {
    for (path, bytes) in [(guests::HELLO_PATH, guests::HELLO), (guests::BIG_PATH, guests::BIG)] {
        assert_eq!(std::fs::read(path).expect("the file exists"), bytes);
    }
}

#[test]
fn pseudo_random_bytes_start_alike() {
    // The first number of SplitMix64 from the seed 0, as its author's test vector has it.
    let first = 0xe220_a839_7b1d_cdaf_u64.to_le_bytes();
    assert_eq!(guests::pseudo_random(8), first);
    assert_eq!(guests::pseudo_random(3), first[..3]);
}
