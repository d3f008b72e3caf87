//! Files that can be read in parts, and whose listing does not tell their size.

use std::sync::Arc;

use super::Tree;
use super::nodes::{Body, File};
use crate::{Layer, NodeId, VfsError};

impl Tree {
    /// Has such a file looked up, which may tell more than its listing: its size would be known once
    /// all of it is read, however much that is. Returns whether its attributes are known now, and tells
    /// `reach` where they were looked for.
    ///
    /// # Errors
    /// As the lookup failed, unless there are bytes that outlive that.
    pub(super) async fn learn_size(
        self: &Arc<Self>,
        id: NodeId,
        mut reach: impl FnMut(Layer),
    ) -> Result<bool, VfsError> {
        let (parent, object) = {
            let nodes = self.nodes.lock();
            let node = nodes.get(id)?;
            if !node.lacks_size() {
                return Ok(false);
            }
            (node.parent(), Arc::clone(&node.object))
        };
        let Some((above, name)) = object.place() else { return Ok(false) };
        if self.recall_bytes(id).await.is_some() {
            reach(Layer::Disk);
            return Ok(true);
        }
        reach(Layer::Joined);
        let (tree, above, asked) = (Arc::clone(self), Arc::clone(above), name.clone());
        let call = || {
            reach(Layer::Source);
            async move { tree.resolve(parent, &above, &asked).await }
        };
        match self.name_calls.run(self.since_name(parent, name), call).await {
            Ok(_) => Ok(!matches!(self.nodes.lock().get(id)?.body, Body::File(File::Unread))),
            Err(error) => match self.bytes_despite(&error, id).await {
                Some(_) => Ok(true),
                None => Err(error),
            },
        }
    }
}
