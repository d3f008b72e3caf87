//! A body that a guest reads as it arrives.

use hyper::header::HeaderMap;
use tokio::sync::watch;

use crate::http::{Allowed, Body, HttpFailure, Started};

/// An answer that is never kept: events, logs.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Incoming {
    status: u16,
    headers: HeaderMap,
    body: Body,
    /// Says when connections are made anew, for who reads for as long as there is one; with what it
    /// said at the beginning.
    renewed: Option<(watch::Receiver<u64>, u64)>,
}

impl Incoming {
    /// Returns the body of an answer. Where it is said when connections are made `anew` it ends then,
    /// and is not counted among the requests that are under way meanwhile.
    pub(crate) fn new(started: Started, anew: Option<watch::Receiver<u64>>) -> Self {
        let body = if anew.is_some() { started.body.without_turn() } else { started.body };
        let renewed = anew.map(|anew| {
            let now = *anew.borrow();
            (anew, now)
        });
        Self {
            status: started.status.as_u16(),
            headers: started.headers,
            // The call that reads has its own limit; between two lines of a log may be an hour.
            body: body.limited(Allowed::ENDLESS),
            renewed,
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
        let reading = self.body.next(most);
        let piece = match &mut self.renewed {
            None => reading.await?,
            Some((anew, before)) => {
                let renewed = anew.wait_for(|now| *now != *before);
                tokio::select! {
                    biased;
                    Ok(_) = renewed => {
                        let why = "the network has changed, or the machine was suspended";
                        return Err(HttpFailure::Reset(why.to_owned()));
                    }
                    piece = reading => piece?,
                }
            }
        };
        Ok(piece.map(|piece| piece.to_vec()))
    }
}
