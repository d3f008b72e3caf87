//! The standard streams of one instance.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::budget::{CallBudget, MinuteBudget};
use super::{Escaped, LogLine, LogSource, ProviderLog, Severity};
use crate::limits::{Bytes as Size, LogLimits};

/// The longest line in bytes; longer ones are cut into several.
const LINE: usize = 4 << 10;

/// How much of the end of standard error is kept for the text of a panic, in bytes.
const TAIL: usize = 4 << 10;

/// The log of one provider, shared by its instances.
pub(crate) struct Output {
    provider: Arc<str>,
    sink: Arc<dyn ProviderLog>,
    limits: LogLimits,
    start: Instant,
    /// Held only to take from it, never while the sink is called.
    minute: Mutex<MinuteBudget>,
    dropped: AtomicU64,
    /// What was refused lately, and when: a provider that asks in a loop is told once a minute.
    /// Held only to look and to write.
    refusals: Mutex<HashMap<String, Duration>>,
}

/// How much a guest may write at a time, in bytes.
const PIECE: usize = 64 << 10;

/// How often one refusal is told.
const REFUSAL: Duration = Duration::from_secs(60);

/// How many refusals are told apart.
const REFUSALS: usize = 256;

impl Output {
    pub(crate) fn new(
        provider: Arc<str>,
        sink: Arc<dyn ProviderLog>,
        limits: LogLimits,
    ) -> Arc<Self> {
        Arc::new(Self {
            provider,
            sink,
            limits,
            start: Instant::now(),
            minute: Mutex::new(MinuteBudget::new(&limits)),
            dropped: AtomicU64::new(0),
            refusals: Mutex::default(),
        })
    }

    /// Writes a refusal, unless the same one was written a moment ago.
    fn refusal(&self, text: &str) {
        let now = self.start.elapsed();
        let mut refusals = self.refusals.lock();
        refusals.retain(|_, told| now.saturating_sub(*told) < REFUSAL);
        if refusals.contains_key(text) || refusals.len() >= REFUSALS {
            return;
        }
        refusals.insert(text.to_owned(), now);
        drop(refusals);
        self.host(text);
    }

    /// Returns how many bytes were printed in vain.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes what a call is to print out of its budget and the minute's. Returns how many bytes
    /// may be printed; the others are counted as dropped.
    fn grant(&self, call: &mut CallOutput, length: usize) -> usize {
        let now = self.start.elapsed();
        let granted = self.minute.lock().take(&mut call.budget, length, now);
        let lost = length.saturating_sub(granted) as u64;
        call.dropped += lost;
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        granted
    }

    /// Writes a line of the host's own.
    pub(crate) fn host(&self, text: &str) {
        self.emit(LogSource::Host, text);
    }

    fn emit(&self, source: LogSource, text: &str) {
        let text = Escaped(text).to_string();
        self.sink.line(LogLine { provider: &self.provider, source, text: &text });
    }
}

/// What one instance prints.
pub(crate) struct Console {
    output: Arc<Output>,
    /// Held while lines go to the sink, so that they stay in order.
    call: Mutex<CallOutput>,
}

struct CallOutput {
    budget: CallBudget,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The end of what went to standard error during the call.
    tail: Vec<u8>,
    dropped: u64,
}

impl Console {
    pub(crate) fn new(output: Arc<Output>) -> Arc<Self> {
        let call = Mutex::new(CallOutput::new(&output.limits));
        Arc::new(Self { output, call })
    }

    /// Returns one for a call without end, which only the minute's budget holds.
    pub(crate) fn endless(output: Arc<Output>) -> Arc<Self> {
        let limits = LogLimits { call: u64::MAX, ..output.limits };
        let call = Mutex::new(CallOutput::new(&limits));
        Arc::new(Self { output, call })
    }

    /// Ends a call's output: prints unfinished lines, says what was dropped, and gives the next
    /// call its own budget. Returns the end of standard error.
    pub(crate) fn end_call(&self) -> String {
        let fresh = CallOutput::new(&self.output.limits);
        let mut call = std::mem::replace(&mut *self.call.lock(), fresh);
        for source in [LogSource::Stdout, LogSource::Stderr] {
            let rest = std::mem::take(call.pending(source));
            if !rest.is_empty() {
                self.output.emit(source, &String::from_utf8_lossy(&rest));
            }
        }
        if call.dropped > 0 {
            let (dropped, limits) = (call.dropped, &self.output.limits);
            self.output.host(&format!(
                "dropped {dropped} bytes of output: a call may print {} (limits.log_call), a \
                 provider {} a minute (limits.log_minute)",
                Size(limits.call),
                Size(limits.minute)
            ));
        }
        String::from_utf8_lossy(&call.tail).into_owned()
    }

    /// Writes a message of the guest's, which may have several lines.
    pub(crate) fn log(&self, severity: Severity, message: &str) {
        let granted = self.output.grant(&mut self.call.lock(), message.len());
        let granted = message.floor_char_boundary(granted);
        for line in message.get(..granted).unwrap_or_default().lines() {
            let mut rest = line;
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.floor_char_boundary(LINE));
                self.output.emit(LogSource::Message(severity), piece);
                rest = after;
            }
        }
    }

    /// Says that a request was refused, and what would allow it.
    pub(crate) fn refusal(&self, text: &str) {
        self.output.refusal(text);
    }

    fn write(&self, source: LogSource, bytes: &[u8]) {
        let mut call = self.call.lock();
        if source == LogSource::Stderr {
            call.remember(bytes);
        }
        let granted = self.output.grant(&mut call, bytes.len());
        let printed = bytes.get(..granted).unwrap_or(bytes);
        let pending = call.pending(source);
        pending.extend_from_slice(printed);
        let mut rest = pending.as_slice();
        while let Some((line, after)) = next_line(rest) {
            self.output.emit(source, &String::from_utf8_lossy(line));
            rest = after;
        }
        let done = pending.len() - rest.len();
        pending.drain(..done);
    }
}

impl CallOutput {
    fn new(limits: &LogLimits) -> Self {
        Self {
            budget: CallBudget::new(limits),
            stdout: Vec::new(),
            stderr: Vec::new(),
            tail: Vec::new(),
            dropped: 0,
        }
    }

    fn pending(&mut self, source: LogSource) -> &mut Vec<u8> {
        match source {
            LogSource::Stdout => &mut self.stdout,
            LogSource::Stderr | LogSource::Host | LogSource::Message(_) => &mut self.stderr,
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let over = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..over);
    }
}

/// Splits the next finished line off, or the next piece of one that is too long.
fn next_line(pending: &[u8]) -> Option<(&[u8], &[u8])> {
    match pending.iter().take(LINE).position(|&byte| byte == b'\n') {
        Some(end) => {
            let (line, rest) = pending.split_at_checked(end)?;
            Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..)?))
        }
        None if pending.len() > LINE => pending.split_at_checked(LINE),
        None => None,
    }
}

/// One of the two streams as the guest sees it; it never blocks and never fails.
#[derive(Clone)]
pub(crate) struct Stream {
    console: Arc<Console>,
    source: LogSource,
}

impl Stream {
    pub(crate) fn new(console: &Arc<Console>, source: LogSource) -> Self {
        Self { console: Arc::clone(console), source }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // The default goes through a task of its own: a panic's text would come after the trap.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.console.write(self.source, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.console.write(self.source, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Mutex<Vec<(LogSource, String)>>);

    impl ProviderLog for Lines {
        fn line(&self, line: LogLine<'_>) {
            assert_eq!(line.provider, "p");
            self.0.lock().push((line.source, line.text.to_owned()));
        }
    }

    fn console() -> (Arc<Lines>, Arc<Console>) {
        let lines = Arc::new(Lines::default());
        let output = Output::new(
            "p".into(),
            Arc::clone(&lines) as Arc<dyn ProviderLog>,
            LogLimits::default(),
        );
        (lines, Console::new(output))
    }

    fn texts(lines: &Lines) -> Vec<String> {
        lines.0.lock().drain(..).map(|(source, text)| format!("{source:?} {text}")).collect()
    }

    #[test]
    fn cuts_lines_across_writes_and_streams() {
        let (lines, console) = console();
        console.write(LogSource::Stdout, b"on");
        console.write(LogSource::Stderr, b"warn\r\nhalf");
        console.write(LogSource::Stdout, b"e\ntwo\n\nrest");
        assert_eq!(texts(&lines), ["Stderr warn", "Stdout one", "Stdout two", "Stdout "]);
        assert_eq!(console.end_call(), "warn\r\nhalf");
        assert_eq!(texts(&lines), ["Stdout rest", "Stderr half"]);
        assert_eq!(console.end_call(), "");
    }

    #[test]
    fn cuts_long_lines_and_escapes() {
        let (lines, console) = console();
        console.write(LogSource::Stdout, "x".repeat(LINE * 2 + 1).as_bytes());
        console.write(LogSource::Stdout, b"\x1b\xff\n");
        let texts = texts(&lines);
        assert_eq!(texts.len(), 3);
        assert_eq!(texts[2], "Stdout x\\u{1b}\u{fffd}");
    }

    #[test]
    fn drops_and_counts_a_flood_but_keeps_its_end() {
        let (lines, console) = console();
        for _ in 0..2_000 {
            console.write(LogSource::Stderr, &[b'y'; 99]);
            console.write(LogSource::Stderr, b"\n");
        }
        console.write(LogSource::Stderr, b"the end");
        assert!(console.end_call().ends_with("y\nthe end"));
        let printed: usize = lines.0.lock().iter().map(|(_, text)| text.len()).sum();
        assert!(printed < (64 << 10) + 200, "{printed}");
        let expected = 200_007 - (64 << 10);
        assert_eq!(console.output.dropped(), expected);
        let last = texts(&lines).pop().unwrap();
        assert!(last.starts_with(&format!("Host dropped {expected} bytes of output")), "{last}");
    }
}
