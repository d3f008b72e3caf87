//! `omnifs:provider/http`: requests, made by the host within the gate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hyper::header::HeaderMap;
use wasmtime::component::Resource;

use super::{Blob, Incoming, Question};
use crate::bindings::capabilities::http::{
    HeaderValue, Host, HostBlob, HostIncoming, HttpError, Redirects as AskedRedirects, Request,
    Response, SecretUse,
};
use crate::http::{Allowed, Fetched, Form, HttpFailure, Redirects, Started, Value, Wanted, count};
use crate::store::State;

/// The most bytes of one `blob.read` or `incoming.read`.
const READ: u32 = 8 << 20;

impl Host for State {
    async fn fetch(&mut self, request: Request) -> wasmtime::Result<Result<Response, HttpError>> {
        let wanted = self.wanted(request)?;
        let (question, begun) = (question(&wanted), Instant::now());
        let outcome = self.capabilities().http.fetch(wanted).await;
        Ok(self.settle(&question, (outcome, begun.elapsed())))
    }

    async fn fetch_all(
        &mut self,
        requests: Vec<Request>,
    ) -> wasmtime::Result<Vec<Result<Response, HttpError>>> {
        let wanted: Vec<Wanted> =
            requests.into_iter().map(|request| self.wanted(request)).collect::<Result<_, _>>()?;
        let mut answers = Vec::with_capacity(wanted.len());
        let http = Arc::clone(&self.capabilities().http);
        let questions: Vec<Question> = wanted.iter().map(question).collect();
        let timed = async |wanted| {
            let begun = Instant::now();
            (http.fetch(wanted).await, begun.elapsed())
        };
        let at_once = count(http.limits().per_call);
        let mut wanted = wanted.into_iter();
        loop {
            let some: Vec<_> = wanted.by_ref().take(at_once).map(&timed).collect();
            if some.is_empty() {
                break;
            }
            answers.extend(join_all(some).await);
        }
        let settled = questions.into_iter().zip(answers);
        Ok(settled.map(|(question, outcome)| self.settle(&question, outcome)).collect())
    }

    async fn download(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Resource<Blob>, HttpError>> {
        let started = match self.started(request).await? {
            Ok(started) => started,
            Err(error) => return Ok(Err(error)),
        };
        let capabilities = self.capabilities();
        let allowed = Allowed::of_download(capabilities.http.limits());
        match Blob::receive(started, allowed, &capabilities.room) {
            Ok(blob) => Ok(Ok(self.handles().push(blob)?)),
            Err(failure) => Ok(Err(self.failed(&failure))),
        }
    }

    async fn open(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Resource<Incoming>, HttpError>> {
        match self.started(request).await? {
            Ok(started) => {
                let incoming = Incoming::new(started, self.renewals());
                Ok(Ok(self.handles().push(incoming)?))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

impl HostBlob for State {
    async fn status(&mut self, blob: Resource<Blob>) -> wasmtime::Result<u16> {
        Ok(self.handles().get(&blob)?.status())
    }

    async fn headers(&mut self, blob: Resource<Blob>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        Ok(listed(self.handles().get(&blob)?.headers()))
    }

    async fn size(&mut self, blob: Resource<Blob>) -> wasmtime::Result<Option<u64>> {
        Ok(self.handles().get(&blob)?.size())
    }

    async fn read(
        &mut self,
        blob: Resource<Blob>,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, HttpError>> {
        let reading = self.handles().get(&blob)?.read(offset, length.min(READ));
        let outcome = reading.await;
        Ok(outcome.map(Vec::from).map_err(|failure| self.failed(&failure)))
    }

    async fn drop(&mut self, blob: Resource<Blob>) -> wasmtime::Result<()> {
        self.handles().delete(blob)?;
        Ok(())
    }
}

impl HostIncoming for State {
    async fn status(&mut self, incoming: Resource<Incoming>) -> wasmtime::Result<u16> {
        Ok(self.handles().get(&incoming)?.status())
    }

    async fn headers(
        &mut self,
        incoming: Resource<Incoming>,
    ) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        Ok(listed(self.handles().get(&incoming)?.headers()))
    }

    async fn read(
        &mut self,
        incoming: Resource<Incoming>,
        max: u32,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, HttpError>> {
        let outcome = self.handles().get_mut(&incoming)?.read(max.min(READ)).await;
        Ok(outcome.map_err(|failure| self.failed(&failure)))
    }

    async fn drop(&mut self, incoming: Resource<Incoming>) -> wasmtime::Result<()> {
        self.handles().delete(incoming)?;
        Ok(())
    }
}

impl State {
    /// Starts a request whose body is not waited for.
    async fn started(&mut self, request: Request) -> wasmtime::Result<Result<Started, HttpError>> {
        let wanted = self.wanted(request)?;
        let (question, begun) = (question(&wanted), Instant::now());
        let outcome = self.capabilities().http.start(wanted).await;
        self.exchanges().started(&question, &outcome, begun.elapsed());
        Ok(match outcome {
            Ok(started) => {
                match started.failure(&question.method) {
                    Some(failure) => self.note(failure),
                    None => self.answered(),
                }
                Ok(started)
            }
            Err(failure) => Err(self.failed(&failure)),
        })
    }

    /// Takes note of a failure, and of an answer that is one, and gives the guest its part.
    fn settle(
        &mut self,
        question: &Question,
        (outcome, took): (Result<Fetched, HttpFailure>, Duration),
    ) -> Result<Response, HttpError> {
        self.exchanges().fetched(question, &outcome, took);
        match outcome {
            Ok(Fetched { answer, .. }) => {
                match answer.failure(&question.method) {
                    Some(failure) => self.note(failure),
                    None => self.answered(),
                }
                Ok(Response {
                    status: answer.status.as_u16(),
                    url: answer.url.to_string(),
                    headers: listed(&answer.headers),
                    body: answer.body.to_vec(),
                })
            }
            Err(failure) => Err(self.failed(&failure)),
        }
    }

    fn failed(&mut self, failure: &HttpFailure) -> HttpError {
        self.note(failure.to_vfs());
        if matches!(failure, HttpFailure::Denied(_) | HttpFailure::SecretEcho { .. }) {
            self.console().refusal(&failure.to_string());
        }
        error(failure)
    }

    /// Takes a request out of the guest's form; handles of secrets become the secrets.
    fn wanted(&mut self, request: Request) -> wasmtime::Result<Wanted> {
        let mut headers = Vec::with_capacity(request.headers.len());
        for (name, value) in request.headers {
            let value = match value {
                HeaderValue::Text(text) => Value::Text(text),
                HeaderValue::Secret(used) => {
                    let (secret, form) = match used {
                        SecretUse::Bearer(secret) => (secret, Form::After("Bearer ".to_owned())),
                        SecretUse::Basic((user, secret)) => (secret, Form::Basic(user)),
                        SecretUse::Raw(secret) => (secret, Form::After(String::new())),
                        SecretUse::Prefix((text, secret)) => (secret, Form::After(text)),
                    };
                    Value::Secret(self.handles().get(&secret)?.clone(), form)
                }
            };
            headers.push((name, value));
        }
        Ok(Wanted {
            anew: self.asks_anew(),
            method: request.method,
            url: request.url,
            headers,
            body: request.body,
            redirects: match request.redirects {
                AskedRedirects::ReturnThem => Redirects::Return,
                AskedRedirects::Follow => Redirects::Follow,
            },
            timeout: request.timeout_ms.map(|ms| Duration::from_millis(ms.into())),
        })
    }
}

fn question(wanted: &Wanted) -> Question {
    Question { method: wanted.method.clone(), url: wanted.url.clone() }
}

fn listed(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let listed = headers.iter();
    listed.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn error(failure: &HttpFailure) -> HttpError {
    let text = failure.to_string();
    match failure {
        HttpFailure::Denied(_) => HttpError::Denied(text),
        HttpFailure::Dns(_) => HttpError::Dns(text),
        HttpFailure::Unreachable(_) | HttpFailure::Refused(_) | HttpFailure::Reset(_) => {
            HttpError::Connect(text)
        }
        HttpFailure::Tls(_) => HttpError::Tls(text),
        HttpFailure::Protocol(_) | HttpFailure::Short(_) => HttpError::Protocol(text),
        HttpFailure::Timeout(_) => HttpError::Timeout,
        HttpFailure::TooLarge(_) => HttpError::TooLarge,
        HttpFailure::RateLimited { wait, .. } => HttpError::RateLimited(
            wait.map(|wait| u32::try_from(wait.as_secs().max(1)).unwrap_or(u32::MAX)),
        ),
        HttpFailure::SecretEcho { .. } => HttpError::SecretEcho,
    }
}
