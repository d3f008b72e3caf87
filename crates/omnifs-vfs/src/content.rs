//! The bytes of a file, as a source gives them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::VfsError;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// The bytes of a file, or of a part of it.
#[derive(Debug, Clone)]
pub enum Content {
    /// These.
    Bytes(Bytes),
    /// Those that the host has somewhere else, or is receiving.
    Blob(Arc<dyn Blob>),
}

impl Content {
    /// Returns whether it is known to be no bytes at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Blob(_) => false,
        }
    }

    /// Returns how many bytes of memory it takes.
    pub fn memory(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.memory(),
        }
    }

    /// Returns all of it.
    ///
    /// # Errors
    /// As its bytes did not come.
    pub async fn whole(self) -> Result<Bytes, VfsError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Blob(blob) => {
                let size = blob.size().await?;
                blob.read(ByteRange { offset: 0, length: size }).await
            }
        }
    }
}

impl<B: Into<Bytes>> From<B> for Content {
    fn from(bytes: B) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl PartialEq for Content {
    /// Compares bytes; blobs are equal when they are the same one.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(own), Self::Bytes(other)) => own == other,
            (Self::Blob(own), Self::Blob(other)) => Arc::ptr_eq(own, other),
            (Self::Bytes(_), Self::Blob(_)) | (Self::Blob(_), Self::Bytes(_)) => false,
        }
    }
}

impl Eq for Content {}

/// A body that is complete or arriving, and may lie outside of memory.
///
/// Its bytes never change, and are there for as long as it lives.
pub trait Blob: fmt::Debug + Send + Sync {
    /// Returns its size in bytes, as soon as that is known.
    fn size(&self) -> BoxFuture<'_, Result<u64, VfsError>>;

    /// Returns the bytes of a part, fewer only at its end; waits until they are there.
    fn read(&self, range: ByteRange) -> BoxFuture<'_, Result<Bytes, VfsError>>;

    /// Returns how many bytes of memory it takes.
    fn memory(&self) -> u64 {
        0
    }
}
