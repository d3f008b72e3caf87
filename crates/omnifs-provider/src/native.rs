//! What stands in for the host where there is none: in tests of a provider that is built natively.

use std::cell::RefCell;
use std::rc::Rc;

use crate::bindings::omnifs::provider::secrets::Secret;
use crate::http::{HttpError, Request, Response};

/// The host's part of a call.
pub(crate) trait Host {
    /// Answers a request.
    fn fetch(&self, request: &Request<'_>) -> Result<Response, HttpError>;

    /// Returns `[provider.config]` as JSON.
    fn config(&self) -> String;
}

thread_local! {
    static HOST: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Runs a call of a provider with this host; also after a panic there is none afterwards.
#[cfg(feature = "json")]
pub(crate) fn with_host<T>(host: Rc<dyn Host>, run: impl FnOnce() -> T) -> T {
    struct Leave;

    impl Drop for Leave {
        fn drop(&mut self) {
            HOST.set(None);
        }
    }

    let _leave = Leave;
    HOST.set(Some(host));
    run()
}

fn host() -> Option<Rc<dyn Host>> {
    HOST.with_borrow(Clone::clone)
}

/// Answers a request, if there is a host.
pub(crate) fn fetch(request: &Request<'_>) -> Result<Response, HttpError> {
    host().map_or_else(|| Err(no_host()), |host| host.fetch(request))
}

/// Returns the configuration, which without a host is empty.
pub(crate) fn config() -> String {
    host().map_or_else(|| "{}".to_string(), |host| host.config())
}

/// Returns a secret of any name, if there is a host.
pub(crate) fn secret() -> Option<Secret> {
    host().map(|_| {
        // SAFETY: a handle is a number, and this one is given back at once: what is left has none,
        // and asks for nothing when it is dropped.
        #[expect(unsafe_code, reason = "only the generated code makes handles")]
        let secret = unsafe { Secret::from_handle(1) };
        let _number = secret.take_handle();
        secret
    })
}

/// Says that a request cannot be made.
pub(crate) fn no_host() -> HttpError {
    HttpError::Denied("there is no host here that makes requests: this is no component".to_string())
}
