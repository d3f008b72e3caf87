//! `docs/wit-reference.md` is what /wit says.

use wit_bindgen_core::wit_parser::{
    Docs, Function, FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldId,
    WorldItem, WorldKey,
};

use crate::blessed::{assert_current, contract};

#[test]
fn the_reference_is_current() {
    let (resolve, world) = contract("provider");
    let (other, second) = contract("projector");
    let text = reference(&resolve, world) + "\n" + &second_face(&other, second);
    let (third, watching) = contract("watching");
    let text = text + "\n" + &watcher(&third, watching);
    assert_current("docs/wit-reference.md", &text);
}

/// Returns the reference of a world: what it exports, then what it may import.
fn reference(resolve: &Resolve, world: WorldId) -> String {
    let described = &resolve.worlds[world];
    let package = described.package.map(|id| &resolve.packages[id]).expect("a named package");
    let exports = interfaces(described.exports.iter());
    let imports = interfaces(described.imports.iter());
    let mut page = Page { resolve, paragraphs: Vec::new() };
    page.add("<!-- Written from /wit by a test of `testkit` with OMNIFS_BLESS=1. -->");
    page.add(format!("# WIT reference: `{}`", package.name));
    page.docs(&package.docs);
    page.add(format!("## World `{}`", described.name));
    page.docs(&described.docs);
    let mut table = vec!["| interface | what for | in Rust |".to_string(), "|---|---|---|".into()];
    for (ids, what, path) in [
        (&exports, "exported by the provider", "exports::omnifs::provider::"),
        (&imports, "imported by a provider that uses it", ""),
    ] {
        table.extend(ids.iter().map(|id| {
            let name = resolve.interfaces[*id].name.as_deref().expect("named in its file");
            format!("| [`{name}`](#interface-{name}) | {what} | `omnifs_provider::{path}{name}` |")
        }));
    }
    page.add(table.join("\n"));
    exports.into_iter().chain(imports).for_each(|id| page.interface(id));
    page.paragraphs.join("\n\n") + "\n"
}

/// Returns the reference of the world of those that follow their upstream: what it exports, and what
/// it imports that the first one does not.
fn watcher(resolve: &Resolve, world: WorldId) -> String {
    let described = &resolve.worlds[world];
    let mut page = Page { resolve, paragraphs: Vec::new() };
    page.add(format!("## World `{}`", described.name));
    page.docs(&described.docs);
    page.add(
        "In Rust it is `omnifs_provider::serve!(app, watch = events)`, or `omnifs_provider::watcher` \
         and `omnifs_provider::export_watching!`; `omnifs_provider::cache_control` is what it \
         imports.",
    );
    let own = described.imports.iter().filter(|(key, _)| {
        resolve.name_world_key(key).starts_with("omnifs:provider/cache-control@")
    });
    let exports = interfaces(described.exports.iter());
    exports.into_iter().chain(interfaces(own)).for_each(|id| page.interface(id));
    page.paragraphs.join("\n\n") + "\n"
}

/// Returns the reference of what a world exports that imports the same as the first one.
fn second_face(resolve: &Resolve, world: WorldId) -> String {
    let described = &resolve.worlds[world];
    let mut page = Page { resolve, paragraphs: Vec::new() };
    page.add(format!("## World `{}`", described.name));
    page.docs(&described.docs);
    page.add(
        "It imports what the world `provider` does, and `cache-control`, which the world `watching` \
         below has, too. In Rust it is `omnifs_provider::projection`, and \
         `omnifs_provider::export_projector!` exports it.",
    );
    interfaces(described.exports.iter()).into_iter().for_each(|id| page.interface(id));
    page.paragraphs.join("\n\n") + "\n"
}

fn interfaces<'a>(items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>) -> Vec<InterfaceId> {
    let interface = |(_, item): (_, &WorldItem)| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    };
    items.filter_map(interface).collect()
}

struct Page<'a> {
    resolve: &'a Resolve,
    paragraphs: Vec<String>,
}

impl Page<'_> {
    fn add(&mut self, paragraph: impl Into<String>) {
        self.paragraphs.push(paragraph.into());
    }

    /// Adds the words of an item, which every item of the contract must have.
    fn docs(&mut self, docs: &Docs) {
        let text = docs.contents.as_deref().expect("an item of /wit has no doc comment");
        self.add(text.trim());
    }

    fn interface(&mut self, id: InterfaceId) {
        let interface = &self.resolve.interfaces[id];
        let name = interface.name.as_deref().expect("named in its file");
        self.add(format!("## Interface `{name}`"));
        self.docs(&interface.docs);
        let functions = interface.functions.values();
        for function in functions.filter(|f| f.kind == FunctionKind::Freestanding) {
            self.add(format!("### `{}`", function.name));
            self.function(&function.name, function);
        }
        for (name, id) in &interface.types {
            self.definition(name, *id);
            for method in interface.functions.values() {
                if method.kind == FunctionKind::Method(*id) {
                    let short = method.name.rsplit('.').next().expect("[method]TYPE.NAME");
                    self.add(format!("#### `{name}.{short}`"));
                    self.function(short, method);
                }
            }
        }
    }

    fn function(&mut self, name: &str, function: &Function) {
        let parameters = function.params.iter().filter(|parameter| parameter.name != "self");
        let named = parameters.map(|p| format!("{}: {}", p.name, self.type_name(&p.ty)));
        let parameters = named.collect::<Vec<_>>().join(", ");
        let result = function.result.map(|ty| format!(" -> {}", self.type_name(&ty)));
        let result = result.unwrap_or_default();
        self.add(format!("```wit\n{name}: func({parameters}){result}\n```"));
        self.docs(&function.docs);
    }

    fn definition(&mut self, name: &str, id: TypeId) {
        let definition = &self.resolve.types[id];
        let rows: Vec<(&String, Option<Type>, &Docs)> = match &definition.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().map(|f| (&f.name, Some(f.ty), &f.docs)).collect()
            }
            TypeDefKind::Variant(v) => v.cases.iter().map(|c| (&c.name, c.ty, &c.docs)).collect(),
            TypeDefKind::Enum(e) => e.cases.iter().map(|c| (&c.name, None, &c.docs)).collect(),
            // `use` of another interface's type, which is described there.
            TypeDefKind::Type(Type::Id(_)) => return,
            TypeDefKind::Resource | TypeDefKind::Type(_) => Vec::new(),
            other => panic!("no layout for a {} yet", other.as_str()),
        };
        self.add(format!("### {} `{name}`", definition.kind.as_str()));
        self.docs(&definition.docs);
        if rows.is_empty() {
            return;
        }
        let typed = rows.iter().any(|(_, ty, _)| ty.is_some());
        let head = if typed {
            "| name | type | what |\n|---|---|---|"
        } else {
            "| name | what |\n|---|---|"
        };
        let mut table = vec![head.to_string()];
        for (name, ty, docs) in rows {
            let docs = docs.contents.as_deref().expect("an item of /wit has no doc comment");
            let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            let ty = match ty {
                Some(ty) => format!("`{}` | ", self.type_name(&ty)),
                None if typed => " | ".to_string(),
                None => String::new(),
            };
            table.push(format!("| `{name}` | {ty}{docs} |"));
        }
        self.add(table.join("\n"));
    }

    /// Returns a type as /wit writes it.
    fn type_name(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else {
            return format!("{ty:?}").to_lowercase();
        };
        let definition = &self.resolve.types[*id];
        if let Some(name) = &definition.name {
            return name.clone();
        }
        let optional = |ty: &Option<Type>| ty.map_or_else(|| "_".into(), |ty| self.type_name(&ty));
        match &definition.kind {
            TypeDefKind::Option(ty) => format!("option<{}>", self.type_name(ty)),
            TypeDefKind::List(ty) => format!("list<{}>", self.type_name(ty)),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<String> = tuple.types.iter().map(|ty| self.type_name(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            TypeDefKind::Result(result) => {
                format!("result<{}, {}>", optional(&result.ok), optional(&result.err))
            }
            TypeDefKind::Handle(Handle::Own(id)) => self.type_name(&Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => {
                format!("borrow<{}>", self.type_name(&Type::Id(*id)))
            }
            other => panic!("no name for a {} yet", other.as_str()),
        }
    }
}
