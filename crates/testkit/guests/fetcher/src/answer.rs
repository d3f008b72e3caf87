//! Answers of the three functions, as files show them.

use omnifs_provider::http::{self, Blob, Incoming};

use crate::path::{Ask, Part, Verb};
use crate::request::{fetch, with, words};

/// How much is read at a time.
const BLOCK: u32 = 64 << 10;

type Headers = Vec<(String, Vec<u8>)>;

/// An answer as far as a part needs it, or the failure in words.
pub(crate) struct Answer(Result<Good, String>);

struct Good {
    status: u16,
    url: String,
    headers: Headers,
    size: Option<u64>,
    body: Vec<u8>,
}

impl Answer {
    /// Makes the request.
    pub(crate) fn of(verb: Verb, ask: &Ask, part: Part) -> Self {
        Self(match verb {
            Verb::Get => fetch(ask).map(|response| Good {
                status: response.status,
                url: response.url,
                headers: response.headers,
                size: None,
                body: response.body,
            }),
            Verb::Download => with(ask, http::download).and_then(|blob| downloaded(&blob, part)),
            Verb::Open => with(ask, http::open).and_then(|incoming| opened(&incoming, part)),
        })
    }

    /// Returns a part; none of a failure, but what is there to say it.
    pub(crate) fn part(self, part: Part) -> Option<Vec<u8>> {
        let line = |text: String| Some(format!("{text}\n").into_bytes());
        let good = match (self.0, part) {
            (Ok(_), Part::Error) => return line("none".to_string()),
            (Err(problem), Part::Error) => return line(problem),
            (Err(problem), Part::Report) => return line(format!("error: {problem}")),
            (Err(_), _) => return None,
            (Ok(good), _) => good,
        };
        match part {
            Part::Status => line(good.status.to_string()),
            Part::Url => line(good.url),
            Part::Size => line(good.size.map_or("unknown".to_string(), |size| size.to_string())),
            Part::Headers => Some(lines(&good.headers)),
            Part::Body | Part::Range(..) | Part::First(_) => Some(good.body),
            Part::Error => None,
            Part::Report => {
                let mut report = format!("status: {}\n", good.status).into_bytes();
                if !good.url.is_empty() {
                    report.extend(format!("url: {}\n", good.url).bytes());
                }
                report.extend(lines(&good.headers));
                report.push(b'\n');
                report.extend(good.body);
                Some(report)
            }
        }
    }
}

fn lines(headers: &Headers) -> Vec<u8> {
    let line = |(name, value): &(String, Vec<u8>)| {
        [name.as_bytes(), b": ", value.as_slice(), b"\n"].concat()
    };
    headers.iter().flat_map(line).collect()
}

fn downloaded(blob: &Blob, part: Part) -> Result<Good, String> {
    let read = |offset, length| blob.read(offset, length).map_err(|error| words(&error));
    let mut body = Vec::new();
    match part {
        Part::Range(offset, length) => body = read(offset, length)?,
        Part::Status | Part::Headers => {}
        _ => loop {
            let block = read(body.len() as u64, BLOCK)?;
            if block.is_empty() {
                break;
            }
            body.extend(block);
        },
    }
    let (status, headers, size) = (blob.status(), blob.headers(), blob.size());
    Ok(Good { status, url: String::new(), headers, size, body })
}

fn opened(incoming: &Incoming, part: Part) -> Result<Good, String> {
    let most = match part {
        Part::First(most) => most as usize,
        Part::Status | Part::Headers => 0,
        _ => usize::MAX,
    };
    let mut body = Vec::new();
    while body.len() < most {
        let left = u32::try_from(most - body.len()).unwrap_or(BLOCK);
        match incoming.read(left.min(BLOCK)).map_err(|error| words(&error))? {
            Some(block) => body.extend(block),
            None => break,
        }
    }
    let (status, headers) = (incoming.status(), incoming.headers());
    Ok(Good { status, url: String::new(), headers, size: None, body })
}
