//! The rules of the contract, as far as they can be judged without a host.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::exchanges::{Fault, Replay};
use super::{root, Problem, Provider, Session};
use crate::projection::{FileFacts, Node, NodeKind};

/// How many nodes are walked at most.
const MOST: usize = 2_000;

/// A name that no provider has.
const MADE_UP: &str = "omnifs-made-up-name";

/// What a walk saw of an object.
struct Seen {
    /// The identity of its directory, and its name there.
    place: Option<(String, String)>,
    node: Node,
    names: Option<Vec<String>>,
    complete: bool,
    bytes: Option<Vec<u8>>,
}

/// What a walk saw, by path.
type Walk = BTreeMap<String, Seen>;

/// Returns what breaks a rule.
pub(super) fn problems(provider: &Provider, replay: &Rc<Replay>) -> Vec<String> {
    let session = provider.session(replay);
    let mut problems = session.router.problems();
    if !problems.is_empty() {
        return problems;
    }
    let first = walk(&session, &mut problems);
    let again = walk(&provider.session(replay), &mut Vec::new());
    for (path, seen) in &first {
        problems.extend(told(path, &seen.node, seen.bytes.as_deref()));
        problems.extend(changed(path, seen, again.get(path)));
        if seen.names.is_some() && seen.complete {
            let below = below(path, MADE_UP);
            match session.lookup(&below, &seen.node.id, MADE_UP) {
                Ok(None) => {}
                Ok(Some(_)) => problems.push(format!("{below} is found, and nobody listed it")),
                Err(problem) => problems.push(problem.to_string()),
            }
        }
    }
    problems.extend(shared(&first));
    for (number, request) in replay.used() {
        for fault in [Fault::Unavailable, Fault::Refused, Fault::Late] {
            let session = provider.session(&Rc::new(replay.failing(number, fault)));
            let failed = first.iter().filter_map(|(path, seen)| differs(&session, path, seen));
            problems.extend(failed.map(|what| format!("while {request} fails, {what}")));
        }
    }
    problems.dedup();
    problems
}

fn below(path: &str, name: &str) -> String {
    format!("{}/{name}", path.trim_end_matches('/'))
}

/// Walks a provider: every name is listed, looked up, and read.
fn walk(session: &Session, problems: &mut Vec<String>) -> Walk {
    let mut all = Walk::new();
    let mut left = vec![("/".to_string(), None, root())];
    while let Some((path, place, node)) = left.pop() {
        let (mut names, mut complete, mut bytes) = (None, false, None);
        let seen: Result<(), Problem> = (|| {
            match &node.kind {
                NodeKind::Symlink(_) => {}
                NodeKind::File(_) => bytes = Some(session.read(&path, &node.id)?),
                NodeKind::Directory => {
                    let (entries, all) = session.entries(&path, &node.id)?;
                    names = Some(entries.iter().map(|entry| entry.name.clone()).collect());
                    complete = all;
                    for entry in entries {
                        let below = below(&path, &entry.name);
                        let found = session.lookup(&below, &node.id, &entry.name)?;
                        let found = found.ok_or_else(|| {
                            Problem::new(format!("{below} is listed, and not found"))
                        })?;
                        problems.extend(listed_otherwise(&below, &entry.node, &found));
                        left.push((below, Some((node.id.clone(), entry.name)), found));
                    }
                }
            }
            Ok(())
        })();
        problems.extend(seen.err().map(|problem| problem.to_string()));
        all.insert(path, Seen { place, node, names, complete, bytes });
        if all.len() >= MOST {
            break;
        }
    }
    all
}

fn kind(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::Directory => "a directory",
        NodeKind::File(_) => "a file",
        NodeKind::Symlink(_) => "a link",
    }
}

fn listed_otherwise(path: &str, listed: &Node, found: &Node) -> Option<String> {
    if kind(listed) != kind(found) {
        let (was, is) = (kind(listed), kind(found));
        return Some(format!("{path} is listed as {was}, and found as {is}"));
    }
    (listed.id != found.id).then(|| {
        let (was, is) = (&listed.id, &found.id);
        format!("{path} is listed as {was:?}, and found as {is:?}")
    })
}

fn facts(node: &Node) -> Option<&FileFacts> {
    match &node.kind {
        NodeKind::File(facts) => Some(facts),
        NodeKind::Directory | NodeKind::Symlink(_) => None,
    }
}

/// Compares what is told of a file with its bytes.
fn told(path: &str, node: &Node, bytes: Option<&[u8]>) -> Vec<String> {
    let (Some(facts), Some(bytes)) = (facts(node), bytes) else { return Vec::new() };
    let mut problems = Vec::new();
    if let Some(size) = facts.size.filter(|size| *size != bytes.len() as u64) {
        problems.push(format!("{path} is said to have {size} bytes, and has {}", bytes.len()));
    }
    if facts.content.as_ref().is_some_and(|content| content != bytes) {
        problems.push(format!("{path} comes with other bytes than it is read with"));
    }
    problems
}

/// Compares two walks.
fn changed(path: &str, seen: &Seen, again: Option<&Seen>) -> Option<String> {
    let Some(again) = again else { return Some(format!("{path} is not there in a new instance")) };
    if seen.node.id != again.node.id {
        let (was, is) = (&seen.node.id, &again.node.id);
        return Some(format!("{path} is {was:?}, and {is:?} in a new instance"));
    }
    let version = |seen: &Seen| facts(&seen.node).and_then(|facts| facts.version.clone());
    let (was, is) = (version(seen), version(again));
    let is_told = was.is_some() || is.is_some();
    if is_told && (was == is) != (seen.bytes == again.bytes) {
        return Some(format!("the version of {path} does not change exactly when its bytes do"));
    }
    None
}

/// Finds different objects with one identity.
fn shared(walk: &Walk) -> Vec<String> {
    let mut known: BTreeMap<&str, (&String, &Seen)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, seen) in walk {
        let (other, one) = known.entry(&seen.node.id).or_insert((path, seen));
        let same = kind(&one.node) == kind(&seen.node)
            && one.bytes == seen.bytes
            && one.names == seen.names;
        if !same {
            problems.push(format!("{other} and {path} are both {:?}", seen.node.id));
        }
    }
    problems
}

/// Says how an object differs from what it was, if it does and is no error.
fn differs(session: &Session, path: &str, seen: &Seen) -> Option<String> {
    if let Some((parent, name)) = &seen.place {
        match session.lookup(path, parent, name) {
            Ok(None) => return Some(format!("{path} is gone")),
            Ok(Some(found)) if found.id != seen.node.id || kind(&found) != kind(&seen.node) => {
                return Some(format!("{path} is another object"));
            }
            Ok(Some(_)) | Err(_) => {}
        }
    }
    if let (Some(names), Ok((entries, _))) = (&seen.names, session.entries(path, &seen.node.id)) {
        if !entries.iter().map(|entry| &entry.name).eq(names) {
            return Some(format!("{path} lists other names"));
        }
    }
    match (&seen.bytes, seen.bytes.as_ref().map(|_| session.read(path, &seen.node.id))) {
        (Some(bytes), Some(Ok(now))) if *bytes != now => Some(format!("{path} has other bytes")),
        _ => None,
    }
}
