//! What a provider shows while an upstream fails: an error, or what it shows otherwise.

use std::collections::HashSet;
use std::sync::Arc;

use omnifs_runtime::http::{Fault, Recorded, Replay, Upstreams};
use omnifs_vfs::{Answer, Found, Listed, Source, VfsError};

use super::survey::{Seen, Survey};
use super::{Rule, Verdict, whole};
use crate::daemon::tested::Bench;
use crate::exit::Failure;

/// How many exchanges are made to fail, one after the other.
const MOST: usize = 64;

/// The exchanges that a healthy walk needs.
pub(super) struct Faults<'a> {
    pub(super) exchanges: &'a [Recorded],
    pub(super) used: &'a [usize],
    pub(super) replay: &'a Replay,
    /// What differs from walk to walk without a failure, too; other rules are about that.
    pub(super) unsteady: &'a HashSet<String>,
}

impl Faults<'_> {
    /// Has one exchange after the other fail, each in a provider of its own, and compares what that
    /// shows with a healthy walk.
    pub(super) async fn judge(
        &self,
        (rule, fault): (Rule, Fault),
        bench: &Bench,
        healthy: &Survey,
    ) -> Result<Verdict, Failure> {
        let mut findings = Vec::new();
        for number in self.used.iter().take(MOST) {
            let failing = Upstreams::Recorded(Arc::new(self.replay.failing(*number, fault)));
            let provider = bench.replaying(failing)?;
            let request = self.exchanges.get(*number).map(Recorded::request).unwrap_or_default();
            let differences = self.differences(&*provider, healthy).await;
            findings.extend(differences.into_iter().map(|what| format!("{request}: {what}")));
        }
        let left = self.used.len().saturating_sub(MOST);
        let notes = (left > 0).then(|| format!("{left} exchanges more were not made to fail"));
        Ok(Verdict::of(rule, findings).noting(notes.into_iter().collect()))
    }

    /// Returns what is neither an error nor as it was.
    async fn differences(&self, source: &dyn Source, healthy: &Survey) -> Vec<String> {
        let mut all = Vec::new();
        let steady = healthy.seen.iter().filter(|(path, _)| !self.unsteady.contains(*path));
        for (path, seen) in steady {
            if let Some((parent, name)) = seen.object.place() {
                let looked = source.lookup_child(parent, name).await;
                all.extend(difference(looked, |found| lookup_differs(found.as_ref(), seen), path));
            }
            if seen.names.is_some() {
                let listed = whole::list(source, &seen.object).await;
                all.extend(difference(listed, |listed| listing_differs(listed, seen), path));
            }
            if seen.bytes.is_some() {
                let read = whole::read(source, &seen.object).await;
                let differs = |bytes: &Option<bytes::Bytes>| match bytes {
                    None => Some("is gone".to_owned()),
                    bytes if *bytes != seen.bytes => Some("has other bytes".to_owned()),
                    Some(_) => None,
                };
                all.extend(difference(read, differs, path));
            }
        }
        all
    }
}

fn difference<T>(
    answer: Result<Answer<T>, VfsError>,
    differs: impl FnOnce(&T) -> Option<String>,
    path: &str,
) -> Option<String> {
    let what = match answer {
        Ok(answer) => differs(&answer.value)?,
        Err(VfsError::NotFound | VfsError::Stale(_)) => "is gone".to_owned(),
        Err(_) => return None,
    };
    Some(format!("{path} {what}"))
}

fn lookup_differs(found: Option<&Found>, seen: &Seen) -> Option<String> {
    let Some(found) = found else { return Some("is gone".to_owned()) };
    let id = found.details.as_ref().and_then(|details| details.id.as_ref());
    let same = found.child.kind == seen.kind
        && found.child.inode == seen.object.inode()
        && id == seen.object.id().as_ref();
    (!same).then(|| "is another object".to_owned())
}

fn listing_differs(listed: &Listed, seen: &Seen) -> Option<String> {
    let (names, _) = seen.names.as_ref()?;
    let missing = names.iter().find(|name| !listed.names.contains(name));
    if let Some(missing) = missing {
        return Some(format!("does not list {missing:?}"));
    }
    let more = listed.names.iter().find(|name| !names.contains(name))?;
    Some(format!("lists {more:?}, which is not there otherwise"))
}
