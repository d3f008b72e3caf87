//! Names that are values: by their form alone, or found by a function.

use super::entry::{Entry, Kind};
use super::handler::{Handler, Typed};
use super::identity::{Found, Step};
use super::range::Range;
use super::template::Segment;
use super::tree::{Capture, Finder, Place, Way};
use super::{failure, plain, segments, types_of, Listed, Router};
use crate::projection::{Content, Error as Failure, Node};

impl Router {
    /// Finds the names that the capture at the end of a template stands for, `{name}` or `{*path}`, with
    /// a function of its captures: where there are too many to be listed, only the upstream knows which
    /// there are, or asking for one costs less or says more.
    ///
    /// Whoever looks a name up gets what the function returns, whose call takes the place of the
    /// directory's handler; nothing, or an error that [is not found](crate::Error::is_not_found), is an
    /// absent name. What the entry is called does not matter. Its [`key`](Entry::key) is what the name
    /// means, so that two spellings are one object; without one that is the value itself. Its text is
    /// its content where no route reads it.
    ///
    /// A file whose handler takes a [`Range`], and of which the listing says no
    /// [`size`](Entry::size), is looked up before it is read, so that its size need not be found by
    /// reading it. Names that the directory lists have to be found as well; a listing that has not all of them
    /// says so, by [`partial`](super::Listing::partial).
    ///
    /// ```
    /// use omnifs_provider::router::{Entry, Router};
    /// use omnifs_provider::Error;
    ///
    /// fn user(login: String) -> Result<Option<Entry>, Error> {
    ///     let login = login.to_lowercase();
    ///     Ok((login == "octo").then(|| Entry::dir(&login).key(&login)))
    /// }
    ///
    /// fn name(login: String) -> Result<String, Error> {
    ///     Ok(login)
    /// }
    ///
    /// let app = Router::new().find("/{login}", user).file("/{login}/name", name);
    /// assert!(app.problems().is_empty());
    /// ```
    #[must_use]
    pub fn find<P>(mut self, template: &str, handler: impl Handler<Option<Entry>, P>) -> Self {
        let types = types_of(&handler);
        let call = move |values: &[String], range: Range| handler.call(values, range);
        let added = self.try_find(template, &types, Box::new(call));
        self.problems.extend(added.err());
        self
    }

    fn try_find(&mut self, template: &str, types: &[Typed], finder: Finder) -> Result<(), String> {
        let segments = segments(template, types)?;
        if matches!(segments.last(), Some(Segment::Literal(_)) | None) {
            return Err(format!("the route {template} ends with no capture whose names are found"));
        }
        self.root.find(Way { template, segments: &segments, types }, finder)
    }

    /// Returns what a name stands for: by the function that finds what is left of a path, or by the
    /// listing.
    pub(super) fn looked(&self, found: &Found<'_>, name: &str) -> Result<Listed, Failure> {
        let Some(place) = found.below().filter(|place| place.finder.is_some()) else {
            return self.listed_as(found, name);
        };
        // A name that no text is written as is absent, and so is one that would be two.
        let plain = crate::unescape_name(name).filter(|plain| !plain.contains('/'));
        let Some(plain) = plain else { return Ok(Listed::Nothing) };
        let mut values = found.values.clone();
        match values.pop().filter(|_| found.rest.is_some()) {
            Some(path) => values.push(format!("{path}/{plain}")),
            None => {
                values.clone_from(&found.values);
                values.push(plain);
            }
        }
        Ok(match ask(place, &values)? {
            Some(entry) => Listed::Entry(Box::new(Entry { name: name.to_string(), ..entry })),
            None => Listed::Nothing,
        })
    }

    /// Returns the value that a name is, if it is one.
    pub(super) fn captured<'a>(&self, found: &Found<'a>, name: &str) -> Option<Captured<'a>> {
        if found.rest.is_some() {
            // What is below can only be said by a listing.
            return None;
        }
        let place: &'a Place = found.place;
        let mut captures = place.captures.iter().enumerate();
        captures.find_map(|(at, capture)| {
            let value = capture.value(name)?;
            // A name that no value is written as is absent.
            Some(Captured { at, capture, value: crate::unescape_name(value)? })
        })
    }

    /// Asks for a value's name.
    pub(super) fn find_captured(
        &self,
        parent: &str,
        found: &Found<'_>,
        Captured { at, capture, value }: &Captured<'_>,
    ) -> Result<Option<Node>, Failure> {
        let mut values = found.values.clone();
        values.push(value.clone());
        let Some(mut entry) = ask(&capture.place, &values)? else { return Ok(None) };
        let key = entry.key.clone().unwrap_or_else(|| value.clone());
        if !(capture.typed.fits)(&key) {
            let why = format!("the key {key:?} of {value:?} is no {}", capture.typed.name);
            return Err(Failure::Invalid(why));
        }
        entry.suit(&capture.place)?;
        Ok(Some(entry.node(Step::Capture(*at, key).below(parent))))
    }
}

/// A name that is a value of a capture.
pub(super) struct Captured<'a> {
    /// Which capture of its place it is.
    at: usize,
    capture: &'a Capture,
    value: String,
}

impl Captured<'_> {
    /// Returns whether its form alone does not tell that there is such a name.
    pub(super) fn is_asked_for(&self) -> bool {
        self.capture.place.finder.is_some()
    }

    /// Returns the node of one whose form tells.
    pub(super) fn node(self, parent: &str) -> Node {
        plain(Step::Capture(self.at, self.value).below(parent), &self.capture.place)
    }
}

impl Entry {
    /// Takes in what the route of its place says of it.
    ///
    /// # Errors
    /// When that is a file and the entry is none.
    pub(super) fn suit(&mut self, place: &Place) -> Result<(), Failure> {
        let Some(reader) = place.reader() else { return Ok(()) };
        match &mut self.kind {
            Kind::File(facts) => facts.ranges = reader.ranges && !self.whole,
            Kind::Directory | Kind::Link(_) if place.leaf.is_none() => {
                let name = &self.name;
                return Err(Failure::Invalid(format!("the entry {name:?} is a file by its route")));
            }
            Kind::Directory | Kind::Link(_) => {}
        }
        Ok(())
    }
}

/// Asks for the name that leads to a place.
fn ask(place: &Place, values: &[String]) -> Result<Option<Entry>, Failure> {
    let Some(finder) = &place.finder else { return Ok(None) };
    match finder(values, None.into()) {
        Ok(found) => Ok(found),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(failure(&error)),
    }
}

/// Returns the bytes of a file that no route reads: those that it is found with.
pub(super) fn content(found: &Found<'_>) -> Result<Content, Failure> {
    match ask(found.place, &found.values)?.map(|entry| entry.kind) {
        Some(Kind::File(facts)) => Ok(Content::Bytes(facts.content.unwrap_or_default())),
        Some(Kind::Directory | Kind::Link(_)) | None => Err(Failure::NotFound),
    }
}
