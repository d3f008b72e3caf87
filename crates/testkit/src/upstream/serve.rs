//! The requests of one connection.

use std::io;

use super::connection::Connection;
use super::misdeed::After;
use super::received::Received;
use super::routes;
use super::state::State;

/// The number of a connection and its two ends.
pub(super) struct Ends {
    pub(super) number: usize,
    pub(super) local: String,
    pub(super) peer: String,
}

/// Answers the requests of a connection, and returns how to end it.
pub(super) fn serve(
    mut connection: Connection,
    ends: &Ends,
    state: &State,
) -> io::Result<(Connection, After)> {
    while let Some(bytes) = connection.head()? {
        let mut request = Received {
            connection: ends.number,
            local: ends.local.clone(),
            peer: ends.peer.clone(),
            secure: connection.secure,
            server_name: connection.server_name.clone(),
            ..Received::parse(&bytes)?
        };
        request.body = body(&mut connection, &request)?;
        let close = request.header("connection").is_some_and(|value| value == "close");
        state.with(|inner| inner.requests.push(request.clone()));
        let waiting = state.waiting();
        let after = routes::answer(&mut connection, &request, state)?;
        drop(waiting);
        match after {
            After::Keep if !close => {}
            after => return Ok((connection, after)),
        }
    }
    Ok((connection, After::Close))
}

fn body(connection: &mut Connection, request: &Received) -> io::Result<Vec<u8>> {
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").unwrap_or("0");
        return connection.take(length.parse().map_err(io::Error::other)?);
    }
    let mut body = Vec::new();
    loop {
        let line = String::from_utf8_lossy(&connection.line()?).into_owned();
        let length = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
        body.append(&mut connection.take(length)?);
        connection.line()?;
        if length == 0 {
            return Ok(body);
        }
    }
}
