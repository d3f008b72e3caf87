//! What one provider may use.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::http::HttpLimits;

/// The limits of one provider: `[provider.limits]` of providers.toml, which has a key for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest that one call may take, waiting included; and the longest that a call waits
    /// for its turn.
    pub call: Duration,
    /// The CPU time that one call may use.
    pub cpu: Duration,
    /// The linear memory of one instance, in bytes.
    pub memory: u64,
    /// The most elements of all tables of an instance.
    pub table: u32,
    /// The longest file, in bytes.
    pub file: u64,
    /// The most names in one directory.
    pub names: u64,
    /// The most bytes that one answer lifts out of the guest; a file that may be longer has
    /// [`Limits::lift`] follow it.
    pub lift: u64,
    /// The most instances of the provider at a time, which are made on demand; `None` is the
    /// number of its face, [`Face::instances`](crate::artifact::Face::instances).
    pub instances: Option<u32>,
    /// The most calls that wait for an instance; one more is refused.
    pub queue: u32,
    /// How many traps within a minute have the component left alone for a while.
    pub traps: u32,
    /// The longest that compiling the component may take.
    pub compile: Duration,
    /// The largest component file, in bytes.
    pub component: u64,
    /// What it may print.
    pub log: LogLimits,
    /// What it may ask upstream.
    pub http: HttpLimits,
}

/// How many bytes a provider may print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// In one call.
    pub call: u64,
    /// In one minute.
    pub minute: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { call: 64 << 10, minute: 1 << 20 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(60),
            cpu: Duration::from_secs(5),
            memory: 128 << 20,
            table: 100_000,
            file: 64 << 20,
            names: 1_000_000,
            lift: 72 << 20,
            instances: None,
            queue: 256,
            traps: 5,
            compile: Duration::from_secs(60),
            component: 64 << 20,
            log: LogLimits::default(),
            http: HttpLimits::default(),
        }
    }
}

/// Room in a lifted answer beside the bytes of the longest file.
const LIFT_MARGIN: u64 = 8 << 20;

impl Limits {
    /// Returns how many bytes one answer may lift out of the guest: more than the limit says when
    /// files may be longer.
    pub(crate) fn lifted(&self) -> usize {
        usize::try_from(self.file.saturating_add(LIFT_MARGIN).max(self.lift)).unwrap_or(usize::MAX)
    }
}

/// A number of bytes as people read it: in the largest unit that it is a whole number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        let whole = |(shift, _): &(u32, _)| self.0 != 0 && self.0.trailing_zeros() >= *shift;
        match units.into_iter().find(whole) {
            Some((shift, unit)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

/// Holds an instance to its memory and table limits, over all its memories and tables.
#[derive(Debug)]
pub(crate) struct Growth {
    limit: u64,
    memory: u64,
    tables: u32,
    table: u32,
    /// The last step of memory, taken back when the system refuses it.
    step: u64,
    /// Where the memory is shown of an instance that nobody can ask meanwhile.
    shown: Option<Arc<AtomicU64>>,
}

/// The guest asked for more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("it needs more than the {} of memory it may have (limits.memory)", Bytes(*limit))]
pub(crate) struct MemoryExceeded {
    limit: u64,
}

/// The guest asked for a larger table than it may have.
#[derive(Debug, thiserror::Error)]
#[error("it needs tables of more than the {limit} elements it may have (limits.table)")]
pub(crate) struct TableExceeded {
    limit: u32,
}

impl Growth {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.memory,
            memory: 0,
            tables: limits.table,
            table: 0,
            step: 0,
            shown: None,
        }
    }

    /// Shows the memory here, too.
    pub(crate) fn shown_in(self, gauge: Arc<AtomicU64>) -> Self {
        Self { shown: Some(gauge), ..self }
    }

    fn show(&self) {
        if let Some(gauge) = &self.shown {
            gauge.store(self.memory, Ordering::Relaxed);
        }
    }

    /// Returns the bytes of all linear memories.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let step = desired.saturating_sub(current) as u64;
        let memory = self.memory.saturating_add(step);
        if memory > self.limit {
            // An error and not `false`: the guest's allocator would abort without a word.
            return Err(MemoryExceeded { limit: self.limit }.into());
        }
        self.memory = memory;
        self.step = step;
        self.show();
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory = self.memory.saturating_sub(self.step);
        self.step = 0;
        self.show();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let step = u32::try_from(desired.saturating_sub(current)).unwrap_or(u32::MAX);
        let table = self.table.saturating_add(step);
        if table > self.tables {
            return Err(TableExceeded { limit: self.tables }.into());
        }
        self.table = table;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_counts_over_all_memories() {
        let mut growth = Growth::new(&Limits { memory: 100, ..Limits::default() });
        assert!(growth.memory_growing(0, 60, None).unwrap());
        let error = growth.memory_growing(0, 41, None).unwrap_err();
        assert!(error.is::<MemoryExceeded>());
        assert!(growth.memory_growing(60, 100, None).unwrap());
        assert_eq!(growth.memory(), 100);
    }

    #[test]
    fn a_refused_step_is_given_back() {
        let mut growth = Growth::new(&Limits { memory: 100, ..Limits::default() });
        assert!(growth.memory_growing(0, 90, None).unwrap());
        growth.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(growth.memory(), 0);
    }

    #[test]
    fn memory_is_shown_to_whoever_looks_from_outside() {
        let gauge = Arc::new(AtomicU64::new(0));
        let mut growth = Growth::new(&Limits::default()).shown_in(Arc::clone(&gauge));
        assert!(growth.memory_growing(0, 90, None).unwrap());
        assert_eq!(gauge.load(Ordering::Relaxed), 90);
        growth.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(gauge.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn tables_have_an_end() {
        let mut growth = Growth::new(&Limits::default());
        assert!(growth.table_growing(0, 100_000, None).unwrap());
        let error = growth.table_growing(0, 1, None).unwrap_err();
        assert!(error.is::<TableExceeded>(), "{error}");
    }

    #[test]
    fn lifting_follows_the_longest_file() {
        assert_eq!(Limits::default().lifted(), 72 << 20);
        assert_eq!(Limits { file: 1, ..Limits::default() }.lifted(), 72 << 20);
        assert_eq!(Limits { file: 100 << 20, ..Limits::default() }.lifted(), 108 << 20);
        assert_eq!(Limits { lift: 100 << 20, ..Limits::default() }.lifted(), 100 << 20);
    }

    #[test]
    fn bytes_are_shown_in_the_largest_whole_unit() {
        let shown = [0, 1_000, 1 << 10, 1_536, 64 << 20, 3 << 30].map(|n| Bytes(n).to_string());
        let right = ["0 bytes", "1000 bytes", "1 KiB", "1536 bytes", "64 MiB", "3 GiB"];
        assert_eq!(shown, right);
    }
}
