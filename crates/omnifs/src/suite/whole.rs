//! Answers as a whole: all pages of a listing, all bytes of a file.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use omnifs_vfs::{Answer, Listed, Object, Source, VfsError};

/// Returns all names of a directory, page by page.
///
/// # Errors
/// As a page failed, and [`VfsError::Contract`] for a cursor that was there before.
pub(super) async fn list(
    source: &dyn Source,
    directory: &Arc<Object>,
) -> Result<Answer<Listed>, VfsError> {
    let mut all = source.list_children(directory, None).await?;
    let mut cursors = HashSet::new();
    while let Some(next) = all.value.next.take() {
        if !cursors.insert(next.clone()) || cursors.len() > Listed::PAGES_MAX {
            let shown: String = next.escape_default().take(60).collect();
            let what = format!("returned the cursor \"{shown}\", which was there before");
            return Err(VfsError::Contract(what));
        }
        let Answer { value, partial, made } = source.list_children(directory, Some(&next)).await?;
        all.value.names.extend(value.names);
        all.value.found.extend(value.found);
        (all.value.next, all.value.complete) = (value.next, value.complete);
        all.partial = all.partial.or(partial);
        all.made = made.or(all.made);
    }
    Ok(all)
}

/// Returns all bytes of a file.
///
/// # Errors
/// As the call failed, or the bytes did not come.
pub(super) async fn read(
    source: &dyn Source,
    file: &Arc<Object>,
) -> Result<Answer<Option<Bytes>>, VfsError> {
    let Answer { value, partial, made } = source.read_file(file, None).await?;
    let value = match value {
        Some(content) => Some(content.whole().await?),
        None => None,
    };
    Ok(Answer { value, partial, made })
}
