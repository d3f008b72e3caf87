//! Files in the repository that a program writes.

use std::fs;
use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::{Resolve, WorldId};

/// Returns a place in the repository.
pub(crate) fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Parses /wit and returns it with one of its worlds.
pub(crate) fn contract(world: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(place("wit")).expect("/wit parses");
    let world = resolve.select_world(&[package], Some(world)).expect("the world exists");
    (resolve, world)
}

/// Fails when a file does not hold `text`; with `OMNIFS_BLESS=1` it writes it instead.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a switch for developers, not of the product")]
pub(crate) fn assert_current(path: &str, text: &str) {
    let file = place(path);
    if std::env::var_os("OMNIFS_BLESS").is_some() {
        fs::write(&file, text).expect("cannot write the file");
        return;
    }
    let now = fs::read_to_string(&file).unwrap_or_default();
    let differs = now.lines().zip(text.lines()).position(|(a, b)| a != b);
    let shorter = || now.lines().count().min(text.lines().count());
    let line = differs.unwrap_or_else(shorter) + 1;
    assert!(
        now == text,
        "{path} is not what /wit gives, from line {line} on: \
         run `OMNIFS_BLESS=1 cargo nextest run --cargo-profile gate -p testkit` and commit it"
    );
}
