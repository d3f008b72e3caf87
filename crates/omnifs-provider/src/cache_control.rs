//! What the host keeps of this provider's answers, and what of it is outdated.

use crate::projector::omnifs::provider::cache_control as raw;

/// Says that the node with this identity is not any more as it was told; the root's is the empty
/// text.
///
/// The host believes nothing any more of what it knows of it: what its name stands for, size,
/// version and bytes of a file, and which names a directory has. Who asks next is given what the
/// provider says then. It says nothing of other nodes: when a name appears or goes, that is a
/// change of its directory. Open files keep their bytes.
///
/// Of a [`Router`](crate::router::Router) the identities are those of
/// [`node_id`](crate::router::Router::node_id).
///
/// Any call may say so, and whoever follows an upstream does in
/// [`serve!(app, watch = events)`](crate::serve!). Off wasm32 there is no host, and it does nothing.
pub fn invalidate(id: impl AsRef<str>) {
    if cfg!(target_arch = "wasm32") {
        raw::invalidate(id.as_ref());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn without_a_host_nothing_is_kept() {
        super::invalidate("object 7");
        super::invalidate(String::new());
    }
}
