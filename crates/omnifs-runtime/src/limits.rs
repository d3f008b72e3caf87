//! What one provider may use.

use std::time::Duration;

use wasmtime::{ResourceLimiter, bail};

/// The limits of one provider: `[provider.limits]` of providers.toml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest that one call may take, waiting included; and the longest that a call waits
    /// for its turn.
    pub call: Duration,
    /// The CPU time that one call may use.
    pub cpu: Duration,
    /// The linear memory of one instance, in bytes.
    pub memory: u64,
    /// The longest file, in bytes.
    pub file: u64,
    /// The most names in one directory.
    pub names: u64,
    /// The most instances of the provider at a time. They are made on demand.
    pub instances: u32,
    /// The most calls that wait for an instance; one more is refused.
    pub queue: u32,
    /// The longest that compiling the component may take.
    pub compile: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(60),
            cpu: Duration::from_secs(5),
            memory: 128 << 20,
            file: 64 << 20,
            names: 1_000_000,
            instances: 4,
            queue: 256,
            compile: Duration::from_secs(60),
        }
    }
}

/// The most elements of all tables of an instance.
const TABLE: usize = 100_000;

/// The least that one answer may lift out of the guest, in bytes.
const LIFT: u64 = 72 << 20;

/// Room in a lifted answer beside the bytes of the longest file.
const LIFT_MARGIN: u64 = 8 << 20;

impl Limits {
    /// Returns how many bytes one answer may lift out of the guest: 72 MiB, more when files may
    /// be longer.
    pub(crate) fn lift(&self) -> usize {
        usize::try_from(self.file.saturating_add(LIFT_MARGIN).max(LIFT)).unwrap_or(usize::MAX)
    }
}

/// Holds an instance to its memory and table limits, over all its memories and tables.
#[derive(Debug)]
pub(crate) struct Growth {
    limit: u64,
    memory: u64,
    table: usize,
    /// The last step of memory, taken back when the system refuses it.
    step: u64,
}

/// The guest asked for more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("it needs more than the {} MiB of memory it may have (limits.memory)", limit >> 20)]
pub(crate) struct MemoryExceeded {
    limit: u64,
}

impl Growth {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limit: limits.memory, memory: 0, table: 0, step: 0 }
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
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory = self.memory.saturating_sub(self.step);
        self.step = 0;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let table = self.table.saturating_add(desired.saturating_sub(current));
        if table > TABLE {
            bail!("it needs a table of more than {TABLE} elements");
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
    fn tables_have_an_end() {
        let mut growth = Growth::new(&Limits::default());
        assert!(growth.table_growing(0, TABLE, None).unwrap());
        assert!(growth.table_growing(0, 1, None).is_err());
    }

    #[test]
    fn lifting_follows_the_longest_file() {
        assert_eq!(Limits::default().lift(), 72 << 20);
        assert_eq!(Limits { file: 1, ..Limits::default() }.lift(), 72 << 20);
        assert_eq!(Limits { file: 100 << 20, ..Limits::default() }.lift(), 108 << 20);
    }
}
