//! The components that tests load: bytes, and the place of a file with them.

#[path = "../guests/big/src/bytes.rs"]
mod bytes;

/// What the provider `tree` is to serve.
#[path = "../../../providers/tree/src/sample.rs"]
pub mod sample;

pub use bytes::pseudo_random;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// Returns a URL, or another value, as one name in a path of [`FETCHER`]: percent-encoded, so
/// that it has no `/`.
///
/// # Panics
///
/// When that is over 255 bytes, which no name may be; use its option `pad-url` then.
#[must_use]
#[track_caller]
pub fn escape(text: &str) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b':' | b'.' | b'-' | b'_' => {
                name.push(char::from(byte));
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    // What has neither is no URL to the component, and may be a name that stands for another.
    if !name.contains([':', '%']) && !name.is_empty() {
        let first = name.remove(0);
        name.insert_str(0, &format!("%{:02X}", u32::from(first)));
    }
    assert!(name.len() <= 255, "too long for a name: {text}");
    name
}
