//! The components that tests load: bytes, and the place of a file with them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

#[path = "../guests/big/src/bytes.rs"]
mod bytes;
#[path = "../guests/forest/src/plan.rs"]
mod plan;

/// What the provider `tree` is to serve.
#[path = "../../../providers/tree/src/sample.rs"]
pub mod sample;

pub use bytes::pseudo_random;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// Returns a URL, or another value, as one name in a path of [`FETCHER`]: percent-encoded, so
/// that it has no `/`.
///
/// # Panics
///
/// When that is over 255 bytes, which no name may be; use its option `pad-url` then.
#[must_use]
#[track_caller]
pub fn escape(text: &str) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b':' | b'.' | b'-' | b'_' => {
                name.push(char::from(byte));
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    // What has neither is no URL to the component, and may be a name that stands for another.
    if !name.contains([':', '%']) && !name.is_empty() {
        let first = name.remove(0);
        name.insert_str(0, &format!("%{:02X}", u32::from(first)));
    }
    assert!(name.len() <= 255, "too long for a name: {text}");
    name
}

/// Writes the tree of [`FOREST`] as ordinary files with the modes that a mount shows.
///
/// # Errors
///
/// As the first file that cannot be written.
pub fn plant_forest(at: &Path) -> io::Result<()> {
    let read_only = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes)?;
        read_only(path, 0o444)
    };
    fs::create_dir(at)?;
    write(&at.join(plan::BIG), &pseudo_random(plan::BIG_SIZE))?;
    for number in 0..plan::DIRECTORIES {
        let directory = at.join(plan::directory(number));
        fs::create_dir(&directory)?;
        for file in 0..plan::FILES {
            write(&directory.join(plan::file(number, file)), &plan::content(number, file))?;
        }
        read_only(&directory, 0o555)?;
    }
    read_only(at, 0o555)
}
