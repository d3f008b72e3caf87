//! Builds the first-party providers, so that the program always holds them as they are now.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use guest_build::Places;

/// The crates below `providers/` that the program embeds, and what `omnifs provider list`
/// says of each.
const EMBEDDED: &[(&str, &str)] = &[
    ("hello", "the smallest provider: one directory with one file"),
    ("tree", "a sample tree: nested directories, files of many sizes"),
];

fn main() -> ExitCode {
    guest_build::run(|| {
        let places = Places::find()?;
        println!("cargo::rerun-if-changed=build.rs");
        let names: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
        let guests = places.build(&places.repository.join("providers"), &names)?;
        let mut entries = String::from("&[\n");
        for (guest, (name, about)) in guests.iter().zip(EMBEDDED) {
            let file = guest.file.display().to_string();
            writeln!(
                entries,
                "Embedded {{ name: {name:?}, about: {about:?}, bytes: include_bytes!({file:?}) }},"
            )
            .map_err(|error| error.to_string())?;
        }
        entries.push(']');
        fs::write(places.out.join("embedded.rs"), entries).map_err(|error| error.to_string())
    })
}
