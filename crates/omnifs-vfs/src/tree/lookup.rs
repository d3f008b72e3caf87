//! From a name to its node.

use std::sync::Arc;

use super::nodes::{Body, File, Named, Version};
use super::{Change, Current, Fresh, NEVER, STALE_VALID, Tree};
use crate::digest::PathKey;
use crate::layers::Asked;
use crate::{
    Child, Entry, Found, Layer, Lookup, Name, NodeId, NodeKind, Object, Question, VfsError,
};

/// How often a name is looked up whose node goes each time before it is counted.
const ATTEMPTS: usize = 16;

/// What memory says of a name.
enum Known {
    Fresh(Lookup),
    Stale(Entry),
    /// A listing knows what the name stands for, and there is no node yet.
    Listed(Found, Fresh),
    Unknown(Arc<Object>),
}

impl Tree {
    /// Looks `name` up in `parent` and adds one to the lookup count of what it finds.
    ///
    /// A file's size is never fetched here: a lookup holds a lock of the directory in the
    /// kernel, and a process that waits for another one's lookup cannot be killed.
    ///
    /// # Errors
    /// As the provider's call failed; [`VfsError::NotADirectory`], [`VfsError::TooDeep`],
    /// [`VfsError::Stale`] for a parent that the tree does not know.
    pub async fn lookup(self: &Arc<Self>, parent: NodeId, name: &Name) -> Result<Lookup, VfsError> {
        let mut question = self.layers.ask(Question::Lookup);
        for _ in 0..ATTEMPTS {
            if let Some(lookup) = self.look((parent, name), &mut question).await? {
                if let Lookup::Found(entry) = &lookup {
                    self.continue_run(entry);
                }
                return Ok(lookup);
            }
        }
        Err(VfsError::Stale(format!("{name} is another node each time it is looked up")))
    }

    /// Looks `name` up once. Returns `None` when what it found was gone before it was counted:
    /// until then a node is nobody's, and goes when its name gets another one, or when somebody
    /// else found it as well and forgot it.
    async fn look(
        self: &Arc<Self>,
        (parent, name): (NodeId, &Name),
        question: &mut Asked<'_>,
    ) -> Result<Option<Lookup>, VfsError> {
        let began = self.outdated.now();
        let object = match self.known(parent, name)? {
            Known::Fresh(lookup) => return Ok(Some(lookup)),
            Known::Stale(entry) => {
                self.refresh_name(parent, name);
                return Ok(Some(Lookup::Found(entry)));
            }
            Known::Listed(found, fresh) => {
                let node = self.settle((parent, name), (&found, fresh))?;
                return self.found(parent, name, node);
            }
            Known::Unknown(object) => object,
        };
        if self.recall_name(parent, name).await {
            question.reach(Layer::Disk);
            return Ok(None);
        }
        question.reach(Layer::Joined);
        let key = self.since_name(parent, name);
        let (tree, name_in_task) = (Arc::clone(self), name.clone());
        let call = || {
            question.reach(Layer::Source);
            async move { tree.resolve(parent, &object, &name_in_task).await }
        };
        let found = match self.name_calls.run(key, call).await {
            Ok(found) => found,
            Err(error) => match self.name_despite(&error, (parent, name)) {
                Some(entry) => return Ok(Some(Lookup::Found(entry))),
                None if error.is_failure() && self.recall_name(parent, name).await => {
                    return Ok(None);
                }
                None => return Err(error),
            },
        };
        match found {
            Some(node) if self.is_outdated((parent, name), node, began) => Ok(None),
            Some(node) => self.found(parent, name, node),
            None => {
                let now = self.clock.monotonic();
                let nodes = self.nodes.lock();
                let until = nodes.directory(parent)?.1.absent(name).unwrap_or(NEVER);
                Ok(Some(Lookup::Absent { valid: until.saturating_sub(now) }))
            }
        }
    }

    fn known(&self, parent: NodeId, name: &Name) -> Result<Known, VfsError> {
        let now = self.clock.monotonic();
        let mut nodes = self.nodes.lock();
        let (above, directory) = nodes.directory(parent)?;
        let mut is_live = false;
        if let Some(named) = directory.child(name) {
            let until = nodes.get(named.node)?.fresh_until(named);
            if now < until {
                let entry = self.claim(&mut nodes, named.node, until - now)?;
                return Ok(Known::Fresh(Lookup::Found(entry)));
            }
            // Where a name of a live file leads to is what its readers want to know.
            is_live = nodes.get(named.node)?.live().is_some();
            if !is_live && self.serves_stale(until, now) {
                let entry = self.claim(&mut nodes, named.node, STALE_VALID)?;
                return Ok(Known::Stale(entry));
            }
        }
        if let Some(until) = directory.absent(name).filter(|until| now < *until) {
            return Ok(Known::Fresh(Lookup::Absent { valid: until - now }));
        }
        if let Some(listing) = self.contents.lock().listing(above.path)
            && now < listing.fresh.until
        {
            if let Some(found) = listing.found(name) {
                // It is here because it holds.
                let fresh = Fresh { asked: self.outdated.now(), ..listing.fresh_of(&found) };
                if !is_live && (!found.is_live() || now < fresh.until) {
                    return Ok(Known::Listed(found, fresh));
                }
            }
            if listing.excludes(name) {
                let directory = nodes.directory_mut(parent)?;
                let left = listing.fresh.until - now;
                // What nobody could take back is not told for long.
                let told = directory.tell_absent(name, now, listing.fresh.until);
                let valid = if told { left } else { left.min(self.settings().negative) };
                return Ok(Known::Fresh(Lookup::Absent { valid }));
            }
        }
        let in_stream = self.found_in_stream(parent, name);
        if let Some((found, fresh)) = in_stream.filter(|(found, _)| !found.is_live())
            && self.believed_of(fresh, &[found.child.inode]) != NEVER
        {
            return Ok(Known::Listed(found, fresh));
        }
        Ok(Known::Unknown(Arc::clone(&above.object)))
    }

    /// Asks the source for `name` and settles what it says.
    pub(super) async fn resolve(
        &self,
        parent: NodeId,
        directory: &Arc<Object>,
        name: &Name,
    ) -> Result<Option<NodeId>, VfsError> {
        let asked = self.current();
        let before = self.live_under(parent, name);
        let answer = self.heed(asked.source.lookup_child(directory, name).await)?;
        match answer.value {
            Some(ref found) => {
                self.see_truncation(&asked, before, found);
                let fresh = self.fresh_from(&asked, &answer);
                let fresh = fresh.told(found, self.clock.monotonic());
                let path = self.nodes.lock().directory(parent)?.0.path.child(name);
                self.take_in(&asked, (path, found), (fresh, answer.made.as_ref()));
                let node = self.settle((parent, name), (found, fresh))?;
                if answer.partial.is_none() {
                    self.keep_name(&asked, (parent, name), found);
                }
                Ok(Some(node))
            }
            None => {
                self.settle_absent(&asked, (parent, name))?;
                Ok(None)
            }
        }
    }

    /// Gives `name` the node of `child`: the one it has if that is still right, else a new one.
    ///
    /// A node whose bytes are too old to be believed gives way to one that has not read any.
    /// An answer of an earlier source changes nothing that a later one said.
    pub(super) fn settle(
        &self,
        (parent, name): (NodeId, &Name),
        (found, fresh): (&Found, Fresh),
    ) -> Result<NodeId, VfsError> {
        let child = found.child;
        let now = self.clock.monotonic();
        let mut nodes = self.nodes.lock();
        let (above, directory) = nodes.directory(parent)?;
        let until = self.believed_of(fresh, &[above.object.inode(), child.inode]);
        let path = above.path.child(name);
        let said = self.said((path, above.object.depth()), (found, until))?;
        if let Some(named) = directory.child(name) {
            if until == NEVER && named.until != NEVER {
                return Ok(named.node);
            }
            let node = nodes.get_mut(named.node)?;
            let outlived = node.is_of_its_time() && now >= node.fresh_until(named);
            let was_unread = matches!(node.body, Body::File(File::Unread));
            let current = !outlived && said.renew(&mut node.body, now);
            if node.is(child) && current {
                if was_unread {
                    node.ranges = found.details.as_ref().is_some_and(|told| told.ranges);
                }
                nodes.directory_mut(parent)?.renew(name, until);
                return Ok(named.node);
            }
        }
        let version = said.version;
        let body = said.body(child.kind, self.born);
        let id = found.details.as_ref().and_then(|details| details.id.clone());
        let (node, replaced) = nodes.put((parent, name), (child.inode, id, until), body)?;
        nodes.get_mut(node)?.ranges = found.details.as_ref().is_some_and(|told| told.ranges);
        if let Some(version) = version {
            // What was read of the path before now has a node that uses it.
            self.contents.lock().bytes(node, path, version.digest);
        }
        self.bury(nodes);
        if let Some(old) = replaced {
            self.announce(Change::Version { parent, name: name.clone(), old });
        }
        Ok(node)
    }

    /// Remembers that `name` is absent, and that a node it had is gone, unless it was an
    /// earlier source that said so.
    fn settle_absent(
        &self,
        asked: &Current,
        (parent, name): (NodeId, &Name),
    ) -> Result<(), VfsError> {
        let now = self.clock.monotonic();
        let (until, generation) = (now + asked.settings.negative, asked.generation);
        let fresh = Fresh { until, generation, asked: asked.asked };
        let mut nodes = self.nodes.lock();
        let until = self.believed_of(fresh, &[nodes.directory(parent)?.0.object.inode()]);
        if until == NEVER {
            return Ok(());
        }
        let directory = nodes.directory_mut(parent)?;
        directory.set_absent(name.clone(), now, until);
        let removed = nodes.unname(parent, name);
        let path = nodes.directory(parent)?.0.path.child(name);
        self.bury(nodes);
        self.let_go(asked, path);
        if let Some(old) = removed {
            self.announce(Change::Version { parent, name: name.clone(), old });
        }
        Ok(())
    }

    /// Returns what is cached of the bytes of `child` under `path`, if that is fresh.
    pub(super) fn fresh_version(&self, path: PathKey, child: Child) -> Option<Version> {
        if child.kind != NodeKind::File {
            return None;
        }
        let body = self.contents.lock().body(path)?;
        let fresh = body.inode == child.inode && self.clock.monotonic() < body.until;
        fresh.then(|| body.version())
    }

    /// Returns the entry of a node that was just settled, or `None` if it is gone already.
    pub(super) fn found(
        &self,
        parent: NodeId,
        name: &Name,
        node: NodeId,
    ) -> Result<Option<Lookup>, VfsError> {
        let now = self.clock.monotonic();
        let mut nodes = self.nodes.lock();
        // The name may have got another node since: how fresh that one is says nothing of this.
        let named = nodes.directory(parent)?.1.child(name).filter(|named| named.node == node);
        if nodes.get(node).is_err() {
            return Ok(None);
        }
        let fresh = |named: Named| Ok(nodes.get(named.node)?.fresh_until(named));
        let until = named.map(fresh).transpose()?.unwrap_or(now);
        match self.claim(&mut nodes, node, until.saturating_sub(now)) {
            Ok(entry) => Ok(Some(Lookup::Found(entry))),
            Err(VfsError::Stale(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks a name up again behind the back of whoever was served the old answer, and reads
    /// the file again if its bytes are in use.
    fn refresh_name(self: &Arc<Self>, parent: NodeId, name: &Name) {
        let Some(place) = self.place_behind() else { return };
        let (tree, name_in_task) = (Arc::clone(self), name.clone());
        self.name_calls.start(self.since_name(parent, name), move || async move {
            let _place = place;
            let refreshed = tree.refresh(parent, &name_in_task).await;
            if let Err(error) = &refreshed {
                let provider = &tree.settings().provider;
                tracing::debug!(%provider, name = %name_in_task, %error, "refresh failed");
            }
            refreshed
        });
    }

    async fn refresh(
        self: &Arc<Self>,
        parent: NodeId,
        name: &Name,
    ) -> Result<Option<NodeId>, VfsError> {
        let object = Arc::clone(&self.nodes.lock().directory(parent)?.0.object);
        let asked = self.current();
        let answer = self.heed(asked.source.lookup_child(&object, name).await)?;
        let fresh = self.fresh_from(&asked, &answer);
        let Some(found) = answer.value else {
            self.settle_absent(&asked, (parent, name))?;
            return Ok(None);
        };
        let fresh = fresh.told(&found, self.clock.monotonic());
        let child = found.child;
        let path = self.nodes.lock().directory(parent)?.0.path.child(name);
        self.take_in(&asked, (path, &found), (fresh, answer.made.as_ref()));
        // Where the source says which version it is, settling tells whether to read again.
        let told = found.details.as_ref().is_some_and(|details| details.version.is_some());
        let read = if told {
            None
        } else {
            let nodes = self.nodes.lock();
            let named = nodes.directory(parent)?.1.child(name);
            named.map(|named| named.node).filter(|node| {
                nodes.get(*node).is_ok_and(|node| {
                    node.is(child) && matches!(node.body, Body::File(File::Version(_)))
                })
            })
        };
        if let Some(node) = read
            && let Err(error) = self.read_again(node).await
            // A changed version gives the name its new node by itself.
            && !matches!(error, VfsError::Stale(_))
        {
            return Err(error);
        }
        let node = self.settle((parent, name), (&found, fresh))?;
        if answer.partial.is_none() {
            self.keep_name(&asked, (parent, name), &found);
        }
        Ok(Some(node))
    }
}
