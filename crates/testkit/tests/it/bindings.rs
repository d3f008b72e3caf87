//! The committed bindings of the SDK are what the generator makes of /wit.

use wit_bindgen_core::{Files, WorldGenerator as _};

use crate::blessed::{assert_current, contract};

const HEADER: &str = "\
// @generated from /wit, world `provider`. A test of `testkit` proves it current;
// `OMNIFS_BLESS=1` with that test writes it anew.
";

#[test]
fn the_bindings_are_current() {
    let (mut resolve, world) = contract();
    let options = wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        // Without it authors could not reach the macro through the SDK.
        pub_export_macro: true,
        default_bindings_module: Some("omnifs_provider".to_string()),
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).expect("the generator runs");
    let (_, code) = files.iter().next().expect("the generator writes one file");
    let code = std::str::from_utf8(code).expect("the generator writes UTF-8");
    assert_current("crates/omnifs-provider/src/bindings.rs", &format!("{HEADER}{code}"));
}
