//! The components that tests load: bytes, and the place of a file with them.

#[path = "../guests/big/src/bytes.rs"]
mod bytes;

pub use bytes::pseudo_random;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
