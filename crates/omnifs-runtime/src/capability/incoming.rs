//! A body that a guest reads as it arrives.

use hyper::header::HeaderMap;

use crate::http::{Allowed, Body, HttpFailure, Started};

/// An answer that is never kept: events, logs.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Incoming {
    status: u16,
    headers: HeaderMap,
    body: Body,
}

impl Incoming {
    pub(crate) fn new(started: Started) -> Self {
        Self {
            status: started.status.as_u16(),
            headers: started.headers,
            // The call that reads has its own limit; between two lines of a log may be an hour.
            body: started.body.limited(Allowed::ENDLESS),
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the next bytes as they come, none at the end.
    pub(crate) async fn read(&mut self, max: u32) -> Result<Option<Vec<u8>>, HttpFailure> {
        let most = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(self.body.next(most).await?.map(|piece| piece.to_vec()))
    }
}
