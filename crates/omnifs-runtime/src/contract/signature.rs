//! A function's type as WIT text, to compare and to show.

use std::collections::BTreeMap;
use std::fmt;

use wit_parser::{Function, FunctionKind, Handle, Resolve, Result_, Type, TypeDef, TypeDefKind};

/// A function's type: as its author wrote it, and with every name replaced by what it stands
/// for. Only the latter decides whether two are the same.
#[derive(Debug)]
pub(super) struct Signature {
    name: String,
    written: String,
    shape: String,
    /// Definitions of the named types in it, by name.
    types: BTreeMap<String, String>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Signature {
    pub(super) fn of(resolve: &Resolve, function: &Function) -> Self {
        let mut written = Writer { resolve, expand: false, types: BTreeMap::new() };
        let text = written.function(function);
        let mut expanded = Writer { resolve, expand: true, types: BTreeMap::new() };
        let shape = expanded.function(function);
        Self {
            name: function.name.clone(),
            written: format!("{}: {text}", function.name),
            shape,
            types: written.types,
        }
    }

    /// Returns lines that say how `found` differs from this one, or `None` when it does not.
    pub(super) fn difference(&self, found: &Self) -> Option<String> {
        if self.shape == found.shape {
            return None;
        }
        let mut lines = vec![format!("the function {} has another type", self.name)];
        let mut pair = |expected: &str, found: &str| {
            lines.push(format!("  expected  {expected}"));
            lines.push(format!("  found     {found}"));
        };
        // Two texts may be equal and differ in what a name in them stands for.
        if self.written != found.written {
            pair(&self.written, &found.written);
        }
        for (name, definition) in &self.types {
            match found.types.get(name) {
                Some(other) if other != definition => pair(definition, other),
                Some(_) | None => {}
            }
        }
        Some(lines.join("\n"))
    }
}

struct Writer<'a> {
    resolve: &'a Resolve,
    /// Whether names are replaced by definitions, and parameters lose theirs.
    expand: bool,
    types: BTreeMap<String, String>,
}

impl Writer<'_> {
    fn function(&mut self, function: &Function) -> String {
        let parameters: Vec<String> = function
            .params
            .iter()
            .map(|parameter| {
                let ty = self.ty(&parameter.ty);
                if self.expand { ty } else { format!("{}: {ty}", parameter.name) }
            })
            .collect();
        let keyword = match function.kind {
            FunctionKind::Freestanding
            | FunctionKind::Method(_)
            | FunctionKind::Static(_)
            | FunctionKind::Constructor(_) => "func",
            FunctionKind::AsyncFreestanding
            | FunctionKind::AsyncMethod(_)
            | FunctionKind::AsyncStatic(_) => "async func",
        };
        let result = function.result.as_ref().map_or(String::new(), |ty| {
            let ty = self.ty(ty);
            format!(" -> {ty}")
        });
        format!("{keyword}({}){result}", parameters.join(", "))
    }

    fn ty(&mut self, ty: &Type) -> String {
        let primitive = match ty {
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::ErrorContext => "error-context",
            Type::Id(id) => {
                return match self.resolve.types.get(*id) {
                    Some(definition) => self.defined(definition),
                    None => "unknown".to_owned(),
                };
            }
        };
        primitive.to_owned()
    }

    fn defined(&mut self, definition: &TypeDef) -> String {
        // `use` of a type from elsewhere is the same type under the same or another name.
        if let TypeDefKind::Type(target) = &definition.kind {
            let target = *target;
            return self.ty(&target);
        }
        let Some(name) = &definition.name else { return self.body(&definition.kind) };
        if self.expand {
            return self.body(&definition.kind);
        }
        if !self.types.contains_key(name) {
            // First an empty one: a resource's definition may lead back to itself.
            self.types.insert(name.clone(), String::new());
            let body = self.body(&definition.kind);
            let text = match body.split_once(' ') {
                Some((keyword, fields)) if fields.starts_with('{') => {
                    format!("{keyword} {name} {fields}")
                }
                Some(_) | None => format!("type {name} = {body}"),
            };
            self.types.insert(name.clone(), text);
        }
        name.clone()
    }

    fn body(&mut self, kind: &TypeDefKind) -> String {
        match kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter();
                block(
                    "record",
                    fields.map(|field| format!("{}: {}", field.name, self.ty(&field.ty))),
                )
            }
            TypeDefKind::Enum(cases) => {
                block("enum", cases.cases.iter().map(|case| case.name.clone()))
            }
            TypeDefKind::Flags(flags) => {
                block("flags", flags.flags.iter().map(|flag| flag.name.clone()))
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter();
                block(
                    "variant",
                    cases.map(|case| match &case.ty {
                        Some(ty) => format!("{}({})", case.name, self.ty(ty)),
                        None => case.name.clone(),
                    }),
                )
            }
            TypeDefKind::Resource => "resource".to_owned(),
            TypeDefKind::Handle(handle) => self.handle(handle),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<String> = tuple.types.iter().map(|ty| self.ty(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            TypeDefKind::Option(ty) => format!("option<{}>", self.ty(ty)),
            TypeDefKind::Result(result) => self.result(result),
            TypeDefKind::List(ty) => format!("list<{}>", self.ty(ty)),
            TypeDefKind::Map(key, value) => {
                let key = self.ty(key);
                format!("map<{key}, {}>", self.ty(value))
            }
            TypeDefKind::FixedLengthList(ty, length) => format!("list<{}, {length}>", self.ty(ty)),
            TypeDefKind::Future(ty) => self.optional("future", ty.as_ref()),
            TypeDefKind::Stream(ty) => self.optional("stream", ty.as_ref()),
            TypeDefKind::Type(ty) => self.ty(ty),
            TypeDefKind::Unknown => "unknown".to_owned(),
        }
    }

    fn handle(&mut self, handle: &Handle) -> String {
        match handle {
            Handle::Own(id) => self.ty(&Type::Id(*id)),
            Handle::Borrow(id) => format!("borrow<{}>", self.ty(&Type::Id(*id))),
        }
    }

    fn result(&mut self, result: &Result_) -> String {
        match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", self.ty(ok)),
            (None, Some(err)) => format!("result<_, {}>", self.ty(err)),
            (Some(ok), Some(err)) => {
                let ok = self.ty(ok);
                format!("result<{ok}, {}>", self.ty(err))
            }
        }
    }

    fn optional(&mut self, name: &str, ty: Option<&Type>) -> String {
        match ty {
            Some(ty) => format!("{name}<{}>", self.ty(ty)),
            None => name.to_owned(),
        }
    }
}

fn block(keyword: &str, members: impl Iterator<Item = String>) -> String {
    let members: Vec<String> = members.collect();
    format!("{keyword} {{ {} }}", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(wit: &str) -> Signature {
        let mut resolve = Resolve::default();
        let text = format!("package a:b;\ninterface i {{ {wit} }}");
        let package = resolve.push_str("a.wit", &text).unwrap();
        let id = *resolve.packages[package].interfaces.get("i").unwrap();
        let function = resolve.interfaces[id].functions.values().next().unwrap();
        Signature::of(&resolve, function)
    }

    #[test]
    fn names_do_not_matter_and_shapes_do() {
        let a = signature("record r { x: u64 } f: func(a: r) -> option<list<u8>>;");
        let b = signature("record s { x: u64 } f: func(b: s) -> option<list<u8>>;");
        let c = signature("record r { x: u32 } f: func(a: r) -> option<list<u8>>;");
        assert_eq!(a.difference(&b), None);
        assert_eq!(
            a.difference(&c).unwrap(),
            "the function f has another type\n  \
             expected  record r { x: u64 }\n  \
             found     record r { x: u32 }"
        );
    }

    #[test]
    fn writes_every_kind_of_type() {
        let wit = "enum e { a, b } flags g { x } variant v { n, s(string) } resource q; \
                   f: func(p: tuple<e, g>, h: borrow<q>, o: q) -> result<list<v>, result>;";
        let signature = signature(wit);
        assert_eq!(
            signature.to_string(),
            "f: func(p: tuple<e, g>, h: borrow<q>, o: q) -> result<list<v>, result>"
        );
        assert_eq!(signature.types["v"], "variant v { n, s(string) }");
        assert_eq!(signature.types["e"], "enum e { a, b }");
        assert_eq!(signature.types["g"], "flags g { x }");
    }

    #[test]
    fn asynchronous_is_another_type() {
        let plain = signature("f: func();");
        let asynchronous = signature("f: async func();");
        assert_eq!(
            plain.difference(&asynchronous).unwrap(),
            "the function f has another type\n  expected  f: func()\n  found     f: async func()"
        );
    }
}
