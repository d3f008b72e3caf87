//! Components that no toolchain would make, made here.

use std::fmt::Write;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, WorldItem};

pub(crate) const FILESYSTEM: &str = "omnifs:provider/filesystem@1.0.0";

/// The contract's interface, to be changed by a test.
pub(crate) const INTERFACE: &str = "
    interface filesystem {
        enum node-kind { file, directory }
        record lookup-result { inode: u64, kind: node-kind }
        lookup-child: func(parent: u64, name: string) -> option<lookup-result>;
        list-children: func(inode: u64) -> list<string>;
        read-file: func(inode: u64) -> option<list<u8>>;
    }";

/// A core module for the world `w` of `wit`, with its metadata; each function returns what
/// zeroed memory holds: none, or an empty list.
pub(crate) fn core_module(wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut imports = String::new();
    let mut exports = String::new();
    for (key, item) in &resolve.worlds[world].imports {
        let module = resolve.name_world_key(key);
        for function in functions(&resolve, item) {
            let signature = signature(&resolve, AbiVariant::GuestImport, function);
            writeln!(imports, "(import {module:?} {:?} (func {signature}))", function.name)
                .unwrap();
        }
    }
    for (key, item) in &resolve.worlds[world].exports {
        let interface = resolve.name_world_key(key);
        for function in functions(&resolve, item) {
            let signature = signature(&resolve, AbiVariant::GuestExport, function);
            let body = if signature.contains("result") { "i32.const 16" } else { "" };
            let name = format!("{interface}#{}", function.name);
            writeln!(exports, "(func (export {name:?}) {signature} {body})").unwrap();
        }
    }
    let text = format!(
        "(module {imports} (memory (export \"memory\") 1) {exports}
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) i32.const 4096))"
    );
    let mut module = wat::parse_str(text).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

pub(crate) fn component(wit: &str) -> Vec<u8> {
    encode(&core_module(wit))
}

fn encode(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default().validate(true).module(module).unwrap().encode().unwrap()
}

fn functions<'a>(resolve: &'a Resolve, item: &'a WorldItem) -> Vec<&'a Function> {
    match item {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].functions.values().collect(),
        WorldItem::Function(_) | WorldItem::Type { .. } => Vec::new(),
    }
}

fn signature(resolve: &Resolve, variant: AbiVariant, function: &Function) -> String {
    let signature = resolve.wasm_signature(variant, function);
    let words = |types: &[WasmType]| {
        let words = types.iter().map(|ty| match ty {
            WasmType::I64 | WasmType::PointerOrI64 => " i64",
            WasmType::F32 => " f32",
            WasmType::F64 => " f64",
            WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
        });
        words.collect::<String>()
    };
    let mut text = format!("(param{})", words(&signature.params));
    if !signature.results.is_empty() {
        write!(text, " (result{})", words(&signature.results)).unwrap();
    }
    text
}

/// What a [`fixed`] component answers, whatever it is asked.
pub(crate) struct Fixed {
    /// Its memory in pages of 64 KiB.
    pub(crate) pages: u32,
    /// Address and length of the listing.
    pub(crate) list: (u32, u32),
    /// Address and length of every file.
    pub(crate) read: (u32, u32),
    /// More data, as WAT.
    pub(crate) data: &'static str,
}

/// A provider whose every name is the file 7.
pub(crate) fn fixed(fixed: &Fixed) -> Vec<u8> {
    let word = |value: u32| value.to_le_bytes().map(|byte| format!("\\{byte:02x}")).concat();
    let Fixed { pages, list, read, data } = fixed;
    let text = format!(
        "(module
           (memory (export \"memory\") {pages})
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) i32.const 4096)
           (func (export \"{FILESYSTEM}#lookup-child\") (param i64 i32 i32) (result i32) i32.const 1024)
           (func (export \"{FILESYSTEM}#list-children\") (param i64) (result i32) i32.const 1100)
           (func (export \"{FILESYSTEM}#read-file\") (param i64) (result i32) i32.const 1200)
           (data (i32.const 1024) \"\\01\\00\\00\\00\\00\\00\\00\\00\\07\")
           (data (i32.const 1100) \"{}{}\")
           (data (i32.const 1200) \"\\01\\00\\00\\00{}{}\")
           {data})",
        word(list.0),
        word(list.1),
        word(read.0),
        word(read.1),
    );
    let module = wat::parse_str(text).unwrap();
    encode(&omnifs_runtime::artifact::label(&module).unwrap())
}
