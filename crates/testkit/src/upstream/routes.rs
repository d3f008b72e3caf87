//! Which target gets which answer; the table is in the documentation of the upstream.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::answer::{Answer, chunk};
use super::coding::Coding;
use super::connection::Connection;
use super::echo;
use super::misdeed::{After, Misdeed};
use super::received::Received;
use super::state::State;
use super::target::Target;

/// Targets that lead to others do so as often at most.
const DEPTH_MAX: usize = 4;

enum Route {
    Proper(Answer),
    /// A status 103 first.
    Early(Answer),
    /// These bytes, then the end of the connection.
    Old(Vec<u8>),
    Bad(Misdeed),
    /// Lines as they are told.
    Events,
    /// What another target gets, after a while.
    Other(String, Duration),
}

/// Answers a request.
pub(super) fn answer(
    connection: &mut Connection,
    request: &Received,
    state: &State,
) -> io::Result<After> {
    let mut target = request.target.clone();
    for _ in 0..DEPTH_MAX {
        let parsed = Target::parse(&target);
        match find(&parsed, request, state) {
            Route::Proper(answer) => {
                return answer.asked_for(&parsed).send(connection, &request.method);
            }
            Route::Early(answer) => {
                connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")?;
                return answer.asked_for(&parsed).send(connection, &request.method);
            }
            Route::Old(bytes) => {
                connection.send(&bytes)?;
                return Ok(After::Close);
            }
            Route::Bad(misdeed) => return misdeed.commit(connection),
            Route::Events => return events(connection, state),
            Route::Other(other, delay) => {
                connection.pause(delay)?;
                target = other;
            }
        }
    }
    Err(io::Error::other("targets that lead to each other"))
}

/// How often it is looked whether a line was told.
const MOMENT: Duration = Duration::from_millis(5);

fn events(connection: &mut Connection, state: &State) -> io::Result<After> {
    let (_listening, mut sent) = state.listening();
    connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    loop {
        let lines = state.with(|inner| inner.events.get(sent..).unwrap_or_default().to_vec());
        sent += lines.len();
        if !lines.is_empty() {
            connection.send(&chunk(lines.concat().as_bytes()))?;
        }
        // An error once the other side has gone.
        connection.pause(MOMENT)?;
    }
}

fn find(target: &Target, request: &Received, state: &State) -> Route {
    let path: Vec<&str> = target.path.iter().map(String::as_str).collect();
    let set = state.with(|inner| {
        let whole = inner.answers.get(&request.target);
        whole.or_else(|| inner.answers.get(&format!("/{}", path.join("/")))).cloned()
    });
    if let Some(answer) = set {
        return Route::Proper(answer);
    }
    let number = |text: &&str| text.parse::<u64>().ok();
    let after = |text: &&str| Duration::from_millis(number(text).unwrap_or(0));
    match path.as_slice() {
        ["slow", time, rest @ ..] if !rest.is_empty() => {
            Route::Other(format!("/{}", rest.join("/")), after(time))
        }
        ["slow", time] => Route::Other("/json".to_owned(), after(time)),
        ["switch"] => Route::Other(state.with(|inner| inner.switch.clone()), Duration::ZERO),
        ["early"] => Route::Early(items()),
        ["http10"] => Route::Old([b"HTTP/1.0 200 OK\r\n\r\n", ITEMS.as_bytes()].concat()),
        ["never"] => Route::Bad(Misdeed::Never),
        ["events"] => Route::Events,
        ["drip", rest @ ..] => {
            let pause = rest.first().map_or(Duration::from_secs(1), after);
            Route::Bad(Misdeed::Drip(pause))
        }
        ["stall"] => Route::Bad(Misdeed::Stall),
        ["endless"] => Route::Bad(Misdeed::Endless),
        ["endless", "chunked"] => Route::Bad(Misdeed::EndlessChunks),
        ["short"] => Route::Bad(Misdeed::Short),
        ["short", "chunked"] => Route::Bad(Misdeed::ShortChunks),
        ["long"] => Route::Bad(Misdeed::Long),
        ["reset"] => Route::Bad(Misdeed::Reset),
        ["close"] => Route::Bad(Misdeed::Close),
        ["garbage"] => Route::Bad(Misdeed::Garbage),
        path => Route::Proper(proper(path, target, request, state)),
    }
}

const ITEMS: &str =
    r#"[{"id":1,"title":"first"},{"id":2,"title":"second"},{"id":3,"title":"third"}]"#;

fn items() -> Answer {
    Answer::json(ITEMS)
}

fn proper(path: &[&str], target: &Target, request: &Received, state: &State) -> Answer {
    let number = |text: &str| text.parse::<usize>().unwrap_or(0);
    match path {
        ["json" | "items"] => items(),
        ["pages"] => page(target, request),
        ["status", status] => {
            Answer::new(status.parse().unwrap_or(500), format!("status {status}\n"))
        }
        ["count"] => {
            let same = |inner: &Received| inner.target == request.target;
            let count = state.with(|inner| inner.requests.iter().filter(|r| same(r)).count());
            Answer::new(200, format!("{count}\n"))
        }
        ["logs"] => state.with(|inner| inner.logs.list()),
        ["logs", id] => state.with(|inner| inner.logs.part(number(id), request.header("range"))),
        ["etag"] => versioned(request, state, true),
        ["modified"] => versioned(request, state, false),
        ["echo"] => echo::whole(request),
        ["echo", form, header] => Answer::new(200, echo::credential(request, form, header)),
        ["echo-header", form, header] => {
            items().header("X-Echo", &echo::credential(request, form, header))
        }
        ["redirect"] => {
            let status = target.number("status").and_then(|status| u16::try_from(status).ok());
            moved(status.unwrap_or(302), target.get("to").unwrap_or_default())
        }
        ["hops", "0"] => items(),
        ["hops", left] => moved(302, &format!("/hops/{}", number(left).saturating_sub(1))),
        ["loop"] => moved(302, "/loop"),
        ["big", length] => {
            let cycle: Vec<u8> = (0..=250).collect();
            let mut body = cycle.repeat(number(length) / cycle.len() + 1);
            body.truncate(number(length));
            Answer::new(200, body)
        }
        ["headers", kib] => (0..number(kib)).fold(items(), |answer, at| {
            let name = format!("X-Fill-{at:06}");
            // Name, colon, space, value and line end are a KiB.
            answer.header(&name, &"x".repeat(1024 - name.len() - 4))
        }),
        ["bomb"] => bomb(Coding::Gzip, 1024),
        ["bomb", coding] => bomb(Coding::parse(coding).unwrap_or(Coding::Gzip), 1024),
        ["bomb", coding, mib] => bomb(Coding::parse(coding).unwrap_or(Coding::Gzip), number(mib)),
        [coding] if Coding::parse(coding).is_some() => {
            Coding::parse(coding).map_or_else(items, |coding| items().coded(coding))
        }
        _ => Answer::new(404, "not found\n"),
    }
}

fn moved(status: u16, to: &str) -> Answer {
    Answer::new(status, "elsewhere\n").header("Location", to)
}

fn bomb(coding: Coding, mib: usize) -> Answer {
    Answer::json(coding.bomb(mib)).header("Content-Encoding", coding.name())
}

fn page(target: &Target, request: &Received) -> Answer {
    let last = target.number("last").unwrap_or(3);
    let page = target.number("page").unwrap_or(1);
    let host = request.header("host").unwrap_or_default();
    let scheme = if request.secure { "https" } else { "http" };
    let link = |number: u64, relation: &str| {
        format!("<{scheme}://{host}/pages?page={number}&last={last}>; rel=\"{relation}\"")
    };
    let mut links = vec![link(1, "first"), link(last, "last")];
    links.extend((page < last).then(|| link(page + 1, "next")));
    links.extend((page > 1).then(|| link(page - 1, "prev")));
    let items = json!([{ "id": page, "title": format!("item {page}") }]);
    Answer::json(items.to_string()).header("Link", &links.join(", "))
}

fn versioned(request: &Received, state: &State, tagged: bool) -> Answer {
    let version = state.with(|inner| inner.version);
    let date = format!("Wed, 01 Jan 2025 00:00:{version:02} GMT");
    let tag = format!("\"{version}\"");
    // A tag that the request has decides alone (RFC 9110, 13.1.3).
    let fresh = match request.header("if-none-match") {
        Some(tags) if tagged => tags.split(',').any(|has| has.trim() == tag),
        _ => request.header("if-modified-since") == Some(&date),
    };
    let answer = match fresh {
        true => Answer::new(304, ""),
        false => Answer::new(200, format!("version {version}\n")),
    };
    let answer = answer.header("Last-Modified", &date);
    if tagged { answer.header("ETag", &tag) } else { answer }
}
