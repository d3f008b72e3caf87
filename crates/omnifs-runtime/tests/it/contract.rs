//! Components that do not fit the contract, and what their authors are told.

use omnifs_runtime::artifact::check;
use testkit::guests;

use crate::components::{INTERFACE, component};

fn refusal(wit: &str) -> String {
    check(&component(wit)).unwrap_err().to_string()
}

fn of_package(package: &str, interface: &str, items: &str) -> String {
    refusal(&format!("package {package}; {interface} world w {{ {items} }}"))
}

fn changed(from: &str, to: &str) -> String {
    assert!(INTERFACE.contains(from), "{from}");
    of_package("omnifs:provider@1.0.0", &INTERFACE.replace(from, to), "export filesystem;")
}

#[test]
fn the_contract_itself_fits() {
    let wit =
        format!("package omnifs:provider@1.0.0; {INTERFACE} world w {{ export filesystem; }}");
    check(&component(&wit)).unwrap();
}

#[test]
fn a_later_minor_version_fits() {
    let interface = INTERFACE.replace("read-file", "more: func();\nread-file");
    let wit =
        format!("package omnifs:provider@1.3.0; {interface} world w {{ export filesystem; }}");
    check(&component(&wit)).unwrap();
}

const WATCHER: &str = "interface watcher { watch: func(); }";

#[test]
fn a_watcher_is_found_beside_a_face_and_refused_without_one() {
    let world = "world w { export filesystem; export watcher; }";
    let wit = format!("package omnifs:provider@1.0.0; {INTERFACE} {WATCHER} {world}");
    assert!(check(&component(&wit)).unwrap().watches);
    let wit =
        format!("package omnifs:provider@1.0.0; {INTERFACE} world w {{ export filesystem; }}");
    assert!(!check(&component(&wit)).unwrap().watches);
    assert_eq!(
        of_package("omnifs:provider@1.0.0", WATCHER, "export watcher;"),
        "it exports omnifs:provider/watcher@1.0.0 alone, and has no tree to watch for\n\
         help: export omnifs:provider/projection@1.0.0, too: \
         omnifs_provider::serve!(app, watch = events), against omnifs-provider 1.0.0"
    );
}

#[test]
fn a_watcher_of_another_type_is_refused_and_so_is_what_it_imports() {
    let interfaces = format!("{INTERFACE} {}", WATCHER.replace("func()", "func() -> bool"));
    let refused =
        of_package("omnifs:provider@1.0.0", &interfaces, "export filesystem; export watcher;");
    assert!(refused.starts_with("it does not fit omnifs:provider/watcher@1.0.0"), "{refused}");
    assert!(refused.contains("watch: func() -> bool"), "{refused}");
    let interfaces = format!("{INTERFACE} interface cache-control {{ invalidate: func(n: u64); }}");
    let items = "import cache-control; export filesystem;";
    let refused = of_package("omnifs:provider@1.0.0", &interfaces, items);
    assert!(refused.contains("omnifs:provider/cache-control@1.0.0"), "{refused}");
}

#[test]
fn nothing_exported() {
    assert_eq!(
        of_package("a:b@1.0.0", "", ""),
        "it does not export omnifs:provider/filesystem@1.0.0: it exports nothing\n\
         help: implement `Guest` and export it with omnifs_provider::export!, \
         against omnifs-provider 1.0.0"
    );
}

#[test]
fn something_else_exported() {
    assert_eq!(
        of_package("a:b@1.0.0", "interface i { f: func(); }", "export i;"),
        "it does not export omnifs:provider/filesystem@1.0.0: it exports a:b/i@1.0.0\n\
         help: implement `Guest` and export it with omnifs_provider::export!, \
         against omnifs-provider 1.0.0"
    );
}

#[test]
fn another_version_exported() {
    assert_eq!(
        of_package("omnifs:provider@2.1.0", INTERFACE, "export filesystem;"),
        "it exports omnifs:provider/filesystem of version 2.1.0, and this host serves 1.0.0\n\
         help: build it against omnifs-provider 1.0.0, or use an omnifs of that version"
    );
}

#[test]
fn a_function_is_missing() {
    assert_eq!(
        changed("read-file: func(inode: u64) -> option<list<u8>>;", ""),
        "it does not fit omnifs:provider/filesystem@1.0.0\n  \
           the function read-file is missing\n    \
             expected  read-file: func(inode: u64) -> option<list<u8>>\n\
         help: build it against omnifs-provider 1.0.0"
    );
}

#[test]
fn types_differ() {
    assert_eq!(
        changed("read-file: func(inode: u64)", "read-file: func(inode: u32)"),
        "it does not fit omnifs:provider/filesystem@1.0.0\n  \
           the function read-file has another type\n    \
             expected  read-file: func(inode: u64) -> option<list<u8>>\n    \
             found     read-file: func(inode: u32) -> option<list<u8>>\n\
         help: build it against omnifs-provider 1.0.0"
    );
    assert_eq!(
        changed("file, directory", "file, directory, symlink"),
        "it does not fit omnifs:provider/filesystem@1.0.0\n  \
           the function lookup-child has another type\n    \
             expected  enum node-kind { file, directory }\n    \
             found     enum node-kind { file, directory, symlink }\n\
         help: build it against omnifs-provider 1.0.0"
    );
}

#[test]
fn several_things_differ() {
    let interface = INTERFACE
        .replace("list-children: func(inode: u64)", "list-children: func(inode: string)")
        .replace("-> option<list<u8>>", "-> list<u8>");
    assert_eq!(
        of_package("omnifs:provider@1.0.0", &interface, "export filesystem;"),
        "it does not fit omnifs:provider/filesystem@1.0.0\n  \
           the function list-children has another type\n    \
             expected  list-children: func(inode: u64) -> list<string>\n    \
             found     list-children: func(inode: string) -> list<string>\n  \
           the function read-file has another type\n    \
             expected  read-file: func(inode: u64) -> option<list<u8>>\n    \
             found     read-file: func(inode: u64) -> list<u8>\n\
         help: build it against omnifs-provider 1.0.0"
    );
}

fn importing(package: &str, interface: &str) -> String {
    let wit = format!(
        "package omnifs:provider@1.0.0;
         {INTERFACE}
         world w {{ import {package}; export filesystem; }}
         package {} {{ interface {interface} {{ f: func(); }} }}",
        package.replace(&format!("/{interface}"), ""),
    );
    refusal(&wit)
}

#[test]
fn capabilities_fit_as_the_contract_has_them() {
    let artifact = check(guests::IMPORTS_HTTP).unwrap();
    assert!(artifact.imports.contains(&"omnifs:provider/http@1.0.0".to_owned()));
}

#[test]
fn a_capability_of_another_shape_is_told_apart() {
    let wit = |function: &str| {
        refusal(&format!(
            "package omnifs:provider@1.0.0; {INTERFACE} interface config {{ {function} }}
             world w {{ import config; export filesystem; }}"
        ))
    };
    assert_eq!(
        wit("get: func(name: string) -> string;"),
        "it does not fit omnifs:provider/config@1.0.0\n  \
         the function get has another type\n    \
         expected  get: func() -> string\n    \
         found     get: func(name: string) -> string\n\
         help: build it against omnifs-provider 1.0.0"
    );
    assert_eq!(
        wit("set: func(name: string);"),
        "it does not fit omnifs:provider/config@1.0.0\n  \
         there is no function set in config\n\
         help: build it against omnifs-provider 1.0.0"
    );
}

#[test]
fn wasi_http_is_refused_with_a_hint() {
    assert_eq!(
        importing("wasi:http/types@0.2.6", "types"),
        "it imports wasi:http/types@0.2.6, which omnifs does not have\n\
         help: a provider reaches the network through omnifs:provider/http only"
    );
}

#[test]
fn other_imports_are_named() {
    let remedy =
        "\nhelp: build it for wasm32-wasip2 against omnifs-provider 1.0.0, without that import";
    for (import, interface) in [
        ("a:b/c@1.0.0", "c"),
        ("wasi:cli/environment@0.3.0", "environment"),
        ("wasi:keyvalue/store@0.2.0", "store"),
    ] {
        assert_eq!(
            importing(import, interface),
            format!("it imports {import}, which omnifs does not have{remedy}")
        );
    }
}
