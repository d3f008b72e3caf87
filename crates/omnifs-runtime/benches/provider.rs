//! A call of a guest, and the gate that its requests pass: `cargo bench -p omnifs-runtime`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails loudly")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use omnifs_runtime::http::{AllowEntry, Gate, Origin, Target};
use omnifs_runtime::{
    Engine, EngineOptions, Grants, Limits, LogLine, Provider, ProviderLog, ProviderOptions,
};
use omnifs_vfs::{Name, Object, ObjectKey, Source as _};
use testkit::guests;

struct Silence;

impl ProviderLog for Silence {
    fn line(&self, _line: LogLine<'_>) {}
}

fn call(criterion: &mut Criterion) {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let options = ProviderOptions {
        name: "hello".to_owned(),
        limits: Limits::default(),
        log: Arc::new(Silence),
        grants: Grants::default(),
        live: false,
    };
    let provider = Provider::load(&engine, guests::HELLO, options).unwrap();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    let (root, name) = (Object::root(ObjectKey(0)), Name::from_provider("hello.txt").unwrap());
    criterion.bench_function("call lookup-child", |bencher| {
        bencher.iter(|| {
            let found = runtime.block_on(provider.lookup_child(&root, &name)).unwrap();
            assert!(found.value.is_some());
        });
    });
    criterion.bench_function("call list-children", |bencher| {
        bencher.iter(|| {
            let listed = runtime.block_on(provider.list_children(&root, None)).unwrap();
            assert_eq!(listed.value.names.len(), 1);
        });
    });
}

fn gate(criterion: &mut Criterion) {
    let entry = |text: String| AllowEntry {
        target: Target::Network { origin: Origin::parse(&text).unwrap(), allow_private: false },
        methods: Vec::new(),
        paths: Vec::new(),
    };
    let granted = (0..10).map(|number| entry(format!("host-{number}.example.com"))).collect();
    let gate = Gate::new("bench".into(), granted, None);
    let check = |url: &str| gate.check("GET", black_box(url));
    let (last, other) = ("https://host-9.example.com/items?page=2", "https://example.org/");
    assert!(check(last).is_ok() && check(other).is_err());
    criterion.bench_function("gate: the last of ten hosts", |bencher| {
        bencher.iter(|| check(last).is_ok());
    });
    criterion.bench_function("gate: a host that is refused", |bencher| {
        bencher.iter(|| check(other).is_ok());
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    call(&mut criterion);
    gate(&mut criterion);
    criterion.final_summary();
}
