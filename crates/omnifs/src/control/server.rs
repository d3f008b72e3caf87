//! The side of the daemon.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;

use super::activity::Activity;
use super::{Caches, CallFailure, Known, Place, Refreshed, Refusal, Reloaded, Status, metrics};
use crate::places::SocketPath;
use crate::walk::Walk;

/// What the socket tells and does.
pub(crate) trait Control: Send + Sync + 'static {
    /// Returns the current status, from memory.
    fn status(&self) -> Status;

    /// Returns what the providers did, from memory.
    fn activity(&self) -> Activity;

    /// Returns the calls that failed lately, the newest last, from memory.
    fn errors(&self) -> Vec<CallFailure>;

    /// Returns what is known of a place, from memory.
    fn explain(&self, place: &Place) -> Option<Known>;

    /// Believes nothing any more of a place and what is below it; returns whether anything was
    /// known.
    fn refresh(&self, place: &Place) -> bool;

    /// Returns what is kept of the providers' answers, from memory.
    fn caches(&self) -> Caches;

    /// Keeps nothing any more of a place and what is below it; returns whether there is such a
    /// provider.
    fn clear(&self, place: &Place) -> bool;

    /// Returns the tree that a place is in, while it is served.
    fn walk(&self, place: &Place) -> Result<Walk, Refusal>;

    /// Applies the configuration as it is now. The error is what is wrong with it, for the
    /// user; nothing changes then.
    fn reload(self: Arc<Self>) -> BoxFuture<'static, Result<(), String>>;
}

/// A listening control socket; the file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: Option<UnixListener>,
    path: SocketPath,
}

impl Socket {
    /// Listens on the socket in `runtime`, in the place of one that a dead daemon left. The
    /// caller holds the daemon's lock, so nobody listens there.
    ///
    /// # Errors
    /// As the file system has it.
    pub(crate) fn bind(runtime: &Path) -> anyhow::Result<Self> {
        let path = SocketPath::in_directory(runtime)
            .with_context(|| format!("cannot open {}", runtime.display()))?;
        match std::fs::remove_file(path.as_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context("cannot replace the old control socket");
            }
            Ok(()) | Err(_) => {}
        }
        let listener =
            UnixListener::bind(path.as_path()).context("cannot make the control socket")?;
        std::fs::set_permissions(path.as_path(), std::fs::Permissions::from_mode(0o600))
            .context("cannot protect the control socket")?;
        Ok(Self { listener: Some(listener), path })
    }

    /// Answers until the task is dropped; `stop` is told when a client asks for the end.
    pub(crate) async fn serve(mut self, control: Arc<dyn Control>, stop: Arc<Notify>) {
        let Some(listener) = self.listener.take() else { return };
        let routes = Router::new()
            .route(
                "/v1/status",
                get(async |State(control): State<Arc<dyn Control>>| Json(control.status())),
            )
            .route(
                "/v1/errors",
                get(async |State(control): State<Arc<dyn Control>>| Json(control.errors())),
            )
            .route(
                "/v1/explain",
                post(async |State(control): State<Arc<dyn Control>>, Json(place): Json<Place>| {
                    Json(control.explain(&place))
                }),
            )
            .route(
                "/v1/refresh",
                post(async |State(control): State<Arc<dyn Control>>, Json(place): Json<Place>| {
                    Json(Refreshed { known: control.refresh(&place) })
                }),
            )
            .route(
                "/v1/caches",
                get(async |State(control): State<Arc<dyn Control>>| Json(control.caches())),
            )
            .route(
                "/v1/clear",
                post(async |State(control): State<Arc<dyn Control>>, Json(place): Json<Place>| {
                    Json(Refreshed { known: control.clear(&place) })
                }),
            )
            .route("/metrics", get(exposition))
            .route(
                "/v1/activity",
                get(async |State(control): State<Arc<dyn Control>>| Json(control.activity())),
            )
            .route("/v1/stat", post(stat))
            .route("/v1/list", post(list))
            .route("/v1/read", post(read))
            .route(
                "/v1/reload",
                post(async |State(control): State<Arc<dyn Control>>| {
                    Json(Reloaded { mistake: control.reload().await.err() })
                }),
            )
            .route(
                "/v1/stop",
                post(async move || {
                    stop.notify_one();
                    Json(serde_json::json!({}))
                }),
            )
            .with_state(control);
        if let Err(error) = axum::serve(OwnUser { listener }, routes).await {
            tracing::error!(%error, "the control socket ended");
        }
    }
}

async fn exposition(State(control): State<Arc<dyn Control>>) -> Response {
    match metrics::text(&control.activity()) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}

async fn stat(State(control): State<Arc<dyn Control>>, Json(place): Json<Place>) -> Response {
    answer(async { Ok(Json(control.walk(&place)?.stat(&place.path).await?)) }.await)
}

async fn list(State(control): State<Arc<dyn Control>>, Json(place): Json<Place>) -> Response {
    answer(async { Ok(Json(control.walk(&place)?.list(&place.path).await?)) }.await)
}

async fn read(State(control): State<Arc<dyn Control>>, Json(place): Json<Place>) -> Response {
    answer(async { control.walk(&place)?.read(&place.path).await }.await)
}

fn answer(outcome: Result<impl IntoResponse, Refusal>) -> Response {
    match outcome {
        Ok(answer) => answer.into_response(),
        Err(refusal) => (StatusCode::UNPROCESSABLE_ENTITY, Json(refusal)).into_response(),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It is gone already when somebody cleaned the directory.
        let _gone = std::fs::remove_file(self.path.as_path());
    }
}

/// Accepts the daemon's own user only: modes do not bind root, nor whoever got the descriptor
/// of the directory.
#[derive(Debug)]
struct OwnUser {
    listener: UnixListener,
}

impl axum::serve::Listener for OwnUser {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(peer) if peer.uid() == rustix::process::geteuid().as_raw() => {
                        return (stream, ());
                    }
                    Ok(peer) => tracing::warn!(
                        uid = peer.uid(),
                        "refused another user on the control socket"
                    ),
                    Err(error) => {
                        tracing::warn!(%error, "cannot tell who is on the control socket");
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the control socket");
                    // Out of descriptors most likely: trying again at once would only spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
