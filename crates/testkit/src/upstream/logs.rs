//! Logs that grow and are rotated.

use serde_json::json;

use super::answer::Answer;

/// Logs by their ids, which are their places and stay when they are renamed.
#[derive(Debug, Default)]
pub(super) struct Logs(Vec<Log>);

#[derive(Debug)]
struct Log {
    name: String,
    bytes: Vec<u8>,
}

impl Logs {
    /// Adds bytes to the log that has this name, which is a new one if there is none.
    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) {
        match self.named(name) {
            Some(log) => log.bytes.extend(bytes),
            None => self.0.push(Log { name: name.to_owned(), bytes: bytes.to_vec() }),
        }
    }

    /// Gives a log another name, and its name to a new one.
    pub(super) fn rotate(&mut self, name: &str, to: &str) {
        if let Some(log) = self.named(name) {
            to.clone_into(&mut log.name);
        }
        self.append(name, b"");
    }

    /// Takes all bytes of a log away.
    pub(super) fn truncate(&mut self, name: &str) {
        if let Some(log) = self.named(name) {
            log.bytes.clear();
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut Log> {
        self.0.iter_mut().find(|log| log.name == name)
    }

    /// Returns the answer that lists them.
    pub(super) fn list(&self) -> Answer {
        let log = |(id, log): (usize, &Log)| json!({ "name": log.name, "id": id, "size": log.bytes.len() });
        let list: Vec<_> = self.0.iter().enumerate().map(log).collect();
        cacheable(Answer::json(serde_json::Value::from(list).to_string()))
    }

    /// Returns the answer to who wants a log, or the part of it that a `Range` names.
    pub(super) fn part(&self, id: usize, range: Option<&str>) -> Answer {
        let Some(Log { bytes, .. }) = self.0.get(id) else { return Answer::new(404, "no log\n") };
        let wanted = range.and_then(|range| {
            let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((first.parse::<usize>().ok()?, last.parse::<usize>().unwrap_or(usize::MAX)))
        });
        let length = bytes.len();
        match wanted {
            None => cacheable(Answer::new(200, bytes.clone())),
            Some((first, _)) if first >= length => {
                Answer::new(416, "").header("Content-Range", &format!("bytes */{length}"))
            }
            Some((first, last)) => {
                let end = last.saturating_add(1).clamp(first, length);
                let part = bytes.get(first..end).unwrap_or_default();
                let shown = format!("bytes {first}-{}/{length}", end.saturating_sub(1));
                cacheable(Answer::new(206, part)).header("Content-Range", &shown)
            }
        }
    }
}

/// Returns an answer that says it may be kept, and has not changed for years: as a server may say of
/// a log that it takes for a file like others.
fn cacheable(answer: Answer) -> Answer {
    let answer = answer.header("Cache-Control", "max-age=600");
    answer.header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
}
