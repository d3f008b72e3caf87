//! A tree of files from routes: plain functions for the places of a path.
//!
//! ```
//! use omnifs_provider::router::{Entry, Listing, Router};
//! use omnifs_provider::Error;
//!
//! fn issues(_owner: String, _repo: String) -> Result<Vec<Entry>, Error> {
//!     // One request lists them; what it says of each comes with the listing.
//!     Ok(vec![Entry::dir("7").key(7001)])
//! }
//!
//! fn title(_owner: String, _repo: String, issue: u64) -> Result<String, Error> {
//!     Ok(format!("issue {issue}"))
//! }
//!
//! fn app() -> Router {
//!     Router::new()
//!         .dir("/{owner}/{repo}/issues", issues)
//!         .file("/{owner}/{repo}/issues/{issue}/title", title)
//! }
//!
//! omnifs_provider::serve!(app);
//! # fn main() { assert_eq!(app().problems(), Vec::<String>::new()); }
//! ```
//!
//! A template has literal names, captures (`{owner}`, or `v{number}` after a text) and at its
//! end perhaps `{*path}`, which takes all names that are left. A literal name goes before a
//! capture, in lookups and listings; of captures that one is taken whose type the value parses
//! into, those with the longer text first. What is between routes and has only literal names in
//! it lists itself. A directory without a handler whose names are captures lists nothing, and
//! each name that parses is found in it, unless [`find`](Router::find) has a function asked for it.
//!
//! An entry's [`key`](Entry::key) is what the handlers below it get, and what identifies it: an
//! object keeps its identity when it is renamed upstream.
//!
//! With `serve!(app, watch = events)` a function without parameters follows the upstream for as long
//! as the provider is served, and says which nodes are outdated. It returns nothing or a
//! `Result<(), Error>`; when it ends, it is started again after a moment:
//!
//! ```
//! use omnifs_provider::router::{Entry, Router};
//! use omnifs_provider::{cache_control, http, Error};
//!
//! fn issues(_repo: u64) -> Result<Vec<Entry>, Error> {
//!     Ok(vec![Entry::text("1", "an issue")])
//! }
//!
//! fn app() -> Router {
//!     Router::new().dir("/{repo}/issues", issues)
//! }
//!
//! fn events() -> Result<(), Error> {
//!     let routes = app();
//!     // Each line is the number of a repository whose issues have changed.
//!     for line in http::get("https://api.example.com/events").open()?.error_for_status()?.lines() {
//!         cache_control::invalidate(routes.node_id("/{repo}/issues", &[&line?])?);
//!     }
//!     Ok(())
//! }
//!
//! omnifs_provider::serve!(app, watch = events);
//! # fn main() { assert!(app().node_id("/{repo}/issues", &[&7]).is_ok()); }
//! ```
//!
//! What happens while it does not run it has to find out when it begins, if the upstream can tell;
//! otherwise the host believes what it has for as long as its answers are fresh.
//!
//! All that is left of a path may be directories and files: `/{*path}` then has a function for both,
//! and each entry says which it is.
//!
//! At the root lies a `README.md` with the routes, unless one of them is called that or the router is
//! [`bare`](Router::bare).

mod collection;
mod cursor;
mod entry;
mod finding;
mod handler;
mod identity;
mod range;
mod serve;
mod template;
#[cfg(test)]
mod tests;
mod tree;

pub use self::collection::Collection;
pub use self::cursor::Cursor;
use self::entry::Kind;
pub use self::entry::{Entry, File, Listing};
pub use self::handler::{Handler, Typed, WithRange};
use self::identity::{follow, Found, Step};
pub use self::range::Range;
use self::template::Segment;
use self::tree::{Answerer, Place, Reader, Way};
use crate::http::HttpError;
use crate::projection::{
    ByteRange, Content, Entry as Named, Error as Failure, Freshness, Node, Page,
};
use crate::Error;

const README: &str = "README.md";

/// How many pages of a listing a name is looked for in at most.
const PAGES_MAX: usize = 100_000;

/// What a handler lists under a name.
enum Listed {
    Entry(Box<Entry>),
    /// All names are listed, and it is none of them.
    Nothing,
    /// The names that are listed are not all, or there is no handler.
    Unknown,
}

/// Routes, and what answers for them; see the [module](self).
#[derive(Default)]
pub struct Router {
    root: Place,
    /// The templates, in their order, with what is at their end.
    templates: Vec<(String, &'static str)>,
    about: String,
    /// Whether nothing is at the root but what the routes say.
    is_bare: bool,
    problems: Vec<String>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("templates", &self.templates).finish_non_exhaustive()
    }
}

impl Router {
    /// Returns one without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what the tree is, in the first lines of its `README.md`.
    #[must_use]
    pub fn about(self, text: impl Into<String>) -> Self {
        Self { about: text.into(), ..self }
    }

    /// Leaves the `README.md` out, of a tree in which every name is the upstream's.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { is_bare: true, ..self }
    }

    /// Lists the directory of a template with a function of its captures.
    #[must_use]
    pub fn dir<P>(self, template: &str, handler: impl Handler<Listing, P>) -> Self {
        let types = types_of(&handler);
        let call = move |values: &[String], range: Range| handler.call(values, range);
        self.add(template, &types, Answerer::Directory(Box::new(call)))
    }

    /// Lists the directory of a template page by page, with a function of its captures and a
    /// [`Cursor`]: whoever reads gets the names of a page before the next one is asked for.
    ///
    /// ```
    /// use omnifs_provider::router::{Cursor, Entry, Listing, Router};
    /// use omnifs_provider::Error;
    ///
    /// fn numbers(page: Cursor) -> Result<Listing, Error> {
    ///     let page: u32 = page.or(0);
    ///     let names = (page * 100..(page + 1) * 100).map(|n| Entry::text(n.to_string(), "a number"));
    ///     let listing: Listing = names.collect();
    ///     Ok(if page < 9 { listing.next(page + 1) } else { listing })
    /// }
    ///
    /// assert!(Router::new().pages("/numbers", numbers).problems().is_empty());
    /// ```
    #[must_use]
    pub fn pages<P>(mut self, template: &str, handler: impl Handler<Listing, P>) -> Self {
        let mut types = types_of(&handler);
        if types.pop().is_none_or(|last| last.id != std::any::TypeId::of::<Cursor>()) {
            let problem = format!("the function of {template} takes no Cursor after its captures");
            self.problems.push(problem);
            return self;
        }
        let call = move |values: &[String], range: Range| handler.call(values, range);
        self.add(template, &types, Answerer::Pages(Box::new(call)))
    }

    /// Reads the file of a template with a function of its captures, which may take a [`Range`]
    /// after them.
    #[must_use]
    pub fn file<P, H: Handler<File, P>>(self, template: &str, handler: H) -> Self {
        let types = types_of(&handler);
        let call = move |values: &[String], range: Range| handler.call(values, range);
        let reader = Reader { call: Box::new(call), ranges: H::RANGES };
        self.add(template, &types, Answerer::File(reader))
    }

    fn add(mut self, template: &str, types: &[Typed], answerer: Answerer) -> Self {
        let kind = match answerer {
            Answerer::Directory(_) | Answerer::Pages(_) => "a directory",
            Answerer::File(_) => "a file",
        };
        if let Err(problem) = self.try_add(template, types, answerer) {
            self.problems.push(problem);
        }
        self.templates.push((template.to_string(), kind));
        self
    }

    fn try_add(
        &mut self,
        template: &str,
        types: &[Typed],
        answerer: Answerer,
    ) -> Result<(), String> {
        let segments = segments(template, types)?;
        self.root.add(Way { template, segments: &segments, types }, answerer)
    }

    /// Returns what is wrong with the routes: the provider is not loaded with any of it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }

    /// Returns the identity of the node at a template, a route's or the beginning of one's, whose
    /// captures have these values: an entry's [`key`](Entry::key) where it has one, what its name
    /// stands for otherwise. For [`cache_control::invalidate`](crate::cache_control::invalidate).
    ///
    /// # Errors
    /// When there is no such place, or a value cannot be one of its captures'.
    pub fn node_id(&self, template: &str, values: &[&dyn ToString]) -> Result<String, Error> {
        self.root.identity(template, values).map(|(id, _)| id).map_err(Error::new)
    }

    /// Returns the identity of an entry that the handler of a directory lists and that no route leads
    /// through, by its name there; as [`node_id`](Self::node_id) has that of the directory.
    ///
    /// # Errors
    /// As [`node_id`](Self::node_id).
    pub fn entry_id(
        &self,
        template: &str,
        values: &[&dyn ToString],
        name: impl AsRef<str>,
    ) -> Result<String, Error> {
        let (id, _) = self.root.identity(template, values).map_err(Error::new)?;
        Ok(Step::Entry(crate::escape_name(name.as_ref())).below(&id))
    }

    fn check(&self) -> Result<(), Failure> {
        match self.problems.first() {
            None => Ok(()),
            Some(problem) => Err(Failure::Invalid(problem.clone())),
        }
    }

    /// Answers `lookup-child`.
    #[doc(hidden)]
    pub fn lookup(&self, parent: &str, name: &str) -> Result<Option<Node>, Failure> {
        self.check()?;
        let found = self.follow(parent)?;
        if found.entry.is_some() {
            return Ok(None);
        }
        if found.rest.is_none() {
            if let Some((known, place)) = found.place.literals.iter().find(|(n, _)| n == name) {
                return Ok(Some(plain(Step::Literal(known.clone()).below(parent), place)));
            }
            if parent.is_empty() && name == README && !self.is_bare {
                return Ok(Some(self.readme_entry().node(Step::Entry(README.into()).below(""))));
            }
        }
        // Asking for one name costs less than listing all.
        let captured = self.captured(&found, name);
        if let Some(captured) = captured.as_ref().filter(|captured| captured.is_asked_for()) {
            return self.find_captured(parent, &found, captured);
        }
        match self.looked(&found, name)? {
            Listed::Entry(entry) => self.entry(parent, &found, *entry).map(Some),
            Listed::Nothing => Ok(None),
            Listed::Unknown => Ok(captured.map(|captured| captured.node(parent))),
        }
    }

    /// Returns the node of an entry that a directory's handler gave.
    fn entry(&self, parent: &str, found: &Found<'_>, mut entry: Entry) -> Result<Node, Failure> {
        let step = self.step(found, &entry)?;
        let below = match &step {
            Step::Capture(at, _) => found.place.captures.get(*at).map(|capture| &capture.place),
            Step::Rest(_) => found.below(),
            Step::Literal(_) | Step::Entry(_) => None,
        };
        if let Some(place) = below {
            entry.suit(place)?;
        }
        let id = match (&step, &found.rest) {
            // The identity of a path below a rest takes the place of its parent's.
            (Step::Rest(_), Some(_)) => {
                step.below(parent.rsplit_once('/').map_or("", |(up, _)| up))
            }
            _ => step.below(parent),
        };
        Ok(entry.node(id))
    }

    fn step(&self, found: &Found<'_>, entry: &Entry) -> Result<Step, Failure> {
        // The name was written by `escape_name`, and says what it was made of.
        let plain = |name: &str| crate::unescape_name(name).unwrap_or_else(|| name.to_string());
        let own = || plain(&entry.name);
        if let Some(rest) = &found.rest {
            let last = entry.key.clone().unwrap_or_else(own);
            return Ok(Step::Rest(format!("{rest}/{last}")));
        }
        if found.place.rest.is_some() {
            return Ok(Step::Rest(entry.key.clone().unwrap_or_else(own)));
        }
        for (at, capture) in found.place.captures.iter().enumerate() {
            // Of an entry with a key the name need not be a value.
            let Some(value) = capture.after_prefix(&entry.name) else { continue };
            let value = entry.key.clone().unwrap_or_else(|| plain(value));
            if (capture.typed.fits)(&value) {
                return Ok(Step::Capture(at, value));
            }
        }
        if matches!(entry.kind, Kind::Directory) {
            let name = &entry.name;
            let why = "which no route leads through";
            return Err(Failure::Invalid(format!("a listing has the directory {name:?}, {why}")));
        }
        Ok(Step::Entry(entry.name.clone()))
    }

    /// Returns what the handler of a directory lists, if it has one: all, or a page.
    fn listed(&self, found: &Found<'_>, cursor: Option<&str>) -> Result<Option<Listing>, Failure> {
        let listing = match &found.place.answerer {
            Some(Answerer::Directory(call)) => call(&found.values, None.into()),
            Some(Answerer::Pages(call)) => {
                let mut values = found.values.clone();
                values.push(Cursor::value(cursor));
                call(&values, None.into())
            }
            Some(Answerer::File(_)) | None => return Ok(None),
        };
        listing.map(Some).map_err(|error| failure(&error))
    }

    /// Returns what the handler of a directory lists under a name, going through its pages.
    fn listed_as(&self, found: &Found<'_>, name: &str) -> Result<Listed, Failure> {
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let Some(listing) = self.listed(found, cursor.as_deref())? else { break };
            let Listing { entries, partial, next } = listing;
            if let Some(entry) = entries.into_iter().find(|entry| entry.name == name) {
                return Ok(Listed::Entry(Box::new(entry)));
            }
            match next {
                Some(next) => cursor = Some(next),
                None if partial => break,
                None => return Ok(Listed::Nothing),
            }
        }
        Ok(Listed::Unknown)
    }

    /// Answers `list-children`.
    #[doc(hidden)]
    pub fn list(&self, directory: &str, cursor: Option<&str>) -> Result<Page, Failure> {
        self.check()?;
        let found = self.follow(directory)?;
        if cursor.is_some() && !matches!(found.place.answerer, Some(Answerer::Pages(_))) {
            return Err(Failure::Invalid("there is one page".to_string()));
        }
        let mut entries = Vec::new();
        if found.rest.is_none() && cursor.is_none() {
            for (name, place) in &found.place.literals {
                let node = plain(Step::Literal(name.clone()).below(directory), place);
                entries.push(Named { name: name.clone(), node });
            }
        }
        let is_known = |name: &str| {
            found.rest.is_none() && found.place.literals.iter().any(|(known, _)| known == name)
        };
        if directory.is_empty() && cursor.is_none() && !is_known(README) && !self.is_bare {
            let node = self.readme_entry().node(Step::Entry(README.into()).below(""));
            entries.push(Named { name: README.to_string(), node });
        }
        let open = !found.place.captures.is_empty() || found.place.rest.is_some();
        let mut next = None;
        let complete = match self.listed(&found, cursor)? {
            None => !open,
            Some(listing) => {
                let complete = listing.is_complete();
                next = listing.next;
                for entry in listing.entries {
                    if !is_known(&entry.name) {
                        let name = entry.name.clone();
                        let node = self.entry(directory, &found, entry)?;
                        entries.push(Named { name, node });
                    }
                }
                complete
            }
        };
        Ok(Page { entries, next, complete })
    }

    /// Answers `read-file`.
    #[doc(hidden)]
    pub fn read(&self, file: &str, range: Option<ByteRange>) -> Result<Content, Failure> {
        self.check()?;
        let found = self.follow(file)?;
        if let Some(name) = &found.entry {
            if found.values.is_empty() && name == README && !self.is_bare {
                return Ok(Content::Bytes(self.readme().into_bytes()));
            }
            let Listed::Entry(entry) = self.listed_as(&found, name)? else {
                return Err(Failure::NotFound);
            };
            return match entry.kind {
                Kind::File(facts) => Ok(Content::Bytes(facts.content.unwrap_or_default())),
                Kind::Directory | Kind::Link(_) => Err(Failure::NotFound),
            };
        }
        match found.place.reader() {
            Some(reader) => {
                let range = Range::from(range.filter(|_| reader.ranges));
                let file = (reader.call)(&found.values, range).map_err(|error| failure(&error))?;
                Ok(file.content)
            }
            None if found.place.answerer.is_none() => finding::content(&found),
            None => Err(Failure::NotFound),
        }
    }

    fn follow(&self, id: &str) -> Result<Found<'_>, Failure> {
        follow(&self.root, id).ok_or(Failure::NotFound)
    }

    fn readme_entry(&self) -> Entry {
        Entry::text(README, self.readme()).fresh(Freshness::Immutable)
    }

    /// Returns the text of the file that says what there is.
    fn readme(&self) -> String {
        let mut text = String::new();
        if !self.about.is_empty() {
            text.push_str(self.about.trim());
            text.push_str("\n\n");
        }
        text.push_str("| path | what is there |\n|---|---|\n");
        for (template, kind) in &self.templates {
            text.push_str(&format!("| `{template}` | {kind} |\n"));
        }
        text
    }
}

/// Takes a template apart whose captures have these types.
fn segments(template: &str, types: &[Typed]) -> Result<Vec<Segment>, String> {
    let segments =
        template::parse(template).map_err(|why| format!("the route {template:?} {why}"))?;
    let captures = segments.iter().filter(|s| !matches!(s, Segment::Literal(_))).count();
    if captures != types.len() {
        return Err(format!(
            "the route {template} has {captures} captures, and its function {} parameters",
            types.len()
        ));
    }
    Ok(segments)
}

fn types_of<T, P, H: Handler<T, P>>(_handler: &H) -> Vec<Typed> {
    H::types()
}

/// Returns the node of a place of which only the routes tell.
fn plain(id: String, place: &Place) -> Node {
    match place.answerer {
        Some(Answerer::File(Reader { ranges, .. })) => Entry::file("").ranges(ranges).node(id),
        Some(Answerer::Directory(_) | Answerer::Pages(_)) | None => Entry::dir("").node(id),
    }
}

/// Returns what the host is told of a handler's error.
fn failure(error: &Error) -> Failure {
    let text = error.to_string();
    if error.is_not_found() {
        Failure::NotFound
    } else if error.status() == Some(401) {
        Failure::Unauthenticated(text)
    } else if error.is_denied() {
        Failure::Denied(text)
    } else if error.is_rate_limited() {
        match error.host_error() {
            Some(HttpError::RateLimited(wait)) => Failure::RateLimited(*wait),
            _ => Failure::RateLimited(None),
        }
    } else if error.is_timeout() {
        Failure::TimedOut
    } else if matches!(error.host_error(), Some(HttpError::TooLarge)) {
        Failure::TooLarge
    } else if error.is_known_to_host() || error.is_unavailable() {
        Failure::Unavailable(text)
    } else {
        Failure::Invalid(text)
    }
}
