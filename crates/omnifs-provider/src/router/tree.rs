//! The routes as a tree: one node a place that templates name.

use super::entry::{Entry, File, Listing};
use super::handler::Typed;
use super::range::Range;
use super::template::Segment;
use crate::Error;

pub(super) type Call<T> = Box<dyn Fn(&[String], Range) -> Result<T, Error>>;

/// Says what a name stands for.
pub(super) type Finder = Call<Option<Entry>>;

/// What is answered for at a place.
pub(super) enum Answerer {
    Directory(Call<Listing>),
    /// A directory in pages: the cursor comes after the captures.
    Pages(Call<Listing>),
    File(Reader),
}

/// What answers for a file.
pub(super) struct Reader {
    pub(super) call: Call<File>,
    /// Whether it does for parts.
    pub(super) ranges: bool,
}

/// A place that templates name, and those below it.
#[derive(Default)]
pub(super) struct Place {
    pub(super) literals: Vec<(String, Place)>,
    /// Those with the longest text before them first, then in the order of the routes.
    pub(super) captures: Vec<Capture>,
    pub(super) rest: Option<Box<Capture>>,
    pub(super) answerer: Option<Answerer>,
    /// What answers for the files of a place that takes all that is left, where `answerer` does for
    /// its directories.
    pub(super) leaf: Option<Reader>,
    /// What is asked for the names that lead here.
    pub(super) finder: Option<Finder>,
    /// Whether it stands for all that is left of a path.
    is_rest: bool,
    /// The template that brought the answerer.
    template: String,
}

/// A name that is a value.
pub(super) struct Capture {
    pub(super) prefix: String,
    name: String,
    pub(super) typed: Typed,
    pub(super) place: Place,
    /// The template that it was first in.
    template: String,
}

impl Capture {
    /// Returns the value in a name, if the name is one of these.
    pub(super) fn value<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.after_prefix(name).filter(|value| (self.typed.fits)(value))
    }

    /// Returns what comes after the text that its names begin with, if there is anything.
    pub(super) fn after_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.prefix.as_str()).filter(|value| !value.is_empty())
    }
}

/// What is left of a template, and of the types of its captures.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) template: &'a str,
    pub(super) segments: &'a [Segment],
    pub(super) types: &'a [Typed],
}

#[expect(clippy::indexing_slicing, reason = "at places that were just found or filled")]
impl Place {
    /// Adds a part to the place of a template.
    ///
    /// # Errors
    /// Both templates, and what is wrong with the two of them together.
    pub(super) fn add(&mut self, way: Way<'_>, answerer: Answerer) -> Result<(), String> {
        self.at(way)?.answer(way.template, answerer)
    }

    /// Adds what finds the names that a template stands for.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn find(&mut self, way: Way<'_>, finder: Finder) -> Result<(), String> {
        match self.at(way)?.finder.replace(finder) {
            None => Ok(()),
            Some(_) => Err(format!("the names of {} are found by two functions", way.template)),
        }
    }

    /// Returns the place of a template, which may be there already.
    fn at(&mut self, way: Way<'_>) -> Result<&mut Self, String> {
        let template = way.template;
        let Some((segment, segments)) = way.segments.split_first() else { return Ok(self) };
        if matches!(self.answerer, Some(Answerer::File(_))) {
            let other = &self.template;
            return Err(format!("the route {template} leads through {other}, which is a file"));
        }
        if let Segment::Literal(name) = segment {
            return self.literal(name).at(Way { segments, ..way });
        }
        let Some((typed, types)) = way.types.split_first() else {
            return Err(format!("the route {template} has a capture without a type"));
        };
        let place = match segment {
            Segment::Rest { .. } => self.all_that_is_left(template, segment, *typed)?,
            Segment::Capture { .. } | Segment::Literal(_) => {
                self.capture(template, segment, *typed)?
            }
        };
        place.at(Way { template, segments, types })
    }

    /// Takes what answers for a template that ends here. All that is left of a path may be
    /// directories and files.
    fn answer(&mut self, template: &str, answerer: Answerer) -> Result<(), String> {
        if matches!(answerer, Answerer::File(_)) && self.has_names() {
            return Err(format!("the route {template} is a file, and others lead through it"));
        }
        let both = self.is_rest && self.leaf.is_none();
        match (self.answerer.take(), answerer) {
            (None, answerer) => {
                self.answerer = Some(answerer);
                self.template = template.to_string();
            }
            (
                Some(Answerer::File(reader)),
                directory @ (Answerer::Directory(_) | Answerer::Pages(_)),
            )
            | (
                Some(directory @ (Answerer::Directory(_) | Answerer::Pages(_))),
                Answerer::File(reader),
            ) if both => {
                (self.answerer, self.leaf) = (Some(directory), Some(reader));
            }
            (answerer, _) => {
                self.answerer = answerer;
                let other = &self.template;
                return Err(format!("the routes {other} and {template} are the same"));
            }
        }
        Ok(())
    }

    /// Returns what reads the file that an identity leads to, if it can lead to one.
    pub(super) fn reader(&self) -> Option<&Reader> {
        match &self.answerer {
            Some(Answerer::File(reader)) => Some(reader),
            Some(Answerer::Directory(_) | Answerer::Pages(_)) | None => self.leaf.as_ref(),
        }
    }

    /// Returns the place of a name, which may be there already.
    fn literal(&mut self, name: &str) -> &mut Self {
        let at = self.literals.iter().position(|(known, _)| known == name);
        let at = at.unwrap_or(self.literals.len());
        if at == self.literals.len() {
            self.literals.push((name.to_string(), Self::default()));
        }
        &mut self.literals[at].1
    }

    fn all_that_is_left(
        &mut self,
        template: &str,
        segment: &Segment,
        typed: Typed,
    ) -> Result<&mut Self, String> {
        if !typed.takes_all() {
            return Err(format!(
                "the route {template} takes all that is left as {}: it has to be a String",
                typed.name
            ));
        }
        let rest = self.rest.get_or_insert_with(|| {
            let mut rest = Capture::new(template, segment, typed);
            rest.place.is_rest = true;
            Box::new(rest)
        });
        Ok(&mut rest.place)
    }

    fn has_names(&self) -> bool {
        !self.literals.is_empty() || !self.captures.is_empty() || self.rest.is_some()
    }

    /// Returns the place of a capture, which may be there already.
    fn capture(
        &mut self,
        template: &str,
        segment: &Segment,
        typed: Typed,
    ) -> Result<&mut Self, String> {
        let new = Capture::new(template, segment, typed);
        let same = |known: &Capture| known.prefix == new.prefix && known.typed.id == typed.id;
        if let Some(at) = self.captures.iter().position(same) {
            let known = &mut self.captures[at];
            if known.name != new.name {
                return Err(format!(
                    "the routes {} and {template} call one capture {{{}}} and {{{}}}: every name of \
                     the one is one of the other",
                    known.template, known.name, new.name
                ));
            }
            return Ok(&mut known.place);
        }
        if let Some(known) = self.captures.iter().find(|known| known.hides(&new.prefix)) {
            return Err(format!(
                "the route {template} is never reached: {} takes every name that it would",
                known.template
            ));
        }
        let shorter = |known: &Capture| known.prefix.len() < new.prefix.len();
        let at = self.captures.iter().position(shorter).unwrap_or(self.captures.len());
        self.captures.insert(at, new);
        Ok(&mut self.captures[at].place)
    }
}

impl Capture {
    fn new(template: &str, segment: &Segment, typed: Typed) -> Self {
        let (prefix, name) = match segment {
            Segment::Capture { prefix, name } => (prefix.as_str(), name),
            Segment::Rest { name } | Segment::Literal(name) => ("", name),
        };
        Self {
            prefix: prefix.to_string(),
            name: name.to_string(),
            typed,
            place: Place::default(),
            template: template.to_string(),
        }
    }

    /// Returns whether this is what a template has there.
    pub(super) fn is(&self, segment: &Segment) -> bool {
        match segment {
            Segment::Capture { prefix, name } => *prefix == self.prefix && *name == self.name,
            Segment::Rest { name } => *name == self.name,
            Segment::Literal(_) => false,
        }
    }

    /// Returns whether no name is left for another capture with this text before it, which would
    /// come after this one.
    fn hides(&self, prefix: &str) -> bool {
        self.typed.takes_all() && prefix == self.prefix
    }
}
