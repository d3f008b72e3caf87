//! What a source tells of a child besides what it is: sizes, versions, contents, links.

use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

use super::contents::Body as Cached;
use super::live::{Growing, Live};
use super::nodes::{Body, Directory, File, Promise, Version};
use super::{Current, Fresh, NEVER, Tree};
use crate::digest::{Digest, PathKey};
use crate::{Content, Found, Made, NodeId, NodeKind, Timestamp, VfsError};

/// The longest path that a symbolic link may lead to, `PATH_MAX` of limits.h without its end.
const TARGET_MAX: usize = 4_095;

/// What a source says of a child, next to what is known of it.
pub(super) struct Said {
    /// The version that it has, if the bytes are there.
    pub(super) version: Option<Version>,
    promise: Option<Promise>,
    /// Where a link leads to.
    target: Option<Arc<str>>,
    /// How it grows, if it does.
    live: Option<Growing>,
}

impl Said {
    /// Takes it in for the node that has the child's name. Returns whether that node can go on
    /// standing for the child.
    pub(super) fn renew(&self, body: &mut Body, now: Duration) -> bool {
        match body {
            Body::File(File::Live(own)) => self.live.is_some_and(|said| own.renew(&said, now)),
            // The kernel may have pages of it, which a file that grows must have none of.
            Body::File(_) if self.live.is_some() => false,
            Body::Directory(_) => true,
            Body::Link(own) => Some(&*own) == self.target.as_ref(),
            Body::File(File::Gone) => false,
            Body::File(File::Unread) => {
                if let Some(promise) = self.promise {
                    *body = Body::File(File::Promised(promise));
                }
                true
            }
            Body::File(File::Promised(own)) => match self.promise {
                // What is being read of it may be older than what is said now.
                Some(new) if own.until == NEVER.into() && new.told().is_none() => false,
                // Unread, it may still become any version of that size.
                Some(new) if (new.size, new.version) == (own.size, own.version) => {
                    own.until = own.until.max(new.until);
                    true
                }
                Some(_) => false,
                None => now < own.until.into(),
            },
            Body::File(File::Version(own)) => {
                let same = self.version.filter(|version| version.digest == own.digest);
                if let Some(version) = same {
                    own.until = own.until.max(version.until);
                }
                let is_told = self.promise.is_some_and(|promise| promise.told().is_some());
                now < own.until.into() && (same.is_some() || !is_told)
            }
        }
    }

    /// Returns what a new node stands for.
    pub(super) fn body(self, kind: NodeKind, born: Timestamp) -> Body {
        if let Some(said) = self.live {
            return Body::File(File::Live(Live::new(&said)));
        }
        match (kind, self.version, self.promise) {
            (NodeKind::Directory, ..) => Body::Directory(Box::new(Directory::new(born))),
            (NodeKind::Symlink, ..) => Body::Link(self.target.unwrap_or_default()),
            (NodeKind::File, Some(version), _) => Body::File(File::Version(version)),
            (NodeKind::File, None, Some(promise)) => Body::File(File::Promised(promise)),
            (NodeKind::File, None, None) => Body::File(File::Unread),
        }
    }
}

impl Tree {
    /// Returns where a symbolic link leads to.
    ///
    /// # Errors
    /// [`VfsError::Stale`] for a node that the tree does not know, and [`VfsError::NotFound`] for
    /// one that is no link.
    pub fn target(&self, link: NodeId) -> Result<Arc<str>, VfsError> {
        match &self.nodes.lock().get(link)?.body {
            Body::Link(target) => Ok(Arc::clone(target)),
            Body::Directory(_) | Body::File(_) => Err(VfsError::NotFound),
        }
    }

    /// Returns what its source says of a child at `path`, `depth` directories below the root.
    ///
    /// # Errors
    /// [`VfsError::Contract`] for a link that is none.
    pub(super) fn said(
        &self,
        (path, depth): (PathKey, usize),
        (found, until): (&Found, Duration),
    ) -> Result<Said, VfsError> {
        let target = target_of(found, depth)?;
        if let Some(said) = Growing::of(found, self.clock.calendar()) {
            return Ok(Said { version: None, promise: None, target, live: Some(said) });
        }
        let promise = self.promise_of(found, until);
        let version = match &promise {
            Some(promise) if promise.told().is_some() => self.kept_promise(path, promise),
            _ => self.fresh_version(path, found.child),
        };
        let version = version.filter(|v| promise.is_none_or(|promise| promise.size == v.size));
        Ok(Said { version, promise, target, live: None })
    }

    /// Returns what is known of a file before it is read, if its size is.
    fn promise_of(&self, found: &Found, until: Duration) -> Option<Promise> {
        let details = found.details.as_ref()?;
        let size = details.size.filter(|_| found.child.kind == NodeKind::File)?;
        let name = details.version.as_deref().filter(|name| !name.is_empty());
        let version = name.map_or(Digest::NONE, |name| Digest::of(name.as_bytes()));
        let modified = details.modified.unwrap_or(self.born);
        Some(Promise { size, version, modified, until: until.into() })
    }

    /// Returns the version that was promised, if its bytes are there.
    pub(super) fn kept_promise(&self, path: PathKey, promise: &Promise) -> Option<Version> {
        let body = self.contents.lock().renew(path, promise.told()?, promise.until.into())?;
        // A body outside of memory may still be coming: nobody knows its bytes.
        (body.size == promise.size && !body.is_blob()).then(|| body.version())
    }

    /// Puts the bytes that came with something else where bytes are.
    pub(super) fn take_in(
        &self,
        asked: &Current,
        (path, found): (PathKey, &Found),
        (fresh, made): (Fresh, Option<&Arc<Made>>),
    ) {
        let Some(details) = found.details.as_deref().filter(|_| !found.is_live()) else { return };
        let Some(bytes) = details.content.clone() else { return };
        let mut read = Cached {
            inode: found.child.inode,
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            content: Content::Bytes(bytes),
            modified: details.modified.unwrap_or(self.born),
            until: NEVER,
            fetched: self.clock.monotonic(),
            told: details.version.as_ref().map(|version| Digest::of(version.as_bytes())),
            partial: false,
            made: made.cloned(),
        };
        {
            let mut contents = self.contents.lock();
            read.until = self.believed_of(fresh, &[read.inode]);
            if read.until == NEVER {
                return;
            }
            contents.put_unclaimed(path, read.clone());
        }
        self.keep_bytes(asked, path, &read);
    }
}

/// Returns where a link leads to that lies `depth` directories below the root; `None` for what
/// is no link.
///
/// # Errors
/// [`VfsError::Contract`] for one that leads out of the tree, or is none.
fn target_of(found: &Found, depth: usize) -> Result<Option<Arc<str>>, VfsError> {
    if found.child.kind != NodeKind::Symlink {
        return Ok(None);
    }
    let target = found.details.as_ref().and_then(|details| details.target.as_deref());
    let target = target.unwrap_or_default();
    let refuse = |why: &str| {
        let shown = target.escape_default();
        Err(VfsError::Contract(format!("a symbolic link to \"{shown}\", which {why}")))
    };
    if target.is_empty() || target.len() > TARGET_MAX || target.contains('\0') {
        return refuse("cannot be a path");
    }
    let mut depth = depth;
    for part in Path::new(target).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir => return refuse("leads out of the tree"),
            Component::RootDir | Component::Prefix(_) => return refuse("is not relative"),
        }
    }
    Ok(Some(target.into()))
}
