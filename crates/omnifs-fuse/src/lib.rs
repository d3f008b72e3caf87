//! The kernel adapter: a FUSE session that serves an [`omnifs_vfs::Tree`].
//!
//! This is the first hop of a request: the kernel's message is decoded, one operation of the
//! tree is called, and its result is written back. No decision about names, freshness or
//! providers is made here, and nothing here knows where the tree's content comes from.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # async fn serve(tree: Arc<omnifs_vfs::Tree>) -> Result<(), Box<dyn std::error::Error>> {
//! use omnifs_fuse::{MountOptions, Notices, Session, SessionOptions, mount};
//!
//! let connection = mount(&MountOptions {
//!     mountpoint: "/mnt/example".into(),
//!     name: "example".to_owned(),
//!     allow_other: false,
//! })?;
//! let options = SessionOptions {
//!     answer: Duration::from_secs(10),
//!     notices: Notices::Auto,
//!     live: false,
//!     observer: None,
//! };
//! let runtime = tokio::runtime::Handle::current();
//! let session = Session::serve(connection, tree, runtime, options)?;
//! session.ended().await;
//! # Ok(())
//! # }
//! ```

mod attributes;
mod channel;
mod dirent;
mod errno;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod mount;
pub mod mounts;
mod negotiate;
mod reply;
pub mod request;
mod session;
mod wire;
mod xattr;

pub use errno::errno_name;
pub use mount::{Connection, MountError, MountOptions, Unmounted, mount};
pub use session::{
    Answered, Notices, Observer, Session, SessionError, SessionOptions, SessionStatistics,
};
pub use wire::Opcode;
