//! What is shown of a request, or of what a provider prints: one line each.

use std::time::Duration;

use omnifs_fuse::Answered;
use omnifs_runtime::{LogLine, LogSource, Severity};
use omnifs_vfs::{AnsweredBy, Calls, Exchange, Timestamp};

use crate::cli::output::plain;

/// How many requests to the upstream are told in full.
const TOLD: usize = 3;

/// Returns the line of a request that was answered `at` a time.
pub(super) fn request(at: Timestamp, request: &Answered) -> String {
    let Answered { op, path, errno, took, calls } = request;
    let path = path.as_deref().unwrap_or("(a node that is forgotten)");
    let (result, took) = (errno.unwrap_or("ok"), milliseconds(*took));
    let (count, told) = (counted(calls), told(calls));
    let line = format!("{}  {op:<11} {result:<9} {took:>9}  {count}  {path}{told}", time(at));
    one_line(&line)
}

/// Returns a line of what a provider prints, or of what the host says of it.
pub(super) fn printed(at: Timestamp, line: LogLine<'_>) -> String {
    let source = match line.source {
        LogSource::Stdout => "stdout",
        LogSource::Stderr => "stderr",
        LogSource::Host => "host",
        LogSource::Message(Severity::Error) => "error",
        LogSource::Message(Severity::Warn) => "warn",
        LogSource::Message(Severity::Info) => "info",
        LogSource::Message(Severity::Debug) => "debug",
        LogSource::Message(Severity::Trace) => "trace",
    };
    one_line(&format!("{}  {:<11} {source:<9} {}", time(at), "log", line.text))
}

/// Returns the time of day, in UTC as all times that are shown.
fn time(at: Timestamp) -> String {
    let (second, millisecond) = (at.seconds % 86_400, at.nanoseconds / 1_000_000);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}

fn one_line(text: &str) -> String {
    plain(text).replace('\n', "\\n") + "\n"
}

/// Returns how many requests went to the upstream for what was waited for.
fn counted(calls: &Calls) -> String {
    let more: u64 = calls.ended.iter().map(|made| made.more).sum();
    let went_out = exchanges(calls).filter(|exchange| match exchange.by {
        AnsweredBy::Upstream | AnsweredBy::Confirmation => true,
        AnsweredBy::Cache | AnsweredBy::Another => false,
    });
    let count = more + went_out.count() as u64;
    match calls.waiting {
        0 => format!("{count} upstream"),
        _ => format!("{count} upstream (a call goes on)"),
    }
}

fn exchanges(calls: &Calls) -> impl Iterator<Item = &Exchange> {
    calls.ended.iter().flat_map(|made| &made.exchanges)
}

/// Returns what was asked for, the first few, and who answered where it was not the upstream.
fn told(calls: &Calls) -> String {
    let mut text = String::new();
    for Exchange { method, url, outcome, by, .. } in exchanges(calls).take(TOLD) {
        let outcome = match outcome {
            Ok(status) => status.to_string(),
            Err(failure) => format!("failed ({failure})"),
        };
        let by = match by {
            AnsweredBy::Upstream => "",
            AnsweredBy::Confirmation => " by 304",
            AnsweredBy::Cache => " from the cache",
            AnsweredBy::Another => " by another call's request",
        };
        text.push_str(&format!("  {method} {url} {outcome}{by}"));
    }
    let more: u64 = calls.ended.iter().map(|made| made.more).sum();
    let left = more + exchanges(calls).skip(TOLD).count() as u64;
    if left > 0 {
        text.push_str(&format!("  and {left} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use omnifs_vfs::{Made, RequestId};

    use super::*;

    const AT: Timestamp = Timestamp { seconds: 86_400 + 3_600 + 62, nanoseconds: 7_000_000 };

    fn exchange(url: &str, outcome: Result<u16, String>, by: AnsweredBy) -> Exchange {
        let (method, took) = ("GET".to_owned(), Duration::ZERO);
        Exchange { method, url: url.to_owned(), outcome, took, by, etag: None }
    }

    fn answered(path: &str, exchanges: Vec<Exchange>, more: u64) -> Answered {
        let request = RequestId { daemon: 1, call: 1 };
        let made = Arc::new(Made { request, exchanges, more });
        let calls = Calls { ended: vec![made], waiting: 0 };
        let took = Duration::from_micros(12_345);
        Answered { op: "READ", path: Some(path.to_owned()), errno: None, took, calls }
    }

    #[test]
    fn a_request_is_one_line_with_what_went_out_for_it() {
        let exchanges = vec![
            exchange("http://a/1", Ok(200), AnsweredBy::Upstream),
            exchange("http://a/2", Ok(200), AnsweredBy::Cache),
            exchange("http://a/3", Err("refused".to_owned()), AnsweredBy::Upstream),
            exchange("http://a/4", Ok(200), AnsweredBy::Confirmation),
        ];
        let line = request(AT, &answered("/a\nb\x1b", exchanges, 2));
        let expected = "01:01:02.007Z  READ        ok          12.3 ms  5 upstream  \
                        /a\\nb\\u{1b}  GET http://a/1 200  GET http://a/2 200 from the cache  \
                        GET http://a/3 failed (refused)  and 3 more\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn what_goes_on_is_said_and_what_memory_answers_costs_nothing() {
        let mut asked = answered("/a", Vec::new(), 0);
        assert!(request(AT, &asked).ends_with("  0 upstream  /a\n"));
        (asked.calls.waiting, asked.errno, asked.path) = (1, Some("ETIMEDOUT"), None);
        let line = request(AT, &asked);
        assert!(line.contains("ETIMEDOUT") && line.contains("(a call goes on)"), "{line}");
        assert!(line.ends_with("(a node that is forgotten)\n"), "{line}");
    }

    #[test]
    fn what_a_provider_prints_has_its_source() {
        let (source, text) = (LogSource::Stderr, "panicked at src/lib.rs:3");
        let line = printed(AT, LogLine { provider: "p", source, text });
        assert_eq!(line, "01:01:02.007Z  log         stderr    panicked at src/lib.rs:3\n");
    }
}
