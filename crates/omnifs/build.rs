//! Builds the first-party providers, so that the program always holds them as they are now.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use guest_build::Places;

/// The crates below `providers/` that the program embeds, what `omnifs provider list` says of
/// each, and what `omnifs demo` shows of it: of a provider with an upstream nothing, since the
/// demo works without a network and grants nothing.
const EMBEDDED: &[(&str, &str, &[&str])] = &[
    ("dns", "the records of any domain, asked for over HTTPS", &[]),
    (
        "hello",
        "the smallest provider: one directory with one file",
        &["ls -l hello", "cat hello/hello.txt"],
    ),
    ("httpdir", "any HTTP directory listing: nginx, Apache and nginx's JSON", &[]),
    (
        "tree",
        "a sample tree: nested directories, files of many sizes",
        &["ls -l tree", "cat tree/README.txt"],
    ),
];

fn main() -> ExitCode {
    guest_build::run(|| {
        let places = Places::find()?;
        println!("cargo::rerun-if-changed=build.rs");
        let names: Vec<&str> = EMBEDDED.iter().map(|(name, ..)| *name).collect();
        let guests = places.build(&places.repository.join("providers"), &names)?;
        let mut entries = String::from("&[\n");
        for (guest, (name, about, demo)) in guests.iter().zip(EMBEDDED) {
            let file = guest.file.display().to_string();
            writeln!(
                entries,
                "Embedded {{ name: {name:?}, about: {about:?}, demo: &{demo:?}, \
                 bytes: include_bytes!({file:?}) }},"
            )
            .map_err(|error| error.to_string())?;
        }
        entries.push(']');
        fs::write(places.out.join("embedded.rs"), entries).map_err(|error| error.to_string())
    })
}
