//! The committed bindings of the SDK are what the generator makes of /wit.

use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::{Opts, WithOption};

use crate::blessed::{assert_current, contract};

fn header(world: &str) -> String {
    format!(
        "\
// @generated from /wit, world `{world}`. A test of `testkit` proves it current;
// `OMNIFS_BLESS=1` with that test writes it anew.
"
    )
}

fn generated(world: &str, options: Opts) -> String {
    let (mut resolve, id) = contract(world);
    let mut files = Files::default();
    options.build().generate(&mut resolve, id, &mut files).expect("the generator runs");
    let (_, code) = files.iter().next().expect("the generator writes one file");
    let code = std::str::from_utf8(code).expect("the generator writes UTF-8");
    format!("{}{code}", header(world))
}

#[test]
fn the_bindings_are_current() {
    let options = Opts {
        format: true,
        generate_all: true,
        // Without it authors could not reach the macro through the SDK.
        pub_export_macro: true,
        default_bindings_module: Some("omnifs_provider".to_string()),
        ..Default::default()
    };
    assert_current("crates/omnifs-provider/src/bindings.rs", &generated("provider", options));
}

/// Returns the bindings of a world whose imports are those of other modules.
fn beside(world: &str, modules: &[(&str, &str)]) -> String {
    let imported = |(name, module): &(&str, &str)| {
        let interface = format!("omnifs:provider/{name}@1.0.0");
        let path = format!("crate::{module}::omnifs::provider::{}", name.replace('-', "_"));
        (interface, WithOption::Path(path))
    };
    let options = Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        export_macro_name: Some(format!("export_{world}")),
        default_bindings_module: Some(format!("omnifs_provider::{world}")),
        with: modules.iter().map(imported).collect(),
        ..Default::default()
    };
    generated(world, options)
}

/// What all worlds import, and in which module it is.
const IMPORTS: [(&str, &str); 4] =
    [("http", "bindings"), ("secrets", "bindings"), ("log", "bindings"), ("config", "bindings")];

#[test]
fn the_bindings_of_the_second_face_are_current() {
    let path = "crates/omnifs-provider/src/projector.rs";
    assert_current(path, &beside("projector", &IMPORTS));
}

#[test]
fn the_bindings_of_the_watcher_are_current() {
    let modules = [IMPORTS.as_slice(), &[("cache-control", "projector")]].concat();
    assert_current("crates/omnifs-provider/src/watching.rs", &beside("watching", &modules));
}
