//! The contract suite: what every provider has to keep, judged on its component.
//!
//! It walks the component as the tree does, in the real runtime, with recorded exchanges in the
//! place of upstreams: gate, needs, secrets, limits and the rules for failures are those of the
//! daemon. Nothing here knows the command line.

mod faults;
mod golden;
mod rules;
mod survey;
mod whole;

use std::sync::Arc;

use omnifs_runtime::Provider;
use omnifs_runtime::http::{Fault, Recorded, Recorder, Recording, Replay, Upstreams};
use omnifs_vfs::{NodeKind, Object, ObjectKey};
use serde::Serialize;

pub(crate) use survey::Bounds;

use crate::control::Trouble;
use crate::daemon::tested::Bench;
use crate::exit::Failure;
use survey::{Order, Survey, survey};

/// A rule of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rule {
    Load,
    Exchanges,
    Walk,
    Names,
    Identities,
    Sizes,
    Versions,
    Contents,
    Pages,
    Absence,
    Lines,
    Unavailable,
    Refused,
    Late,
    Tree,
}

impl Rule {
    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Exchanges => "exchanges",
            Self::Walk => "walk",
            Self::Names => "names",
            Self::Identities => "identities",
            Self::Sizes => "sizes",
            Self::Versions => "versions",
            Self::Contents => "contents",
            Self::Pages => "pages",
            Self::Absence => "absence",
            Self::Lines => "lines",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Late => "late",
            Self::Tree => "tree",
        }
    }

    /// Returns what holds when it is kept.
    pub(crate) fn promise(self) -> &'static str {
        match self {
            Self::Load => "the component loads, and its routes can be told apart",
            Self::Exchanges => "every request is in a recording",
            Self::Walk => "every directory is listed, every file read",
            Self::Names => "every listed name is found, as the kind that its listing says",
            Self::Identities => "identities are stable, and no two objects have one",
            Self::Sizes => "sizes that are told are those of the bytes",
            Self::Versions => "versions change exactly when bytes do",
            Self::Contents => "bytes that come with a listing are those that read-file gives",
            Self::Pages => "no page leads back to one before it",
            Self::Absence => "made-up names are absent, and that is no error",
            Self::Lines => "texts end with a line's end",
            Self::Unavailable => "an upstream that answers 503 is an error, never another tree",
            Self::Refused => "an upstream that refuses connections is an error, never another tree",
            Self::Late => "an upstream that answers too late is an error, never another tree",
            Self::Tree => "the tree is that of tests/tree.txt",
        }
    }

    /// Returns what to do when it is broken.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Load => "correct what the reason names, and build again",
            Self::Exchanges => {
                "`omnifs test --record` makes a recording from the upstream; docs/testing.md says \
                 how to write one by hand"
            }
            Self::Walk => "every name that is shown has to be readable with what is recorded",
            Self::Names => {
                "lookup-child has to find every name of list-children, and say the same of it; \
                 names of an upstream go through escape_name"
            }
            Self::Identities => {
                "make an identity of what the upstream identifies the object by (stable_inode, or a \
                 key), not of an order, a time or a name that changes"
            }
            Self::Sizes => "tell the exact size, or none: the host learns it",
            Self::Versions => "make the version of what changes with the bytes alone, or tell none",
            Self::Contents => "give the bytes that read-file would, or none",
            Self::Pages => "make the next cursor of what this page ended with",
            Self::Absence => "lookup-child has to find the names that there are, and no others",
            Self::Lines => "Entry::text and File::text end a text with one",
            Self::Unavailable | Self::Refused | Self::Late => {
                "return the error of a failed request as it is (`?`), or nothing at all: anything \
                 else is taken for the truth"
            }
            Self::Tree => "`omnifs test --bless` writes the tree anew, if it is meant to be so",
        }
    }
}

/// What the suite has to say about one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) rule: Rule,
    /// What breaks it.
    pub(crate) findings: Vec<String>,
    /// What does not, and is worth knowing.
    pub(crate) notes: Vec<String>,
}

impl Verdict {
    fn of(rule: Rule, findings: Vec<String>) -> Self {
        Self { rule, findings, notes: Vec::new() }
    }

    fn noting(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }
}

/// What the suite found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) verdicts: Vec<Verdict>,
    /// The tree, a line a node; none when it cannot be walked.
    pub(crate) tree: Option<String>,
}

/// What is judged.
#[derive(Clone)]
pub(crate) struct Case<'a> {
    /// Makes a runtime with the provider in it.
    pub(crate) bench: &'a dyn Fn() -> Result<Bench, Failure>,
    pub(crate) exchanges: Vec<Recorded>,
    /// What the tree is to be, if that is said.
    pub(crate) golden: Option<String>,
    pub(crate) bounds: Bounds,
}

/// Walks a provider whose upstreams are real, and returns what they answered, and which of
/// the answers are not whole.
///
/// # Errors
/// What could not be read, and what cannot be written down.
pub(crate) async fn record(case: &Case<'_>) -> Result<(Recording, Vec<String>), Failure> {
    let bench = (case.bench)()?;
    let recorder = Arc::new(Recorder::default());
    let (provider, secrets) = bench.live(Upstreams::Watched(Arc::clone(&recorder)))?;
    let seen = survey(&*provider, Order::Listed, &case.bounds).await;
    if let Some(failed) = seen.failed.first() {
        return Err(Failure::new(format!("nothing was recorded: {failed}"))
            .remedy("correct tests/provider.toml, or try again when the upstream answers"));
    }
    // What is asked for a name that there is not belongs to it, too.
    let _judged = rules::absence(&*provider, provider.face(), &seen).await;
    let recording = recorder.recording(&secrets);
    Ok((recording.map_err(|error| Failure::new(error.to_string()))?, recorder.unfinished()))
}

/// Judges a provider.
///
/// # Errors
/// When the suite itself cannot go on.
pub(crate) async fn judge(case: &Case<'_>) -> Result<Outcome, Failure> {
    let replay = Arc::new(Replay::new(&case.exchanges).map_err(Failure::new)?);
    let bench = (case.bench)()?;
    let mut outcome = Outcome::default();
    let loaded = load(&bench, &replay).await;
    let provider = match loaded {
        Ok(provider) => provider,
        Err(why) => {
            let rest = vec!["no other rule was judged".to_owned()];
            outcome.verdicts.push(Verdict::of(Rule::Load, vec![why]).noting(rest));
            return Ok(outcome);
        }
    };
    outcome.verdicts.push(Verdict::of(Rule::Load, Vec::new()));

    let walks = Walks::of((case, &bench), &provider, &replay).await?;
    let (first, others, used) = (&walks.first, walks.others(), replay.used());
    let absence = rules::absence(&*provider, provider.face(), first).await;
    let exchanges = Verdict::of(Rule::Exchanges, replay.unrecorded()).noting(unused(case, &replay));
    outcome.verdicts.push(exchanges);
    outcome.verdicts.push(rules::walk(first));
    outcome.verdicts.push(Verdict::of(Rule::Names, first.unfit.clone()));
    outcome.verdicts.push(rules::identities(first, &others));
    outcome.verdicts.push(rules::sizes(first));
    outcome.verdicts.push(rules::versions(first, &others));
    outcome.verdicts.push(rules::contents(first));
    outcome.verdicts.push(rules::pages(first, provider.face()));
    outcome.verdicts.push(absence);
    outcome.verdicts.push(rules::lines(first));
    let faults = faults::Faults {
        exchanges: &case.exchanges,
        used: &used,
        replay: &replay,
        unsteady: &rules::unsteady(first, &others),
    };
    for (rule, fault) in [
        (Rule::Unavailable, Fault::Unavailable),
        (Rule::Refused, Fault::Refused),
        (Rule::Late, Fault::Late),
    ] {
        outcome.verdicts.push(faults.judge((rule, fault), &bench, first).await?);
    }
    if first.failed.is_empty() {
        let provider = bench.replaying(Upstreams::Recorded(Arc::clone(&replay)))?;
        let tree = golden::tree(bench.tree(provider), first).await;
        let golden = case.golden.as_deref();
        outcome.verdicts.push(golden::compare(tree.as_deref(), golden, &outcome.verdicts));
        outcome.tree = tree.ok();
    }
    Ok(outcome)
}

/// Walks over a provider whose upstreams are well.
struct Walks {
    first: Survey,
    again: Survey,
    fresh: Survey,
    restarted: Survey,
}

impl Walks {
    async fn of(
        (case, bench): (&Case<'_>, &Bench),
        provider: &Provider,
        replay: &Arc<Replay>,
    ) -> Result<Self, Failure> {
        let recorded = || Upstreams::Recorded(Arc::clone(replay));
        let (fresh, restarted) =
            (bench.replaying(recorded())?, (case.bench)()?.replaying(recorded())?);
        Ok(Self {
            first: survey(provider, Order::Listed, &case.bounds).await,
            again: survey(provider, Order::Listed, &case.bounds).await,
            fresh: survey(&*fresh, Order::Reversed, &case.bounds).await,
            restarted: survey(&*restarted, Order::Listed, &case.bounds).await,
        })
    }

    /// Returns all but the first, and what each of them was.
    fn others(&self) -> [(&'static str, &Survey); 3] {
        [
            ("walked again", &self.again),
            ("in a fresh instance", &self.fresh),
            ("after a restart", &self.restarted),
        ]
    }
}

/// Loads the provider, and asks it for the names in its root: routes that cannot be told apart
/// have a component refuse that before it asks for anything.
async fn load(bench: &Bench, replay: &Arc<Replay>) -> Result<Arc<Provider>, String> {
    let loaded = bench.replaying(Upstreams::Recorded(Arc::clone(replay)));
    let provider = loaded.map_err(|Trouble { reason, remedy }| format!("{reason}: {remedy}"))?;
    let root = Object::root(ObjectKey(0));
    let listed = whole::list(&*provider, &root).await;
    let asked = provider.failures().last().is_some_and(|call| !call.made.exchanges.is_empty());
    match listed {
        Err(error) if !asked => Err(format!("its root cannot be listed: {error}")),
        Ok(_) | Err(_) => Ok(provider),
    }
}

/// Returns the exchanges that nobody asked for.
fn unused(case: &Case<'_>, replay: &Replay) -> Vec<String> {
    let used = replay.used();
    let unused = case.exchanges.iter().enumerate().filter(|(number, _)| !used.contains(number));
    unused.map(|(_, exchange)| format!("nobody asked for {}", exchange.request())).collect()
}

/// Returns the word for a kind.
fn word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Directory => "directory",
        NodeKind::Symlink => "link",
    }
}
