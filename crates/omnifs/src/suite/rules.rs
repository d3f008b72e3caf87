//! The rules that walks without failures show to be kept.

use std::collections::{BTreeMap, HashSet};

use omnifs_runtime::artifact::Face;
use omnifs_runtime::http::Replay;
use omnifs_vfs::{Name, NodeKind, Source, VfsError};

use super::survey::{Failed, Seen, Survey};
use super::{Rule, Verdict, word};

/// A walk, and when it was made.
type Other<'a> = (&'static str, &'a Survey);

/// Names that no provider has.
const MADE_UP: [&str; 2] = ["omnifs-made-up-name", ".omnifs made up %2F \u{fc}ber"];

/// Judges whether all could be read, and says how much that is.
pub(super) fn walk(first: &Survey) -> Verdict {
    let own = |failed: &&Failed| !is_unrecorded(&failed.error) && !is_about_pages(&failed.error);
    let findings = first.failed.iter().filter(own).map(ToString::to_string).collect();
    let count = |kind| first.seen.values().filter(|seen| seen.kind == kind).count();
    let directories = count(NodeKind::Directory);
    let (files, links) = (count(NodeKind::File), count(NodeKind::Symlink));
    let size = format!("walked: {directories} directories, {files} files, {links} links");
    Verdict::of(Rule::Walk, findings).noting([vec![size], first.cut.clone()].concat())
}

/// Returns whether a call failed for the lack of a recording, which another rule is about.
pub(super) fn is_unrecorded(error: &VfsError) -> bool {
    error.to_string().contains(Replay::UNRECORDED)
}

fn is_about_pages(error: &VfsError) -> bool {
    matches!(error, VfsError::Contract(text) if text.contains("the cursor \""))
}

/// Judges pages: the host refuses a cursor that was there before.
pub(super) fn pages(first: &Survey, face: Face) -> Verdict {
    let failed = first.failed.iter().filter(|failed| is_about_pages(&failed.error));
    let partial = |seen: &Seen| seen.names.as_ref().is_some_and(|(_, complete)| !complete);
    let partial = first.seen.iter().filter(|(_, seen)| face == Face::Projection && partial(seen));
    let notes =
        partial.map(|(path, _)| format!("{path} says that it has names that it does not list"));
    Verdict::of(Rule::Pages, failed.map(ToString::to_string).collect()).noting(notes.collect())
}

/// Judges that objects are the same ones in every walk, and apart.
pub(super) fn identities(first: &Survey, others: &[Other<'_>]) -> Verdict {
    let mut findings = Vec::new();
    for (path, seen) in &first.seen {
        if let Some(listed) = &seen.listed {
            let id = listed.details.as_ref().and_then(|details| details.id.as_ref());
            if id != seen.object.id().as_ref() {
                let (was, is) = (id.map_or("", |id| id.as_str()), seen.identity());
                findings.push(format!("{path} is listed as {was:?}, and found as {is}"));
            }
        }
        for (when, other) in others {
            match other.seen.get(path) {
                // In another order another part is walked.
                None if !other.cut.is_empty() => {}
                None => findings.push(format!("{path} is not there {when}")),
                Some(other) if other.kind != seen.kind => {
                    let (was, is) = (word(seen.kind), word(other.kind));
                    findings.push(format!("{path} was a {was}, and is a {is} {when}"));
                }
                Some(other) if other.identity() != seen.identity() => {
                    let (was, is) = (seen.identity(), other.identity());
                    findings.push(format!("{path} was {was}, and is {is} {when}"));
                }
                Some(_) => {}
            }
        }
    }
    let mut known: BTreeMap<String, (&String, &Seen)> = BTreeMap::new();
    for (path, seen) in first.seen.iter().filter(|(path, _)| *path != "/") {
        let id = seen.identity();
        match known.get(&id) {
            Some((other, one)) if is_another(one, seen) => {
                findings.push(format!("{other} and {path} are both {id}, and not the same"));
            }
            Some(_) => {}
            None => {
                known.insert(id, (path, seen));
            }
        }
    }
    Verdict::of(Rule::Identities, findings)
}

/// Returns what is not the same in every walk, whatever rule that breaks.
pub(super) fn unsteady(first: &Survey, others: &[Other<'_>]) -> HashSet<String> {
    let differs = |path: &String, seen: &Seen| {
        others.iter().any(|(_, other)| match other.seen.get(path) {
            Some(other) => other.identity() != seen.identity() || is_another(seen, other),
            None => other.cut.is_empty(),
        })
    };
    let unsteady = first.seen.iter().filter(|(path, seen)| differs(path, seen));
    unsteady.map(|(path, _)| path.clone()).collect()
}

fn is_another(one: &Seen, other: &Seen) -> bool {
    one.kind != other.kind || one.bytes != other.bytes || one.names != other.names
}

/// Returns the files of a walk that were read.
fn files(survey: &Survey) -> impl Iterator<Item = (&String, &Seen, &[u8])> {
    survey.seen.iter().filter_map(|(path, seen)| Some((path, seen, seen.bytes.as_deref()?)))
}

/// Judges sizes against bytes.
pub(super) fn sizes(first: &Survey) -> Verdict {
    let mut findings = Vec::new();
    for (path, seen, bytes) in files(first) {
        let listed = seen.listed.as_ref().and_then(|listed| listed.details.as_ref()?.size);
        let found = seen.told.as_ref().and_then(|told| told.size);
        let length = bytes.len() as u64;
        for (who, size) in [("listed", listed), ("found", found)] {
            if let Some(size) = size.filter(|size| *size != length) {
                findings.push(format!("{path} is {who} with {size} bytes, and has {length}"));
            }
        }
    }
    Verdict::of(Rule::Sizes, findings)
}

/// Judges versions against bytes, from walk to walk.
pub(super) fn versions(first: &Survey, others: &[Other<'_>]) -> Verdict {
    let version = |seen: &Seen| seen.told.as_ref().and_then(|told| told.version.clone());
    let (mut findings, mut notes) = (Vec::new(), Vec::new());
    for (path, seen, bytes) in files(first) {
        for (when, other) in others {
            let Some(other) = other.seen.get(path) else { continue };
            let Some(there) = other.bytes.as_deref() else { continue };
            match (version(seen), version(other)) {
                (None, None) if bytes != there => {
                    notes.push(format!("{path} has other bytes {when}"));
                }
                (None, None) => {}
                (was, is) if was == is && bytes != there => {
                    findings.push(format!("{path} has other bytes {when}, and the same version"));
                }
                (was, is) if was != is && bytes == there => {
                    let shown = |version: Option<Box<str>>| version.unwrap_or_default();
                    let (was, is) = (shown(was), shown(is));
                    findings.push(format!(
                        "{path} has the same bytes {when}, and the version {is:?} after {was:?}"
                    ));
                }
                _ => {}
            }
        }
    }
    Verdict::of(Rule::Versions, findings).noting(notes)
}

/// Judges bytes that came with a listing or a lookup.
pub(super) fn contents(first: &Survey) -> Verdict {
    let mut findings = Vec::new();
    for (path, seen, bytes) in files(first) {
        let listed = seen.listed.as_ref().and_then(|listed| listed.details.clone());
        for (who, told) in [("list-children", listed), ("lookup-child", seen.told.clone())] {
            let content = told.and_then(|told| told.content.clone());
            if content.is_some_and(|content| content != bytes) {
                findings.push(format!("{path} has other bytes from {who} than from read-file"));
            }
        }
    }
    Verdict::of(Rule::Contents, findings)
}

/// Judges that names which nobody made up are absent.
pub(super) async fn absence(source: &dyn Source, face: Face, first: &Survey) -> Verdict {
    let mut findings = Vec::new();
    for (path, seen) in &first.seen {
        let Some((_, complete)) = &seen.names else { continue };
        // Only the second face says that there may be more than is listed.
        let open = face == Face::Projection && !complete;
        let names = if open { MADE_UP.get(..1) } else { MADE_UP.get(..) };
        for name in names.unwrap_or_default().iter().filter_map(|name| Name::from_provider(name)) {
            let below = format!("{}/{name}", path.trim_end_matches('/'));
            match source.lookup_child(&seen.object, &name).await {
                Ok(answer) if answer.value.is_some() && !open => {
                    findings.push(format!("{below} is found, and nobody listed it"));
                }
                Ok(_) => {}
                Err(error) if is_unrecorded(&error) => {}
                Err(error) => findings.push(format!("{below}: {error}")),
            }
        }
    }
    Verdict::of(Rule::Absence, findings)
}

/// Notes texts whose last line has no end, which many programs take badly.
pub(super) fn lines(first: &Survey) -> Verdict {
    let open = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0);
        text && bytes.last().is_some_and(|last| *last != b'\n')
    };
    let notes = files(first).filter(|(_, _, bytes)| open(bytes));
    let notes = notes.map(|(path, ..)| format!("{path} is a text without a line's end at its end"));
    Verdict::of(Rule::Lines, Vec::new()).noting(notes.collect())
}
