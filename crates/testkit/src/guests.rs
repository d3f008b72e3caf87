//! The components that tests load: bytes, and the place of a file with them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

#[path = "../guests/big/src/bytes.rs"]
mod bytes;
#[path = "../guests/forest/src/plan.rs"]
mod plan;

pub use bytes::pseudo_random;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

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
