//! Requests as the capability takes them.

use omnifs_provider::http::{
    self, HeaderValue, HttpError, Redirects, Request, Response, SecretUse,
};
use omnifs_provider::log::{log, Level};
use omnifs_provider::secrets::{self, Secret};

use crate::path::{Ask, Value};

/// Makes a request of what a path asks for, and gives it to a function; an error when a
/// secret was not granted.
pub(crate) fn with<T>(
    ask: &Ask,
    send: impl FnOnce(&Request<'_>) -> Result<T, HttpError>,
) -> Result<T, String> {
    with_copies(ask, 1, |requests| match requests {
        [request] => send(request).map_err(|error| words(&error)),
        _ => Err("not one request".to_string()),
    })?
}

pub(crate) fn fetch(ask: &Ask) -> Result<Response, String> {
    with(ask, http::fetch)
}

/// Makes as many requests at once; returns a line for each.
pub(crate) fn all(ask: &Ask, count: u32) -> String {
    let answers = with_copies(ask, count, |requests| {
        let line = |answer: Result<Response, HttpError>| match answer {
            Ok(response) => format!("{}\n", response.status),
            Err(error) => format!("{}\n", words(&error)),
        };
        http::fetch_all(requests).into_iter().map(line).collect()
    });
    answers.unwrap_or_else(|problem| format!("{problem}\n"))
}

fn with_copies<T>(
    ask: &Ask,
    count: u32,
    send: impl FnOnce(&[Request<'_>]) -> T,
) -> Result<T, String> {
    let named = |value: &Value| match value {
        Value::Text(_) => Ok(None),
        Value::Bearer(name) | Value::Basic(_, name) | Value::Raw(name) | Value::Prefix(_, name) => {
            secrets::get(name).map(Some).ok_or_else(|| format!("no secret {name}"))
        }
    };
    let secrets: Result<Vec<_>, String> =
        ask.headers.iter().map(|(_, value)| named(value)).collect();
    let secrets = secrets?;
    let method = ask.method.as_deref().unwrap_or("GET");
    let requests: Vec<Request<'_>> = (0..count)
        .map(|number| Request {
            method: method.to_string(),
            url: ask.url.replace("{n}", &number.to_string()),
            headers: ask
                .headers
                .iter()
                .zip(&secrets)
                .map(|((name, value), secret)| (name.clone(), header(value, secret.as_ref())))
                .collect(),
            body: ask.body.clone(),
            redirects: if ask.follow { Redirects::Follow } else { Redirects::ReturnThem },
            timeout_ms: ask.timeout_ms,
        })
        .collect();
    log(Level::Debug, &format!("{method} {} x {count}", ask.url));
    Ok(send(&requests))
}

fn header<'a>(value: &Value, secret: Option<&'a Secret>) -> HeaderValue<'a> {
    let Some(secret) = secret else {
        let Value::Text(text) = value else { return HeaderValue::Text(String::new()) };
        return HeaderValue::Text(text.clone());
    };
    HeaderValue::Secret(match value {
        Value::Basic(user, _) => SecretUse::Basic((user.clone(), secret)),
        Value::Prefix(text, _) => SecretUse::Prefix((text.clone(), secret)),
        Value::Raw(_) => SecretUse::Raw(secret),
        Value::Bearer(_) | Value::Text(_) => SecretUse::Bearer(secret),
    })
}

/// Says a failure: the name of its case, then what else it has.
pub(crate) fn words(error: &HttpError) -> String {
    match error {
        HttpError::Denied(text) => format!("denied: {text}"),
        HttpError::Dns(text) => format!("dns: {text}"),
        HttpError::Connect(text) => format!("connect: {text}"),
        HttpError::Tls(text) => format!("tls: {text}"),
        HttpError::Timeout => "timeout".to_string(),
        HttpError::TooLarge => "too-large".to_string(),
        HttpError::RateLimited(None) => "rate-limited".to_string(),
        HttpError::RateLimited(Some(seconds)) => format!("rate-limited: {seconds}"),
        HttpError::Protocol(text) => format!("protocol: {text}"),
        HttpError::SecretEcho => "secret-echo".to_string(),
    }
}
