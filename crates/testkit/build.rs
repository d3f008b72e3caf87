//! Builds the providers and the misbehaving components, and writes their bytes and places
//! down as constants.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use guest_build::Places;

/// A component: the crate's name, and what the constant's documentation says.
type Described = (&'static str, &'static str);

const PROVIDERS: &[Described] = &[
    ("dns", "The records of any domain, asked for over HTTPS."),
    ("hello", "`hello.txt` with `hello from omnifs`."),
    ("tree", "The sample tree of the demo."),
];

const GUESTS: &[Described] = &[
    ("alloc", "`ok`, `alloc` (takes memory until refused), `recurse` (without end)."),
    ("badnames", "Illegal names next to good ones; `zero` and `max`, illegal inodes."),
    ("big", "`big` (60 MiB), `over` (65 MiB), `names/` (1,000,000), `many/` (10,000), ..."),
    ("clocked", "`now` (differs at each read), `switch` (renames `before` to `after`)."),
    (
        "counter",
        "Numbers on discovery: `a/` to `z/` with `1` to `3`, `slow/` with `1` to `8`; `trap`.",
    ),
    ("deep", "`d/` and `f` in every directory; `loop/`, its own parent, below the root."),
    ("evil", "By the name of the file, everything that a component must not harm its host with."),
    ("fetcher", "Fetches what the path says: `get/https:%2F%2Fx%2Fy/body`; see its crate."),
    ("forest", "`big.bin` (60 MiB), 100 directories of 100 files with legal but odd names."),
    ("imports-http", "`status`, which asks the capability `http`."),
    (
        "log",
        "Logs that grow, `told/NAME`, `parts/NAME` and `whole/NAME`, by the router of the SDK.",
    ),
    ("logger", "`lines`, `escapes`, `partial`, `flood`: reading them writes to the log."),
    ("mirror", "The directories of a server that lists them in JSON, below `base` of the config."),
    (
        "projected",
        "The second face: sizes, versions, contents, links, pages, errors; see its crate.",
    ),
    ("routed", "`repositories/NAME/{issues,README}` of a JSON API, by the router of the SDK."),
    ("slow", "`ok`, `slow` (3 s), `slow-1` to `slow-9`, `dir/` with `a`, `b`, `c`, `slow`."),
    ("spin", "`ok`, `spin` (endless read), `spin-lookup` (endless lookup, not listed)."),
    ("trap", "`ok`, `trap` (panics), `abort`, `trap-dir/` (panics when listed)."),
    ("unruly", "Keeps the contract but for the rule that `breaks` of the config names."),
    ("watched", "`items/ID/title` of a JSON API, and a watcher that its `/events` commands."),
];

fn main() -> ExitCode {
    guest_build::run(|| {
        let places = Places::find()?;
        println!("cargo::rerun-if-changed=build.rs");
        let mut constants = String::new();
        let workspaces = [
            (places.repository.join("providers"), PROVIDERS),
            (places.package.join("guests"), GUESTS),
        ];
        for (workspace, described) in workspaces {
            let names: Vec<&str> = described.iter().map(|(name, _)| *name).collect();
            for (guest, (_, what)) in places.build(&workspace, &names)?.iter().zip(described) {
                let (name, file) = (&guest.constant, guest.file.display().to_string());
                write!(
                    constants,
                    "/// {what}\npub const {name}: &[u8] = include_bytes!({file:?});\n\
                     /// The file that holds [`{name}`].\npub const {name}_PATH: &str = {file:?};\n"
                )
                .map_err(|error| error.to_string())?;
            }
        }
        fs::write(places.out.join("guests.rs"), constants).map_err(|error| error.to_string())
    })
}
