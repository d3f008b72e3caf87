//! What a source is asked about.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arcstr::ArcStr;

use crate::clock::Moment;
use crate::{Inode, Name};

/// How a provider names an object by itself, where its contract has texts for that and not
/// numbers. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderId(ArcStr);

impl ProviderId {
    /// Returns the identity that a provider writes like this.
    pub fn new(text: impl Into<ArcStr>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host's own number for an object under a path, never reused while a tree lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(pub u64);

/// An object that a source is asked about: its inode, and the way to it from the root.
///
/// The way is what finds the object again in an instance that has never returned its inode.
#[derive(Debug)]
pub struct Object {
    key: ObjectKey,
    inode: Inode,
    id: KeptId,
    place: Option<(Arc<Object>, Name)>,
    /// Until when its name is fresh, as a [`Moment`]. It is here so that a directory has one pointer
    /// for a name, and belongs to the node table: who holds its lock sets it and trusts it.
    until: AtomicU64,
}

/// How an object keeps its provider's name for it. There may be millions, and most are what their
/// parents are called, a separator, and their own names.
#[derive(Debug)]
enum KeptId {
    Unknown,
    Text(ProviderId),
    Joined(Separator),
}

/// A short text.
#[derive(Debug)]
struct Separator {
    length: u8,
    text: [u8; Self::LONGEST],
}

impl Separator {
    /// What leaves [`KeptId`] at 16 bytes.
    const LONGEST: usize = 14;

    fn new(text: &str) -> Option<Self> {
        let mut own = Self { length: u8::try_from(text.len()).ok()?, text: [0; Self::LONGEST] };
        own.text.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(own)
    }

    fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl KeptId {
    fn new(parent: &Object, name: &Name, id: &ProviderId) -> Self {
        let separator = || {
            let mut above = String::new();
            parent.push_id(&mut above)?;
            let rest = id.as_str().strip_prefix(above.as_str())?;
            Separator::new(rest.strip_suffix(name.as_str())?)
        };
        separator().map_or_else(|| Self::Text(id.clone()), Self::Joined)
    }
}

impl Object {
    /// Returns the root.
    pub fn root(key: ObjectKey) -> Arc<Self> {
        Arc::new(Self::new((key, Inode::ROOT), KeptId::Unknown, None))
    }

    /// Returns the object that `parent` calls `name`.
    pub fn child(parent: &Arc<Self>, name: Name, key: ObjectKey, inode: Inode) -> Arc<Self> {
        Self::identified(parent, name, key, (inode, None))
    }

    /// Returns the object that `parent` calls `name`, and how its provider names it.
    pub fn identified(
        parent: &Arc<Self>,
        name: Name,
        key: ObjectKey,
        (inode, id): (Inode, Option<ProviderId>),
    ) -> Arc<Self> {
        let id = id.map_or(KeptId::Unknown, |id| KeptId::new(parent, &name, &id));
        Arc::new(Self::new((key, inode), id, Some((Arc::clone(parent), name))))
    }

    fn new((key, inode): (ObjectKey, Inode), id: KeptId, place: Option<(Arc<Self>, Name)>) -> Self {
        Self { key, inode, id, place, until: AtomicU64::default() }
    }

    /// Returns the host's number for this object.
    pub fn key(&self) -> ObjectKey {
        self.key
    }

    /// Returns the provider's number, as the lookup that made this object returned it.
    pub fn inode(&self) -> Inode {
        self.inode
    }

    /// Returns how its provider names it, if it does and that is known.
    pub fn id(&self) -> Option<ProviderId> {
        match &self.id {
            KeptId::Unknown => None,
            KeptId::Text(id) => Some(id.clone()),
            KeptId::Joined(_) => {
                let mut text = String::new();
                self.push_id(&mut text)?;
                Some(ProviderId::new(text))
            }
        }
    }

    /// Appends how its provider names it, which is nothing for the root; `None` where that is not
    /// known.
    fn push_id(&self, text: &mut String) -> Option<()> {
        match &self.id {
            KeptId::Unknown => return self.place.is_none().then_some(()),
            KeptId::Text(id) => text.push_str(id.as_str()),
            KeptId::Joined(separator) => {
                let (parent, name) = self.place()?;
                parent.push_id(text)?;
                text.push_str(separator.as_str());
                text.push_str(name.as_str());
            }
        }
        Some(())
    }

    /// Returns until when its name is fresh.
    pub(crate) fn fresh_until(&self) -> Duration {
        Moment::from_bits(self.until.load(Ordering::Relaxed)).into()
    }

    /// Takes in until when its name is fresh.
    pub(crate) fn set_fresh_until(&self, until: Duration) {
        self.until.store(Moment::from(until).to_bits(), Ordering::Relaxed);
    }

    /// Returns how many names lead here from the root.
    pub fn depth(&self) -> usize {
        std::iter::successors(self.place(), |(parent, _)| parent.place()).count()
    }

    /// Returns the parent and the name in it, or `None` for the root.
    pub fn place(&self) -> Option<(&Arc<Self>, &Name)> {
        self.place.as_ref().map(|(parent, name)| (parent, name))
    }

    /// Returns the path from the provider's root, for messages; the root is `/`.
    pub fn path(&self) -> String {
        let mut names = Vec::new();
        let mut at = self;
        while let Some((parent, name)) = at.place() {
            names.push(name.as_str());
            at = parent;
        }
        names.reverse();
        format!("/{}", names.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(parent: &Arc<Object>, name: &str, id: Option<&str>) -> Arc<Object> {
        let name = Name::from_provider(name).unwrap();
        let identity = (Inode::of_child(1).unwrap(), id.map(ProviderId::new));
        Object::identified(parent, name, ObjectKey(2), identity)
    }

    /// Returns the identity that an object has, as its provider writes it.
    fn id(object: &Object) -> Option<String> {
        object.id().map(|id| id.as_str().to_owned())
    }

    #[test]
    fn an_identity_is_given_back_as_it_came_however_it_is_kept() {
        let root = Object::root(ObjectKey(1));
        for above in ["", "*d", ".d", "d", "another", "\u{e9}d", "d/a/long/way/to/it/d"] {
            let directory = child(&root, "d", Some(above));
            assert_eq!(id(&directory).as_deref(), Some(above));
            for text in ["", "f", "d", "*d%2Ff", ".d/.f", ".d/2:f", "d/a/separator-too-long/f"] {
                let file = child(&directory, "f", Some(text));
                assert_eq!(id(&file).as_deref(), Some(text), "below {above:?}");
                let below = child(&file, "g", Some(&format!("{text}/\u{e9}g")));
                assert_eq!(id(&below), Some(format!("{text}/\u{e9}g")));
            }
        }
    }

    #[test]
    fn what_has_no_identity_lends_none() {
        let root = Object::root(ObjectKey(1));
        let directory = child(&root, "d", None);
        assert_eq!(id(&directory), None);
        assert_eq!(id(&child(&directory, "f", Some("f"))).as_deref(), Some("f"));
    }

    #[test]
    fn one_takes_72_bytes() {
        // With the two counts before it; an identity of 23 characters would take 48 more.
        assert_eq!((size_of::<Object>(), size_of::<KeptId>()), (56, 16));
    }
}
