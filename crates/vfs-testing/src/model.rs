//! A naive model of what the tree promises, and random steps that both have to agree on.
//!
//! One suite at two heights: the steps and the rules here know a tree only as [`Height`], which
//! the tests of `omnifs-vfs` implement over the tree in memory, and those of `omnifs-fuse` over
//! a mount. The model knows no cache. It keeps every state that the source ever had, with its
//! time, and an answer is right when the rules of freshness let it come from one of them.

mod height;
mod rules;
mod step;
mod world;

use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::TestCaseError;

use crate::Memory;
use rules::Window;
use world::World;

pub use height::{Bounds, Failure, Height, Listed, Stat};
pub use step::{Step, paths, steps};

/// A file that is open: one version, which its first answers decide.
struct Held {
    handle: u64,
    path: String,
    /// From when on the version can be: as old as a name may be that was just looked up.
    from: Duration,
    /// The files that it can be, by number and bytes; `None` before its first answer.
    candidates: Option<Vec<(u64, bytes::Bytes)>>,
    modified: Option<Duration>,
}

struct Run<'a, H> {
    height: &'a mut H,
    world: World,
    held: Vec<Held>,
}

type Verdict = Result<(), String>;

/// Takes the steps on `source` and `height`, and checks every answer; at the end, that all is
/// served as it is once the freshness of everything ran out.
///
/// # Errors
/// With the step whose answer breaks a rule.
pub fn run<H: Height>(
    height: &mut H,
    source: &Arc<Memory>,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let world = World::new(Arc::clone(source), height.now());
    let mut run = Run { height, world, held: Vec::new() };
    for (number, step) in steps.iter().enumerate() {
        let told = |why| TestCaseError::fail(format!("step {number}, {step:?}: {why}"));
        run.step(step).map_err(told)?;
    }
    run.audit().map_err(|why| TestCaseError::fail(format!("at the end: {why}")))
}

impl<H: Height> Run<'_, H> {
    fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Write { .. }
            | Step::MakeDirectory { .. }
            | Step::Remove(_)
            | Step::Rename { .. } => self.world.change(step, || self.height.now()),
            Step::Wait { percent } => {
                let pace = self.height.pace();
                self.height.wait(pace * *percent / 100);
            }
            Step::Reload => self.height.reload(),
            Step::Forget(which) => self.height.forget(*which),
            Step::Stat(path) => return self.stat(path),
            Step::Read { path, offset, length } => return self.read(path, *offset, *length),
            Step::List(path) => return self.list(path),
            Step::Open(path) => return self.open(path),
            Step::StatOpen(which) => return self.stat_open(*which),
            Step::ReadOpen { which, offset, length } => {
                return self.read_open(*which, *offset, *length);
            }
            Step::Close(which) => {
                if let Some(at) = self.pick(*which) {
                    let held = self.held.swap_remove(at);
                    self.height.close(held.handle);
                }
            }
        }
        Ok(())
    }

    /// Waits until nothing old is fresh, and looks at everything.
    fn audit(&mut self) -> Verdict {
        for which in 0..self.held.len() {
            self.stat_open(which)?;
            self.read_open(which, 0, u32::MAX)?;
        }
        let longest = self.height.bounds().longest();
        self.height.wait(longest);
        self.list("")?;
        for path in paths() {
            let told = |why| format!("{path:?}: {why}");
            self.stat(&path).map_err(told)?;
            self.read(&path, 0, u32::MAX).map_err(told)?;
            self.list(&path).map_err(told)?;
        }
        for held in std::mem::take(&mut self.held) {
            self.height.close(held.handle);
        }
        Ok(())
    }

    /// Asks something of the height, and returns the answer with the time that it may come from.
    fn ask<T>(&mut self, question: impl FnOnce(&mut H) -> T) -> (T, Window) {
        let asked = self.height.now();
        let answer = question(self.height);
        let bounds = self.height.bounds();
        (answer, Window { asked, answered: self.height.now(), bounds })
    }

    fn stat(&mut self, path: &str) -> Verdict {
        let (answer, window) = self.ask(|height| height.stat(path));
        match answer {
            Ok(stat) => self.world.allows_stat(path, &window, &stat),
            Err(failure) => self.world.allows_failure(path, &window, &failure),
        }
    }

    fn read(&mut self, path: &str, offset: u64, length: u32) -> Verdict {
        let (answer, window) = self.ask(|height| height.read(path, offset, length));
        match answer {
            Ok(bytes) => self.world.allows_bytes(path, &window, (offset, length), &bytes),
            Err(failure) => self.world.allows_failure(path, &window, &failure),
        }
    }

    fn list(&mut self, path: &str) -> Verdict {
        let (answer, window) = self.ask(|height| height.list(path));
        match answer {
            Ok(listed) => self.world.allows_listing(path, &window, &listed),
            // A file in place of the directory is as much an answer as one above it.
            Err(Failure::NotADirectory) if self.world.was_file(path, &window) => Ok(()),
            Err(failure) => self.world.allows_failure(path, &window, &failure),
        }
    }

    fn open(&mut self, path: &str) -> Verdict {
        let (answer, window) = self.ask(|height| height.open(path));
        match answer {
            Ok(handle) => {
                let (path, from) = (path.to_owned(), window.found());
                self.held.push(Held { handle, path, from, candidates: None, modified: None });
                Ok(())
            }
            Err(failure) => self.world.allows_failure(path, &window, &failure),
        }
    }

    fn stat_open(&mut self, which: usize) -> Verdict {
        let Some(at) = self.pick(which) else { return Ok(()) };
        let handle = self.held.get(at).map_or(0, |held| held.handle);
        let (answer, window) = self.ask(|height| height.stat_open(handle));
        match answer {
            Ok(stat) => {
                self.narrow(at, &window, &format!("{stat:?}"), |number, bytes| {
                    stat.st_ino == number + 1 && stat.size == bytes.len() as u64
                })?;
                let Some(held) = self.held.get_mut(at) else { return Ok(()) };
                match held.modified.replace(stat.modified) {
                    Some(before) if before != stat.modified => {
                        Err(format!("its time moved from {before:?} to {:?}", stat.modified))
                    }
                    Some(_) | None => Ok(()),
                }
            }
            Err(failure) => self.held_fails(at, &window, &failure),
        }
    }

    fn read_open(&mut self, which: usize, offset: u64, length: u32) -> Verdict {
        let Some(at) = self.pick(which) else { return Ok(()) };
        let handle = self.held.get(at).map_or(0, |held| held.handle);
        let (answer, window) = self.ask(|height| height.read_open(handle, offset, length));
        match answer {
            Ok(read) => {
                let shown = format!("{} bytes from {offset}", read.len());
                self.narrow(at, &window, &shown, |_, bytes| {
                    rules::slice(bytes, offset, length) == read
                })
            }
            Err(failure) => self.held_fails(at, &window, &failure),
        }
    }

    /// Keeps the candidates of an open file that an answer fits; one has to be left.
    fn narrow(
        &mut self,
        at: usize,
        window: &Window,
        shown: &str,
        fits: impl Fn(u64, &bytes::Bytes) -> bool,
    ) -> Verdict {
        let Some(held) = self.held.get_mut(at) else { return Ok(()) };
        let (path, from) = (held.path.clone(), held.from);
        let all = held.candidates.take();
        let all = all.unwrap_or_else(|| self.world.files(&path, (from, window.answered)));
        let count = all.len();
        let left: Vec<_> = all.into_iter().filter(|(number, bytes)| fits(*number, bytes)).collect();
        if left.is_empty() {
            return Err(format!("{path:?} is open, and {shown} is none of {count} versions"));
        }
        held.candidates = Some(left);
        Ok(())
    }

    /// An open file may fail when it changed since it was opened, and then with two errors.
    fn held_fails(&self, at: usize, window: &Window, failure: &Failure) -> Verdict {
        let Some(held) = self.held.get(at) else { return Ok(()) };
        let since = (held.from, window.answered);
        match failure {
            Failure::Stale | Failure::Absent if self.world.changed(&held.path, since) => Ok(()),
            failure => Err(format!("{:?} is open and fails with {failure:?}", held.path)),
        }
    }

    fn pick(&self, which: usize) -> Option<usize> {
        which.checked_rem(self.held.len())
    }
}
