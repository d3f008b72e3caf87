//! How many bytes a live file has by now.

use std::sync::Arc;

use super::end::Probing;
use super::{Live, Stamp};
use crate::layers::Asked;
use crate::tree::{Current, Tree};
use crate::{Attributes, ByteRange, Found, Layer, Name, NodeId, Object, VfsError};

/// What was known of the live file under a name before the source was asked for the name.
#[derive(Debug, Clone, Copy)]
pub(in crate::tree) struct Before {
    node: NodeId,
    size: u64,
}

/// Whether a name told the size of the file that is asked about.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Told,
    /// It leads elsewhere by now, or tells no size.
    Silent,
}

impl Tree {
    /// Returns the attributes of a live file, with the size that it has by now.
    pub(in crate::tree) async fn live_attributes(
        self: &Arc<Self>,
        id: NodeId,
        limit: impl FnOnce() -> u64,
        question: &mut Asked<'_>,
    ) -> Result<Attributes, VfsError> {
        let before = self.live(id)?;
        if !before.truncated && !before.asked.holds(self.clock.monotonic()) {
            let tree = Arc::clone(self);
            question.reach(Layer::Joined);
            let ask = || {
                question.reach(Layer::Source);
                async move { tree.ask_growth(id).await }
            };
            self.live.growth.run(self.since_node(id), ask).await?;
        }
        let mut nodes = self.nodes.lock();
        let node = nodes.get_mut(id)?;
        if let Some(live) = node.live_mut() {
            // All that was shown, also by a read: a program takes a smaller size for a truncation.
            live.tell(limit());
        }
        Ok(self.shown(node))
    }

    async fn ask_growth(self: &Arc<Self>, id: NodeId) -> Result<(), VfsError> {
        let object = Arc::clone(&self.nodes.lock().get(id)?.object);
        if self.live(id)?.sized && self.ask_name(id, &object).await? == Named::Told {
            return Ok(());
        }
        let live = self.live(id)?;
        if live.truncated {
            return Ok(());
        }
        if live.ranges {
            self.ask_end((id, &object), live).await?;
        } else {
            match self.read_whole((id, &object), live, || {}).await {
                // It is gone, or was truncated: what was told of it holds for who has it open.
                Ok(_) | Err(VfsError::Stale(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(live) = self.nodes.lock().get_mut(id)?.live_mut() {
            live.asked = Stamp::of(self.clock.monotonic());
        }
        Ok(())
    }

    /// Asks for the name of a live file, which tells how large the file is for as long as the name
    /// leads to it.
    async fn ask_name(
        self: &Arc<Self>,
        id: NodeId,
        object: &Arc<Object>,
    ) -> Result<Named, VfsError> {
        let Some((above, name)) = object.place() else { return Ok(Named::Silent) };
        let parent = NodeId(above.key().0);
        let leads_here = {
            let nodes = self.nodes.lock();
            let named = nodes.directory(parent).ok().and_then(|(_, above)| above.child(name));
            named.is_some_and(|named| named.node == id)
        };
        if !leads_here {
            return Ok(Named::Silent);
        }
        let (tree, above, name_in_task) = (Arc::clone(self), Arc::clone(above), name.clone());
        let ask = move || async move { tree.resolve(parent, &above, &name_in_task).await };
        let found = self.name_calls.run(self.since_name(parent, name), ask).await?;
        let told = found == Some(id) && self.live(id)?.sized;
        Ok(if told { Named::Told } else { Named::Silent })
    }

    /// Looks for the end of a live file by reading there.
    async fn ask_end(
        &self,
        (id, object): (NodeId, &Arc<Object>),
        live: Live,
    ) -> Result<(), VfsError> {
        let asked = self.current();
        let mut probing = Probing::from(live.size);
        while let Some(range) = probing.next() {
            let Some(bytes) = self.ask_part(&asked, object, Some(range)).await? else {
                // It is gone; what was told of it holds for who has it open.
                return Ok(());
            };
            probing.found(range, bytes.len() as u64);
        }
        let read = ByteRange { offset: 0, length: live.size };
        self.take_end((&asked, id), read, probing.end());
        Ok(())
    }

    /// Returns what is known of the live file under a name.
    pub(in crate::tree) fn live_under(&self, parent: NodeId, name: &Name) -> Option<Before> {
        let nodes = self.nodes.lock();
        let node = nodes.directory(parent).ok()?.1.child(name)?.node;
        let live = nodes.get(node).ok()?.live()?;
        Some(Before { node, size: live.size })
    }

    /// Takes in that a file which was found has fewer bytes than were known of it `before` the
    /// source was asked.
    pub(in crate::tree) fn see_truncation(
        &self,
        asked: &Current,
        before: Option<Before>,
        found: &Found,
    ) {
        let size = found.details.as_ref().filter(|_| found.is_live()).and_then(|d| d.size);
        let (Some(before), Some(size)) = (before, size) else { return };
        let mut nodes = self.nodes.lock();
        let same = nodes.get(before.node).is_ok_and(|node| node.is(found.child));
        if same && size < before.size && asked.generation == self.generation() {
            nodes.truncate(before.node);
        }
    }
}
