//! The SDK of omnifs: what a provider is written against.
//!
//! A provider is a `wasm32-wasip2` component that says what a service looks like as a tree
//! of files. It implements [`Guest`](exports::omnifs::provider::filesystem::Guest), three
//! read operations named as in the package `omnifs:provider@1.0.0`, and calls [`export!`]
//! once. The host does everything else: mounting, `stat`, `open`, caching, limits.
//!
//! ```
//! use omnifs_provider::exports::omnifs::provider::filesystem::{
//!     Guest, LookupResult, NodeKind,
//! };
//!
//! struct MyProvider;
//!
//! impl Guest for MyProvider {
//!     fn lookup_child(parent: u64, name: String) -> Option<LookupResult> {
//!         match (parent, name.as_str()) {
//!             (0, "hello.txt") => Some(LookupResult { inode: 1, kind: NodeKind::File }),
//!             _ => None,
//!         }
//!     }
//!
//!     fn list_children(inode: u64) -> Vec<String> {
//!         match inode {
//!             0 => vec!["hello.txt".to_string()],
//!             _ => vec![],
//!         }
//!     }
//!
//!     fn read_file(inode: u64) -> Option<Vec<u8>> {
//!         match inode {
//!             1 => Some(b"hello from omnifs\n".to_vec()),
//!             _ => None,
//!         }
//!     }
//! }
//!
//! omnifs_provider::export!(MyProvider with_types_in omnifs_provider);
//! # fn main() {}
//! ```
//!
//! # Rules of the tree
//!
//! - The root is inode 0. A child has 1 to 2^64 - 2, and the same object keeps its number
//!   across calls, restarts and renames upstream; [`stable_inode`] makes one from an
//!   identity that the upstream gives.
//! - What a component remembers between calls is a cache: the host may replace the instance
//!   at any time, and then walks the path again from the root.
//! - A failure upstream is `None` or an empty listing, never a panic: a panic costs the
//!   instance and the reader gets an I/O error. The host saw the failure and answers with its
//!   errno; what it cannot have seen (see [`http::Error::is_known_to_host`]) is said in a file.
//! - An upstream name that cannot be a file's goes through [`escape_name`].
//!
//! # Capabilities
//!
//! - [`http`]: requests, made by the host within what the user allowed.
//! - [`secrets`]: credentials as handles, whose bytes a provider never sees.
//! - [`config`]: what the user wrote in `[provider.config]`.
//! - [`log`]: messages that `omnifs logs` shows.
//! - [`cache_control`]: says what of the host's cache is outdated; with [`serve!`] and `watch` as
//!   soon as the upstream tells.
//! - [`needs!`] says which of them the provider asks for.
//!
//! # Place in the picture
//!
//! This crate is the guest's side of the contract in `/wit` and knows nothing of the host.
//! It builds on any target, so that a provider's own functions can be tested natively. Off
//! wasm32 there is no host: nothing is granted there, every request is denied, and the log
//! goes to standard error. `testing` (with the feature `json`) has recorded exchanges answer instead.
//!
//! # Features
//!
//! None is on by default, so that a first build stays short.
//!
//! - `json`: bodies and configuration as JSON (`Response::json`, `RequestBuilder::json`,
//!   `config::parse`), and the crate `serde_json` as `omnifs_provider::serde_json`.
//! - `derive`: `json`, and `#[derive(Deserialize, Serialize)]` of `omnifs_provider::serde`. A
//!   type of a provider that does not depend on `serde` by itself names ours:
//!
//!   ```
//!   use omnifs_provider::serde::Deserialize;
//!
//!   #[derive(Deserialize)]
//!   #[serde(crate = "omnifs_provider::serde")]
//!   struct Item {
//!       id: u64,
//!       title: String,
//!   }
//!   # let item: Item = omnifs_provider::serde_json::from_str(r#"{"id":1,"title":"a"}"#).unwrap();
//!   # assert_eq!((item.id, item.title.as_str()), (1, "a"));
//!   ```

// Written by a generator, so our own rules for hand-written code do not apply to it.
#[rustfmt::skip]
#[expect(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_imports,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::panic,
    clippy::too_many_lines,
    clippy::undocumented_unsafe_blocks,
    clippy::uninlined_format_args,
    clippy::unwrap_used,
    reason = "generated"
)]
mod bindings;
pub mod cache_control;
pub mod config;
mod error;
pub mod http;
mod identity;
pub mod log;
mod names;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod needs;
// Written by a generator, too.
#[doc(hidden)]
#[rustfmt::skip]
#[expect(
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::panic,
    clippy::too_many_lines,
    clippy::undocumented_unsafe_blocks,
    clippy::uninlined_format_args,
    clippy::unwrap_used,
    reason = "generated"
)]
pub mod projector;
pub mod router;
pub mod secrets;
mod section;
#[cfg(all(feature = "json", not(target_arch = "wasm32")))]
pub mod testing;
#[doc(hidden)]
pub mod watch;
// Written by a generator, too.
#[doc(hidden)]
#[rustfmt::skip]
#[cfg_attr(target_arch = "wasm32", expect(unreachable_pub, reason = "generated"))]
#[expect(
    unsafe_code,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]
pub mod watching;

pub use bindings::exports;
pub use error::Error;
pub use identity::stable_inode;
pub use names::{escape_name, unescape_name};
#[doc(hidden)]
pub use needs::{check_host, check_key, check_secret, NEEDS_MAX};
pub use projector::export_projector;
pub use projector::exports::omnifs::provider::projection;
pub use section::VERSION;
#[doc(hidden)]
pub use section::VERSION_SECTION;
#[cfg(feature = "json")]
pub use serde;
#[cfg(feature = "json")]
pub use serde_json;
pub use watching::export_watching;
pub use watching::exports::omnifs::provider::watcher;
