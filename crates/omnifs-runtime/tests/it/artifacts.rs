//! Files: what is in them, the label, and the words for those that are no providers.

use omnifs_runtime::Limits;
use omnifs_runtime::artifact::{Face, Kind, check, inspect, label};
use testkit::guests;

use crate::components::{FILESYSTEM, INTERFACE, component, core_module};
use crate::fixture::Fixture;

fn refusal(bytes: &[u8]) -> String {
    check(bytes).unwrap_err().to_string()
}

fn world(items: &str) -> String {
    format!("package omnifs:provider@1.0.0; {INTERFACE} world w {{ {items} }}")
}

#[test]
fn a_component_tells_what_it_is() {
    let artifact = check(guests::HELLO).unwrap();
    assert_eq!(artifact.kind, Kind::Component);
    assert_eq!(artifact.face, Some(Face::Filesystem));
    assert_eq!(artifact.exports, [FILESYSTEM]);
    assert!(artifact.imports.iter().any(|name| name.starts_with("wasi:cli/stderr@0.2.")));
    assert!(artifact.imports.iter().all(|name| name.starts_with("wasi:")));
    assert_eq!(artifact.size, guests::HELLO.len() as u64);
    assert!(!artifact.labelled);
    assert_eq!((artifact.sdk.as_deref(), artifact.faces), (Some("1.0.0"), vec![Face::Filesystem]));
    let sdk = artifact.sections.iter().find(|section| section.name == "omnifs:sdk").unwrap();
    assert_eq!((sdk.size, sdk.count, sdk.inside), (5, 1, true));
}

#[test]
fn a_component_with_both_faces_is_served_by_the_second() {
    let contract = include_str!("../../../../wit/provider.wit");
    let both = contract.replace("export projection;", "export projection; export filesystem;");
    assert_ne!(both, contract);
    let artifact = check(&component(&both.replace("world projector {", "world w {"))).unwrap();
    assert_eq!(artifact.face, Some(Face::Projection));
    assert_eq!(artifact.faces, [Face::Projection, Face::Filesystem]);
}

#[test]
fn what_does_not_fit_can_be_inspected() {
    let wit = "package a:b@1.0.0; interface c { f: func(); } world w { export c; }";
    let artifact = inspect(&component(wit)).unwrap();
    assert_eq!((artifact.face, artifact.exports), (None, vec!["a:b/c@1.0.0".to_owned()]));
}

#[test]
fn a_label_is_one_section_at_the_end_and_once() {
    let labelled = label(guests::HELLO).unwrap();
    assert_eq!(label(&labelled).unwrap(), labelled);
    let section = labelled.strip_prefix(guests::HELLO).unwrap();
    // A custom section: 0, its length, then its name with that length before it.
    assert_eq!(section[0], 0);
    let payload = custom_payload(&labelled).unwrap();
    assert!(section.ends_with(&payload));
    let (resolve, world) = wit_parser::decoding::decode_world(&payload).unwrap();
    assert_eq!(resolve.worlds[world].name, "provider");
    let package = resolve.worlds[world].package.unwrap();
    assert_eq!(resolve.packages[package].name.to_string(), "omnifs:provider@1.0.0");
    assert!(check(&labelled).unwrap().labelled);
}

fn custom_payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut last = None;
    for payload in wasmparser::Parser::new(0).parse_all(bytes) {
        if let wasmparser::Payload::CustomSection(section) = payload.unwrap()
            && section.name() == "component-type"
        {
            assert!(last.is_none(), "more than one label");
            last = Some(section.data().to_vec());
        }
    }
    last
}

#[tokio::test]
async fn a_labelled_component_runs() {
    let fixture = Fixture::new(&label(guests::HELLO).unwrap());
    assert_eq!(fixture.text("hello.txt").await, "hello from omnifs\n");
}

#[tokio::test]
async fn a_core_module_with_metadata_is_made_a_component() {
    let module = core_module(&world("export filesystem;"));
    let artifact = check(&module).unwrap();
    assert_eq!((artifact.kind, artifact.labelled), (Kind::CoreModule, true));
    assert_eq!(artifact.exports, [FILESYSTEM]);
    assert_eq!(label(&module).unwrap(), module);
    let fixture = Fixture::limited(&module, Limits::default());
    assert_eq!(fixture.list("").await.unwrap(), Vec::<String>::new());
    assert_eq!(fixture.lookup(&fixture.root, "a").await.unwrap(), None);
}

#[test]
fn a_core_module_without_metadata_is_refused_and_can_be_labelled() {
    let module = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
    assert_eq!(
        refusal(&module),
        "it is a core module without WIT metadata, not a component\n\
         help: build it with `omnifs build`, or add the metadata: \
         wasm-tools component embed wit/ --world omnifs:provider/provider IN -o OUT"
    );
    let labelled = label(&module).unwrap();
    assert!(custom_payload(&labelled).is_some());
    assert!(
        refusal(&labelled).starts_with("no component can be made of this core module: "),
        "{}",
        refusal(&labelled)
    );
}

#[test]
fn a_module_of_the_old_wasi_is_refused() {
    let module = wat::parse_str(
        "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32))))",
    );
    assert_eq!(
        refusal(&label(&module.unwrap()).unwrap()),
        "it is a core module that imports wasi_snapshot_preview1, which components replaced\n\
         help: build it for wasm32-wasip2: `omnifs build --target wasm32-wasip2`"
    );
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let remedy = "\nhelp: give the path of what `omnifs build` printed, \
                  target/wasm32-wasip2/release/NAME.wasm";
    for (bytes, found) in [
        (&b""[..], "it is empty"),
        (b"(module)", "it looks like WebAssembly text"),
        (b"\x7fELF\x02", "it is a program or library of this machine"),
        (b"#!/bin/sh\n", "it does not begin with the bytes of one"),
    ] {
        assert_eq!(refusal(bytes), format!("it is not a WebAssembly file: {found}{remedy}"));
        assert_eq!(label(bytes).unwrap_err().to_string(), refusal(bytes));
    }
}

#[test]
fn damaged_files_are_refused_wherever_they_break() {
    let whole = component(&world("export filesystem;"));
    for length in 4..whole.len() {
        match check(&whole[..length]) {
            Err(error) => assert!(!error.reason.is_empty()),
            // The cut fell between sections that nobody needs.
            Ok(artifact) => assert!(length > whole.len() / 2, "{artifact:?}"),
        }
    }
    for place in 8..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 0x55;
        // Some changes still make a provider; none may panic.
        let _ = check(&changed);
    }
}

#[test]
fn a_file_over_64_mib_is_refused() {
    let mut bytes = guests::HELLO.to_vec();
    bytes.resize((64 << 20) + 1, 0);
    assert_eq!(
        refusal(&bytes),
        "the file has 67108865 bytes, over the limit of 64 MiB\n\
         help: build in release mode with `strip = true` in [profile.release]"
    );
}
