//! The components that tests load: bytes, and the place of a file with them.

#[path = "../guests/big/src/bytes.rs"]
mod bytes;

/// What the provider `tree` is to serve.
#[path = "../../../providers/tree/src/sample.rs"]
pub mod sample;

pub use bytes::pseudo_random;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
