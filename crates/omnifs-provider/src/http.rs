//! HTTP, made by the host within what the user allowed.
//!
//! A provider opens no socket. It describes a request; the host checks it against what the
//! user granted in `providers.toml`, puts secrets in, sends it, and hands the answer back:
//!
//! ```no_run
//! use omnifs_provider::{http, secrets};
//!
//! let key = secrets::get("MY_API_KEY");
//! let answer = http::get("https://api.example.com")
//!     .segment("items")
//!     .query(&[("state", "open")])
//!     .bearer(&key)
//!     .send()?
//!     .error_for_status()?;
//! println!("{} bytes", answer.bytes().len());
//! # Ok::<(), http::Error>(())
//! ```
//!
//! - [`get`], [`post`] and [`request()`] begin a [`RequestBuilder`], whose
//!   [`send`](RequestBuilder::send) returns the whole [`Response`]; [`send_all`] sends
//!   several at once.
//! - [`pages`] follows the `Link` headers of a list that comes in pages.
//! - [`download`](RequestBuilder::download) leaves a big body with the host, and
//!   [`open`](RequestBuilder::open) reads one as it arrives, by [`lines`](Incoming::lines) perhaps.
//!
//! [`fetch`], [`fetch_all`], [`download`] and [`open`] are the same without the convenience,
//! as the WIT package has them.
//!
//! Any status is an answer and no error until [`Response::error_for_status`] makes it one.
//! Redirects come back as answers unless
//! [`follow_redirects`](RequestBuilder::follow_redirects) says otherwise. The host decodes
//! bodies, pools connections, caches, retries and waits as the upstream asks: a provider does
//! none of it. Its limits end in an [`Error`]: 32 MiB a body, 8 MiB a request body, 16 KiB a
//! URL, 30 s an answer.
//!
//! Off wasm32 there is no host, and every request is [`HttpError::Denied`], unless
//! `testing` answers it from a recording. A [`Response`] can be written down by
//! hand there, so functions that read answers are tested natively.

// What follows links is half of the work of compiling this crate. Without the feature `json`,
// where hardly anybody calls it, its functions are inline: only who calls them compiles them.
// With `json` they are compiled once, and a provider's own rebuilds stay short.
mod bodies;
mod lines;
mod link;
mod paging;
mod query;
mod request;
mod response;
mod url;

#[cfg(target_arch = "wasm32")]
use crate::bindings::omnifs::provider::http as raw;

pub use self::lines::Lines;
pub use self::link::Link;
pub use self::paging::{pages, Pages};
pub use self::query::encode;
pub use self::request::{get, post, request, send_all, RequestBuilder};
pub use crate::bindings::omnifs::provider::http::{
    Blob, HeaderValue, HttpError, Incoming, Redirects, Request, Response, Secret, SecretUse,
};
pub use crate::error::Error;
#[cfg(all(feature = "json", not(target_arch = "wasm32")))]
pub(crate) use url::resolve;

/// Makes a request and returns the whole answer; [`RequestBuilder::send`] is shorter.
///
/// # Errors
/// [`HttpError`] says why there is no answer. A status is none of the reasons.
pub fn fetch(request: &Request<'_>) -> Result<Response, HttpError> {
    #[cfg(target_arch = "wasm32")]
    {
        raw::fetch(request)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::fetch(request)
    }
}

/// Makes several requests at once and returns as many answers, in the order of the requests;
/// [`send_all`] is shorter.
pub fn fetch_all(requests: &[Request<'_>]) -> Vec<Result<Response, HttpError>> {
    #[cfg(target_arch = "wasm32")]
    {
        raw::fetch_all(requests)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        requests.iter().map(crate::native::fetch).collect()
    }
}

/// Starts a request whose body stays with the host, and returns when the headers are in;
/// [`RequestBuilder::download`] is shorter.
///
/// # Errors
/// As [`fetch`].
pub fn download(request: &Request<'_>) -> Result<Blob, HttpError> {
    #[cfg(target_arch = "wasm32")]
    {
        raw::download(request)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = request;
        Err(crate::native::no_host())
    }
}

/// Starts a request whose body is read as it arrives, and returns when the headers are in;
/// [`RequestBuilder::open`] is shorter.
///
/// # Errors
/// As [`fetch`].
pub fn open(request: &Request<'_>) -> Result<Incoming, HttpError> {
    #[cfg(target_arch = "wasm32")]
    {
        raw::open(request)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = request;
        Err(crate::native::no_host())
    }
}
