//! A walk over all that a provider shows, call by call.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use omnifs_vfs::{
    Answer, Child, Details, Found, Listed, Name, NodeKind, Object, ObjectKey, Source, VfsError,
};

use super::{whole, word};

/// How much is walked at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) nodes: usize,
    pub(crate) depth: usize,
}

/// In which order the names of a directory are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Listed,
    /// A provider that numbers objects in the order of calls gives other numbers then.
    Reversed,
}

/// An object, as one walk saw it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) object: Arc<Object>,
    pub(super) kind: NodeKind,
    /// What its lookup told of it.
    pub(super) told: Option<Arc<Details>>,
    /// What its listing told of it.
    pub(super) listed: Option<Found>,
    /// The names in it, and whether these are all.
    pub(super) names: Option<(Vec<String>, bool)>,
    pub(super) bytes: Option<Bytes>,
}

impl Seen {
    /// Returns its identity, as in messages.
    pub(super) fn identity(&self) -> String {
        match self.object.id() {
            Some(id) => format!("{:?}", id.as_str()),
            None => self.object.inode().number().to_string(),
        }
    }
}

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) call: &'static str,
    pub(super) path: String,
    pub(super) error: VfsError,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}): {}", self.call, self.path, self.error)
    }
}

/// What one walk saw.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// By path.
    pub(super) seen: BTreeMap<String, Seen>,
    pub(super) failed: Vec<Failed>,
    /// What is wrong with names that were listed.
    pub(super) unfit: Vec<String>,
    /// What was not walked, and why.
    pub(super) cut: Vec<String>,
}

/// Walks a provider from its root.
pub(super) async fn survey(source: &dyn Source, order: Order, bounds: &Bounds) -> Survey {
    let mut survey = Survey::default();
    let root = Seen {
        object: Object::root(ObjectKey(0)),
        kind: NodeKind::Directory,
        told: None,
        listed: None,
        names: None,
        bytes: None,
    };
    let mut left = vec![("/".to_owned(), Arc::clone(&root.object), root.kind)];
    survey.seen.insert("/".to_owned(), root);
    while let Some((path, object, kind)) = left.pop() {
        match kind {
            NodeKind::File => survey.read(source, &path, &object).await,
            NodeKind::Symlink => {}
            NodeKind::Directory if object.depth() >= bounds.depth => {
                survey.cut.push(format!("{path} is as deep as is walked (--depth)"));
            }
            NodeKind::Directory => {
                let listed = survey.list(source, &path, &object).await;
                let mut below =
                    survey.look(source, (&path, &object), (listed, order, bounds)).await;
                below.reverse();
                left.extend(below);
            }
        }
    }
    survey
}

type Place = (String, Arc<Object>, NodeKind);

impl Survey {
    fn fail(&mut self, call: &'static str, path: &str, error: VfsError) {
        self.failed.push(Failed { call, path: path.to_owned(), error });
    }

    /// Takes an answer in; one that is not all of it is a failure, too.
    fn take<T>(
        &mut self,
        (call, path): (&'static str, &str),
        answer: Result<Answer<T>, VfsError>,
    ) -> Option<T> {
        match answer {
            Ok(Answer { value, partial: None, .. }) => Some(value),
            Ok(Answer { value, partial: Some(error), .. }) => {
                self.fail(call, path, error);
                Some(value)
            }
            Err(error) => {
                self.fail(call, path, error);
                None
            }
        }
    }

    async fn read(&mut self, source: &dyn Source, path: &str, object: &Arc<Object>) {
        let answer = whole::read(source, object).await;
        match self.take(("read-file", path), answer) {
            Some(Some(bytes)) => {
                if let Some(seen) = self.seen.get_mut(path) {
                    seen.bytes = Some(bytes);
                }
            }
            Some(None) => self.fail("read-file", path, VfsError::NotFound),
            None => {}
        }
    }

    async fn list(&mut self, source: &dyn Source, path: &str, object: &Arc<Object>) -> Listed {
        let answer = whole::list(source, object).await;
        let Some(listed) = self.take(("list-children", path), answer) else {
            return Listed::default();
        };
        if let Some(seen) = self.seen.get_mut(path) {
            seen.names = Some((listed.names.clone(), listed.complete));
        }
        listed
    }

    /// Looks the names of a directory up, and returns those that were found.
    async fn look(
        &mut self,
        source: &dyn Source,
        (path, directory): (&str, &Arc<Object>),
        (listed, order, bounds): (Listed, Order, &Bounds),
    ) -> Vec<Place> {
        let mut found = listed.found.into_iter();
        let mut names: Vec<(String, Option<Found>)> =
            listed.names.into_iter().map(|name| (name, found.next())).collect();
        if order == Order::Reversed {
            names.reverse();
        }
        let mut known = HashSet::new();
        let mut places = Vec::new();
        for (text, listed) in names {
            if self.seen.len() >= bounds.nodes {
                self.cut.push(format!("{path} has more names than are walked (--nodes)"));
                break;
            }
            let Some(name) = Name::from_provider(&text) else {
                self.unfit.push(format!("{path} lists {text:?}, which no file can be called"));
                continue;
            };
            if !known.insert(text) {
                self.unfit.push(format!("{path} lists {:?} twice", name.as_str()));
                continue;
            }
            let place = self.look_up(source, (path, directory), (name, listed)).await;
            places.extend(place);
        }
        places
    }

    async fn look_up(
        &mut self,
        source: &dyn Source,
        (path, directory): (&str, &Arc<Object>),
        (name, listed): (Name, Option<Found>),
    ) -> Option<Place> {
        let below = format!("{}/{name}", path.trim_end_matches('/'));
        let answer = source.lookup_child(directory, &name).await;
        let Some(Found { child, details }) = self.take(("lookup-child", &below), answer)? else {
            self.unfit.push(format!("{below} is listed, and lookup-child does not find it"));
            return None;
        };
        let Child { inode, kind } = child;
        if let Some(listed) = &listed
            && listed.child.kind != kind
        {
            let (was, is) = (word(listed.child.kind), word(kind));
            self.unfit.push(format!("{below} is listed as a {was}, and found as a {is}"));
        }
        let key = ObjectKey(self.seen.len() as u64);
        let id = details.as_ref().and_then(|details| details.id.clone());
        let object = Object::identified(directory, name, key, (inode, id));
        let place = (below.clone(), Arc::clone(&object), kind);
        let seen = Seen { object, kind, told: details, listed, names: None, bytes: None };
        self.seen.insert(below, seen);
        Some(place)
    }
}
