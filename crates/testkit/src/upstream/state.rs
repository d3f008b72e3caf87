//! What an upstream remembers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::answer::Answer;
use super::logs::Logs;
use super::received::Received;

/// What all connections of an upstream share.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) requests: Vec<Received>,
    /// All that were accepted, and those among them that count no more.
    pub(super) connections: usize,
    pub(super) forgotten: usize,
    /// Requests that wait for their answer.
    pub(super) waiting: usize,
    pub(super) peak: usize,
    pub(super) answers: BTreeMap<String, Answer>,
    pub(super) switch: String,
    pub(super) version: u8,
    pub(super) logs: Logs,
    /// All lines of `/events` so far.
    pub(super) events: Vec<String>,
    pub(super) listeners: usize,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            connections: 0,
            forgotten: 0,
            waiting: 0,
            peak: 0,
            answers: BTreeMap::new(),
            switch: "/json".to_owned(),
            version: 1,
            logs: Logs::default(),
            events: Vec::new(),
            listeners: 0,
        }
    }
}

impl State {
    /// Gives the state to a function, which must not wait for anything.
    pub(super) fn with<T>(&self, function: impl FnOnce(&mut Inner) -> T) -> T {
        // A thread that panicked has failed its request, not what was counted before.
        function(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request until the returned guard is dropped.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.with(|inner| {
            inner.waiting += 1;
            inner.peak = inner.peak.max(inner.waiting);
        });
        Waiting(self)
    }
}

impl State {
    /// Counts one that reads `/events` until the returned guard is dropped; returns as well how many
    /// lines there were before.
    pub(super) fn listening(&self) -> (Listening<'_>, usize) {
        let before = self.with(|inner| {
            inner.listeners += 1;
            inner.events.len()
        });
        (Listening(self), before)
    }
}

pub(super) struct Listening<'a>(&'a State);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.with(|inner| inner.listeners -= 1);
    }
}

pub(super) struct Waiting<'a>(&'a State);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.with(|inner| inner.waiting -= 1);
    }
}
