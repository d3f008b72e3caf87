//! The side of the commands.

use std::io;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::activity::Activity;
use super::{Caches, CallFailure, Item, Known, Place, Refreshed, Refusal, Reloaded, Stat, Status};
use crate::places::{Places, SocketPath};

/// How long the daemon may take to answer: it answers from memory.
const ANSWER: Duration = Duration::from_secs(5);

/// How long applying a configuration may take: components are compiled and mounted.
const RELOAD: Duration = Duration::from_secs(120);

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Daemon<'a> {
    places: &'a Places,
}

impl<'a> Daemon<'a> {
    /// Returns the daemon that listens on this user's socket, or `None` when nobody does.
    ///
    /// # Errors
    /// When the socket is there but cannot be used.
    pub(crate) fn find(places: &'a Places) -> anyhow::Result<Option<Self>> {
        let connected = SocketPath::in_directory(&places.runtime)
            .and_then(|path| std::os::unix::net::UnixStream::connect(path.as_path()));
        match connected {
            Ok(_) => Ok(Some(Self { places })),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                _ => {
                    Err(error).with_context(|| format!("cannot use {}", places.socket().display()))
                }
            },
        }
    }

    /// Returns whether nobody listens any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(Self::find(self.places), Ok(None))
    }

    /// Returns the status as the daemon wrote it.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or not as it should.
    pub(crate) fn status_text(&self) -> anyhow::Result<String> {
        let body = self.ask(Method::GET, "/v1/status")?;
        String::from_utf8(body.to_vec()).context("the daemon's status is not UTF-8")
    }

    /// Returns the status.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn status(&self) -> anyhow::Result<Status> {
        serde_json::from_str(&self.status_text()?)
            .context("this version cannot read the daemon's status")
    }

    /// Returns the calls that failed lately, the newest last.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn errors(&self) -> anyhow::Result<Vec<CallFailure>> {
        let answer = self.ask(Method::GET, "/v1/errors")?;
        serde_json::from_slice(&answer).context("this version cannot read the daemon's errors")
    }

    /// Returns what the providers did. It is for who has a runtime.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) async fn activity(&self) -> anyhow::Result<Activity> {
        let path = "/v1/activity";
        match self.in_time(ANSWER, Method::GET, (path, Bytes::new())).await? {
            (StatusCode::OK, body) => parsed(&body),
            (status, _) => bail!("the daemon answered {status} to {path}"),
        }
    }

    /// Returns what the providers did, in the text format of Prometheus.
    ///
    /// # Errors
    /// When the daemon does not answer in time.
    pub(crate) fn metrics(&self) -> anyhow::Result<Bytes> {
        self.ask(Method::GET, "/metrics")
    }

    /// Returns what is known of a place.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn explain(&self, place: &Place) -> anyhow::Result<Option<Known>> {
        self.tell(place, "/v1/explain")
    }

    /// Makes the daemon believe nothing any more of a place.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn refresh(&self, place: &Place) -> anyhow::Result<Refreshed> {
        self.tell(place, "/v1/refresh")
    }

    /// Returns what is kept of the providers' answers.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn caches(&self) -> anyhow::Result<Caches> {
        let answer = self.ask(Method::GET, "/v1/caches")?;
        serde_json::from_slice(&answer).context("this version cannot read the daemon's caches")
    }

    /// Makes the daemon keep nothing any more of a place.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn clear(&self, place: &Place) -> anyhow::Result<Refreshed> {
        self.tell(place, "/v1/clear")
    }

    /// Returns what a place is, or why that cannot be said.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn stat(&self, place: &Place) -> anyhow::Result<Result<Stat, Refusal>> {
        self.read_place(place, "/v1/stat")?
            .map_or_else(|no| Ok(Err(no)), |yes| parsed(&yes).map(Ok))
    }

    /// Returns the names in a place, or why they cannot be read.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn list(&self, place: &Place) -> anyhow::Result<Result<Vec<Item>, Refusal>> {
        self.read_place(place, "/v1/list")?
            .map_or_else(|no| Ok(Err(no)), |yes| parsed(&yes).map(Ok))
    }

    /// Returns the bytes of a place, or why they cannot be read.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or in a form that this version does not know.
    pub(crate) fn read(&self, place: &Place) -> anyhow::Result<Result<Vec<u8>, Refusal>> {
        Ok(self.read_place(place, "/v1/read")?.map(|bytes| bytes.to_vec()))
    }

    fn read_place(&self, place: &Place, path: &str) -> anyhow::Result<Result<Bytes, Refusal>> {
        let body = serde_json::to_vec(place).context("cannot write JSON")?;
        let (status, answer) = self.ask_any(RELOAD, Method::POST, (path, body.into()))?;
        match status {
            StatusCode::OK => Ok(Ok(answer)),
            StatusCode::UNPROCESSABLE_ENTITY => Ok(Err(parsed(&answer)?)),
            status => bail!("the daemon answered {status} to {path}"),
        }
    }

    /// Asks the daemon to end; it does so after its answer.
    ///
    /// # Errors
    /// When the daemon does not answer in time.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.ask(Method::POST, "/v1/stop").map(drop)
    }

    /// Makes the daemon apply the configuration and waits until it has.
    ///
    /// # Errors
    /// When the daemon does not answer in time.
    pub(crate) fn reload(&self) -> anyhow::Result<Reloaded> {
        let answer = self.ask_for(RELOAD, Method::POST, ("/v1/reload", Bytes::new()))?;
        serde_json::from_slice(&answer).context("this version cannot read the daemon's answer")
    }

    fn ask(&self, method: Method, path: &str) -> anyhow::Result<Bytes> {
        self.ask_for(ANSWER, method, (path, Bytes::new()))
    }

    fn tell<T: DeserializeOwned>(&self, place: &Place, path: &str) -> anyhow::Result<T> {
        let body = serde_json::to_vec(place).context("cannot write JSON")?;
        parsed(&self.ask_for(ANSWER, Method::POST, (path, body.into()))?)
    }

    fn ask_for(
        &self,
        limit: Duration,
        method: Method,
        request: (&str, Bytes),
    ) -> anyhow::Result<Bytes> {
        let path = request.0.to_owned();
        match self.ask_any(limit, method, request)? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => bail!("the daemon answered {status} to {path}"),
        }
    }

    /// Returns the answer, whatever its status.
    fn ask_any(
        &self,
        limit: Duration,
        method: Method,
        request: (&str, Bytes),
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.in_time(limit, method, request))
    }

    async fn in_time(
        &self,
        limit: Duration,
        method: Method,
        request: (&str, Bytes),
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        match tokio::time::timeout(limit, self.exchange(method, request)).await {
            Ok(answer) => answer,
            Err(_) => bail!("the daemon did not answer within {} seconds", limit.as_secs()),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        (path, body): (&str, Bytes),
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let socket = SocketPath::in_directory(&self.places.runtime)?;
        let stream = UnixStream::connect(socket.as_path()).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        // The name means nothing on a socket, but HTTP/1.1 wants one.
        let request = Request::builder().method(method).uri(path).header(HOST, "omnifs");
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::new(body))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        driver.abort();
        Ok((status, body))
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(body).context("this version cannot read the daemon's answer")
}
