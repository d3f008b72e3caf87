//! HTTP for providers: every request passes the gate, and what comes back is held to limits.
//!
//! One client serves one provider: its connections, its cache and its manners are its own.
//! Nothing of the environment has a part in it: no proxies, no cookies, no netrc.

mod address;
pub(crate) mod allow;
mod answers;
mod body;
mod cache;
mod clients;
mod dial;
mod echo;
mod failure;
mod gate;
mod limits;
mod pace;
mod path_rules;
mod recording;
mod request;
mod secret;
mod verdict;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, WeakShared};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Response, StatusCode};
use omnifs_vfs::{AnsweredBy, Clock};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

pub use allow::{AllowEntry, AllowedMethod, HostPattern, Origin, Scheme, Target, domain};
pub use answers::HttpStatistics;
pub(crate) use body::{Allowed, Body, declared_size};
pub use clients::{Tls, TlsError};
pub(crate) use failure::HttpFailure;
pub use gate::{Approved, Denied, Gate, Reach, Route};
pub use limits::HttpLimits;
pub(crate) use limits::count;
pub use pace::HostStatistics;
pub use path_rules::PathPattern;
pub use recording::{
    Fault, MadeBy, Recorded, Recorder, Recording, Replay, Unrecordable, Upstreams,
};
pub(crate) use request::{Form, Redirects, Value, Wanted};
pub use secret::{Secret, SecretError};

use answers::Answers;
use cache::{Cache, Found};
use clients::Clients;
use echo::Scanner;
use gate::shown_origin;
use pace::{Pacer, Turn};
use request::Field;

use crate::limits::Bytes as Size;

/// How many redirects are followed.
const HOPS: usize = 5;

/// What the client of a provider is made of.
pub(crate) struct HttpOptions {
    pub(crate) provider: Arc<str>,
    pub(crate) gate: Gate,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) tls: Tls,
    pub(crate) upstreams: Upstreams,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: HttpLimits,
}

/// A complete answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Who answered, after redirects.
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A complete answer, and who gave it.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) answer: Arc<Answer>,
    pub(crate) by: AnsweredBy,
}

/// An answer whose headers are in.
pub(crate) struct Started {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// For how long the upstream asks to be left alone, when that is why it refuses.
    refused_for: Option<Duration>,
}

/// A request that passed the gate.
#[derive(Clone)]
struct Prepared {
    to: Approved,
    fields: Vec<Field>,
    body: Bytes,
    redirects: Redirects,
    /// How long it may take.
    limit: Duration,
    /// Whether it is for what the upstream has now.
    anew: bool,
}

impl Prepared {
    /// Returns whether it may be sent twice (RFC 9110, 9.2.2), as far as it is done here.
    fn is_repeatable(&self) -> bool {
        matches!(self.to.method, Method::GET | Method::HEAD)
    }
}

/// The body of an answer, from an upstream or from a recording.
type Arriving = Either<Incoming, Full<Bytes>>;

type Flight = BoxFuture<'static, Result<Fetched, HttpFailure>>;

/// The HTTP of one provider.
pub(crate) struct Http {
    gate: Arc<Gate>,
    secrets: Vec<Secret>,
    clients: Clients,
    upstreams: Upstreams,
    pacer: Pacer,
    cache: Cache,
    limits: HttpLimits,
    answers: Answers,
    agent: String,
    /// Equal requests that are under way. Guards the table only.
    flights: Mutex<HashMap<cache::Key, WeakShared<Flight>>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(options: HttpOptions) -> Arc<Self> {
        let gate = Arc::new(options.gate);
        Arc::new(Self {
            clients: Clients::new(
                Arc::clone(&gate),
                (options.tls, options.limits),
                Arc::clone(&options.clock),
            ),
            gate,
            upstreams: options.upstreams,
            secrets: options.secrets,
            pacer: Pacer::new(Arc::clone(&options.clock), options.limits),
            cache: Cache::new(options.clock),
            limits: options.limits,
            answers: Answers::default(),
            agent: format!("omnifs/{} ({})", env!("CARGO_PKG_VERSION"), options.provider),
            flights: Mutex::default(),
        })
    }

    /// Returns the secret that the user granted under a name.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.secrets.iter().find(|secret| secret.name() == name).cloned()
    }

    /// Returns what a request may be.
    pub(crate) fn limits(&self) -> &HttpLimits {
        &self.limits
    }

    /// Uses no connection any more that was made before now.
    pub(crate) fn renew_connections(&self) {
        self.clients.renew();
    }

    /// Does so if the machine was suspended since the last look, or the last request.
    pub(crate) fn renew_after_suspension(&self) {
        self.clients.renew_after_suspension();
    }

    /// Returns what says when connections are made anew.
    pub(crate) fn renewals(&self) -> watch::Receiver<u64> {
        self.clients.renewals()
    }

    /// Takes no answer for fresh any more that was asked for before now, and lets nobody join a
    /// request that is under way: the provider has said that something is outdated, or the user.
    pub(crate) fn outdate(&self) {
        self.cache.outdate();
        self.flights.lock().clear();
    }

    /// Returns how many bytes of answers are kept.
    pub(crate) fn kept(&self) -> u64 {
        self.cache.weight()
    }

    /// Returns where answers were found, and what is under way.
    pub(crate) fn answers(&self) -> HttpStatistics {
        HttpStatistics { in_flight: self.pacer.in_flight(), ..self.answers.counts() }
    }

    /// Returns what was asked of each host.
    pub(crate) fn statistics(&self) -> Vec<HostStatistics> {
        self.pacer.statistics()
    }

    /// Makes a request and returns the whole answer, from the cache where HTTP allows it.
    ///
    /// # Errors
    /// [`HttpFailure`]; an answer of any status is none.
    pub(crate) async fn fetch(self: &Arc<Self>, wanted: Wanted) -> Result<Fetched, HttpFailure> {
        let prepared = self.prepare(wanted)?;
        let limit = prepared.limit;
        let deadline = Instant::now() + limit;
        let url = prepared.to.url.clone();
        let whole = async {
            if prepared.to.method == Method::GET && prepared.body.is_empty() {
                if prepared.anew {
                    self.cached(&cache::Key::of_answer(&prepared), &prepared).await
                } else {
                    self.share(prepared).await
                }
            } else {
                let answer = self.whole(&prepared, &HeaderMap::new(), deadline).await?;
                Ok(Fetched { answer: Arc::new(answer), by: AnsweredBy::Upstream })
            }
        };
        let fetched = timeout_at(deadline, whole).await.unwrap_or_else(|_elapsed| {
            let (origin, own) = (shown_origin(&url), limit < self.limits.total);
            Err(HttpFailure::Timeout(format!(
                "{origin} did not answer in full within {} s ({})",
                limit.as_secs_f64(),
                if own { "the request's own limit" } else { "limits.http_total" }
            )))
        });
        fetched.inspect(|fetched| self.answers.count(fetched.by))
    }

    /// Makes a request and returns when the headers are in.
    ///
    /// # Errors
    /// As [`Http::fetch`].
    pub(crate) async fn start(&self, wanted: Wanted) -> Result<Started, HttpFailure> {
        let prepared = self.prepare(wanted)?;
        let deadline = Instant::now() + prepared.limit;
        let unconditional = HeaderMap::new();
        let attempt = || self.attempt(&prepared, &unconditional, deadline);
        let outcome = attempt().await;
        let outcome = if again(&prepared, &outcome, deadline) { attempt().await } else { outcome };
        outcome.inspect(|_| self.answers.count(AnsweredBy::Upstream))
    }

    fn prepare(&self, wanted: Wanted) -> Result<Prepared, HttpFailure> {
        let to = self.gate.check(&wanted.method, &wanted.url)?;
        let fields = request::fields(&wanted.headers, &to, self.limits.headers)?;
        let body = request::body(wanted.body, self.limits.request)?;
        let (redirects, total) = (wanted.redirects, self.limits.total);
        let limit = wanted.timeout.map_or(total, |timeout| timeout.min(total));
        Ok(Prepared { to, fields, body, redirects, limit, anew: wanted.anew })
    }

    /// Joins the equal request that is under way, or makes it.
    async fn share(self: &Arc<Self>, prepared: Prepared) -> Result<Fetched, HttpFailure> {
        let key = cache::Key::of(&prepared);
        let (flight, joined) = {
            let mut flights = self.flights.lock();
            flights.retain(|_, flight| flight.upgrade().is_some_and(|f| f.peek().is_none()));
            match flights.get(&key).and_then(WeakShared::upgrade) {
                Some(flight) => (flight, true),
                None => {
                    let (http, own) = (Arc::clone(self), cache::Key::of_answer(&prepared));
                    let flight: Flight = async move { http.cached(&own, &prepared).await }.boxed();
                    let flight = flight.shared();
                    if let Some(weak) = flight.downgrade() {
                        flights.insert(key, weak);
                    }
                    (flight, false)
                }
            }
        };
        let fetched = flight.await?;
        let by = if joined { AnsweredBy::Another } else { fetched.by };
        Ok(Fetched { by, ..fetched })
    }

    /// Answers from the cache, or asks: with conditions when there is an answer to confirm.
    async fn cached(&self, key: &cache::Key, prepared: &Prepared) -> Result<Fetched, HttpFailure> {
        let deadline = Instant::now() + prepared.limit;
        let request = cache::request(prepared)?;
        let asked = self.cache.age();
        let conditions = match self.cache.find(key, &request) {
            Found::Fresh(answer) => return Ok(Fetched { answer, by: AnsweredBy::Cache }),
            Found::Stale(conditions) => conditions,
            Found::Nothing => HeaderMap::new(),
        };
        let answer = self.whole(prepared, &conditions, deadline).await?;
        let status = answer.status;
        let answer = self.cache.settle((key, asked), &request, answer);
        let confirmed = answer.status != status;
        let by = if confirmed { AnsweredBy::Confirmation } else { AnsweredBy::Upstream };
        Ok(Fetched { answer, by })
    }

    /// Asks until an answer is in whole; twice at most.
    async fn whole(
        &self,
        prepared: &Prepared,
        conditions: &HeaderMap,
        deadline: Instant,
    ) -> Result<Answer, HttpFailure> {
        let mut first = true;
        loop {
            let outcome = self.attempt(prepared, conditions, deadline).await;
            let retry = std::mem::take(&mut first);
            if retry && again(prepared, &outcome, deadline) {
                jitter().await;
                continue;
            }
            let Started { status, url, headers, body, .. } = outcome?;
            match body.limited(Allowed::of_fetch(&self.limits)).collect().await {
                Ok(body) => return Ok(Answer { status, url, headers, body }),
                Err(failure) if retry && prepared.is_repeatable() && failure.is_passing() => {
                    jitter().await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sends a request, and what its answers redirect to.
    async fn attempt(
        &self,
        prepared: &Prepared,
        conditions: &HeaderMap,
        deadline: Instant,
    ) -> Result<Started, HttpFailure> {
        let mut hop = prepared.clone();
        let mut conditions = conditions.clone();
        for _ in 0..=HOPS {
            let started = self.send(&hop, &conditions, deadline).await?;
            let location = redirection(&hop, &started);
            let Some(location) = location else { return Ok(started) };
            hop = self.redirected(hop, started.status, &location)?;
            conditions.clear();
        }
        let origin = shown_origin(&prepared.to.url);
        Err(HttpFailure::Protocol(format!("{origin} redirects more than {HOPS} times")))
    }

    /// Returns the request that an answer redirects to; it passes the same gate.
    fn redirected(
        &self,
        mut hop: Prepared,
        status: StatusCode,
        location: &str,
    ) -> Result<Prepared, HttpFailure> {
        // RFC 9110, 15.4: 303 asks for a GET; of 301 and 302 every client makes one of a POST.
        let becomes_get = match status {
            StatusCode::SEE_OTHER => hop.to.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => hop.to.method == Method::POST,
            _ => false,
        };
        let method = if becomes_get { Method::GET } else { hop.to.method.clone() };
        let to = self.gate.check_hop(method, &hop.to.url, location)?;
        if becomes_get {
            hop.body = Bytes::new();
            hop.fields.retain(|field| !field.name.as_str().starts_with("content-"));
        }
        if to.url.origin() != hop.to.url.origin() {
            request::drop_credentials(&mut hop.fields);
        }
        hop.to = to;
        Ok(hop)
    }

    /// Sends one request when it is its turn.
    async fn send(
        &self,
        hop: &Prepared,
        conditions: &HeaderMap,
        deadline: Instant,
    ) -> Result<Started, HttpFailure> {
        let origin = shown_origin(&hop.to.url);
        let turn = self.pacer.turn(&origin, deadline).await?;
        let mut headers = request::sent(&hop.fields, &self.agent);
        headers.extend(conditions.clone());
        let outcome = self.exchange((hop, &origin), headers, turn).await;
        let failed = match &outcome {
            Ok(started) => verdict::is_failure(started.status),
            // A refusal was never sent.
            Err(HttpFailure::Denied(_)) => return outcome,
            Err(_) => true,
        };
        self.pacer.count(&origin, failed);
        outcome
    }

    async fn exchange(
        &self,
        (hop, origin): (&Prepared, &str),
        headers: HeaderMap,
        turn: Turn,
    ) -> Result<Started, HttpFailure> {
        let response = self.reach(hop, headers).await?;
        let (parts, incoming) = response.into_parts();
        let mut headers = parts.headers;
        let mut size = 0_u64;
        let mut scanner = Scanner::new(&self.secrets);
        for (name, value) in &headers {
            size += (name.as_str().len() + value.len()) as u64;
            if let Some(name) = scanner.look(value.as_bytes()) {
                let (origin, name) = (origin.to_owned(), name.to_owned());
                return Err(HttpFailure::SecretEcho { origin, name });
            }
        }
        if size > self.limits.headers {
            let limit = Size(self.limits.headers);
            return Err(HttpFailure::TooLarge(format!(
                "the headers of {origin} are over the limit of {limit} (limits.http_headers)"
            )));
        }
        let refused_for = self.pacer.heed(origin, parts.status, &headers);
        let body = Body::new(incoming, &mut headers, origin, Scanner::new(&self.secrets))?;
        let mut body = body.holding(turn);
        if let Upstreams::Watched(recorder) = &self.upstreams {
            body = body.taped(recorder.answered(hop, (parts.status, &headers)));
        }
        Ok(Started { status: parts.status, url: hop.to.url.clone(), headers, body, refused_for })
    }

    /// Has an upstream answer, or what stands for it.
    async fn reach(
        &self,
        hop: &Prepared,
        headers: HeaderMap,
    ) -> Result<Response<Arriving>, HttpFailure> {
        let limit = self.limits.first_byte;
        match &self.upstreams {
            Upstreams::Network => {
                let answer = self.clients.send(&hop.to, headers, hop.body.clone()).await?;
                Ok(answer.map(Arriving::Left))
            }
            Upstreams::Watched(recorder) => {
                let answer = self.clients.send(&hop.to, headers, hop.body.clone()).await;
                answer.map(|answer| answer.map(Arriving::Left)).inspect_err(|failure| {
                    recorder.failed(hop, failure);
                })
            }
            Upstreams::Recorded(replay) => {
                let answer = replay.answer(&hop.to, &headers, &hop.body);
                let late = |_| Err(clients::no_first_byte(&shown_origin(&hop.to.url), limit));
                let answer = timeout(limit, answer).await.unwrap_or_else(late)?;
                Ok(answer.map(Arriving::Right))
            }
        }
    }
}

/// Returns whether a first attempt that came to this is made again.
fn again(prepared: &Prepared, outcome: &Result<Started, HttpFailure>, deadline: Instant) -> bool {
    if !prepared.is_repeatable() {
        return false;
    }
    match outcome {
        Err(failure) => failure.is_passing(),
        Ok(started) => match started.refused_for {
            // The next attempt waits as long as it was asked to.
            Some(wait) => Instant::now() + wait < deadline,
            None => matches!(
                started.status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
        },
    }
}

/// A moment that differs from caller to caller, so that not all come again together.
async fn jitter() {
    // Every state of the standard library's hasher is random.
    let salt = RandomState::new().build_hasher().finish();
    tokio::time::sleep(Duration::from_millis(50 + salt % 100)).await;
}

/// Returns where an answer sends a request that asks to follow.
fn redirection(hop: &Prepared, started: &Started) -> Option<String> {
    let follows = hop.redirects == Redirects::Follow
        && matches!(started.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = started.headers.get(header::LOCATION).filter(|_| follows)?;
    // What is not text is not a place that the gate would let through.
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

impl Started {
    /// Says why an answer is a failure, if it is one.
    pub(crate) fn failure(&self, method: &str) -> Option<omnifs_vfs::VfsError> {
        verdict::failure(method, &self.url, self.status, &self.headers)
    }
}

impl Answer {
    /// Says why an answer is a failure, if it is one.
    pub(crate) fn failure(&self, method: &str) -> Option<omnifs_vfs::VfsError> {
        verdict::failure(method, &self.url, self.status, &self.headers)
    }
}
