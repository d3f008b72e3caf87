//! A loaded provider, with the little of a tree that calls need.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use omnifs_runtime::{
    Engine, EngineOptions, Grants, Limits, LogLine, LogSource, Provider, ProviderLog,
    ProviderOptions,
};
use omnifs_vfs::{Child, Found, Name, Object, ObjectKey, Source, VfsError};
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<(LogSource, String)>>);

impl ProviderLog for Lines {
    fn line(&self, line: LogLine<'_>) {
        self.0.lock().push((line.source, line.text.to_owned()));
    }
}

impl Lines {
    pub(crate) fn of(&self, source: LogSource) -> Vec<String> {
        let lines = self.0.lock();
        lines.iter().filter(|line| line.0 == source).map(|line| line.1.clone()).collect()
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(EngineOptions::default()).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_provider(text).unwrap()
}

pub(crate) struct Fixture {
    pub(crate) provider: Arc<Provider>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) root: Arc<Object>,
    next: AtomicU64,
}

impl Fixture {
    pub(crate) fn new(component: &[u8]) -> Self {
        Self::limited(component, Limits::default())
    }

    pub(crate) fn limited(component: &[u8], limits: Limits) -> Self {
        Self::on(&engine(), component, limits)
    }

    pub(crate) fn on(engine: &Engine, component: &[u8], limits: Limits) -> Self {
        Self::granted(engine, component, (limits, Grants::default()))
    }

    pub(crate) fn granted(
        engine: &Engine,
        component: &[u8],
        (limits, grants): (Limits, Grants),
    ) -> Self {
        let lines = Arc::new(Lines::default());
        let log = Arc::clone(&lines) as Arc<dyn ProviderLog>;
        let options = ProviderOptions { name: "test".to_owned(), limits, log, grants, live: false };
        Self {
            provider: Provider::load(engine, component, options).unwrap(),
            lines,
            root: Object::root(ObjectKey(0)),
            next: AtomicU64::new(1),
        }
    }

    pub(crate) async fn lookup(
        &self,
        parent: &Arc<Object>,
        text: &str,
    ) -> Result<Option<Child>, VfsError> {
        let found = self.provider.lookup_child(parent, &name(text)).await;
        found.map(|answer| answer.value.map(|found| found.child))
    }

    /// Looks every name of a path up, as a kernel does.
    pub(crate) async fn object(&self, path: &str) -> Arc<Object> {
        let mut object = Arc::clone(&self.root);
        for part in path.split('/') {
            let child = self.lookup(&object, part).await.unwrap().expect(path);
            let key = ObjectKey(self.next.fetch_add(1, Ordering::Relaxed));
            object = Object::child(&object, name(part), key, child.inode);
        }
        object
    }

    /// Returns the object of the second face that was found in the root.
    pub(crate) fn identified(&self, text: &str, found: &Found) -> Arc<Object> {
        self.below(&self.root, text, found)
    }

    /// Returns the object of the second face that was found in a directory.
    pub(crate) fn below(&self, parent: &Arc<Object>, text: &str, found: &Found) -> Arc<Object> {
        let key = ObjectKey(self.next.fetch_add(1, Ordering::Relaxed));
        let id = found.details.as_ref().and_then(|details| details.id.clone());
        Object::identified(parent, name(text), key, (found.child.inode, id))
    }

    pub(crate) async fn read_object(
        &self,
        object: &Arc<Object>,
    ) -> Result<Option<Bytes>, VfsError> {
        match self.provider.read_file(object, None).await?.value {
            Some(content) => content.whole().await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Option<Bytes>, VfsError> {
        let object = self.object(path).await;
        self.read_object(&object).await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let bytes = self.read(path).await.unwrap().expect(path);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub(crate) async fn list(&self, path: &str) -> Result<Vec<String>, VfsError> {
        let object = if path.is_empty() { Arc::clone(&self.root) } else { self.object(path).await };
        self.provider.list_children(&object, None).await.map(|answer| answer.value.names)
    }
}
