//! The identity of a node: the way to its place in the routes, with the values on it.
//!
//! `.name` is a literal, `2:value` the third capture of a place, `*value` all that is left, and
//! `!name` an entry of a listing that no route leads to. In values `/` and `%` are
//! percent-encoded.

use super::template::{self, Segment};
use super::tree::{Capture, Place};

/// One step of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Literal(String),
    Capture(usize, String),
    Rest(String),
    Entry(String),
}

impl Step {
    /// Returns the identity of what is this step below `parent`.
    pub(super) fn below(&self, parent: &str) -> String {
        let step = match self {
            Self::Literal(name) => format!(".{}", escaped(name)),
            Self::Capture(place, value) => format!("{place}:{}", escaped(value)),
            Self::Rest(value) => format!("*{}", escaped(value)),
            Self::Entry(name) => format!("!{}", escaped(name)),
        };
        if parent.is_empty() {
            step
        } else {
            format!("{parent}/{step}")
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = |text: &str| Some(unescaped(text.get(1..)?));
        Some(match text.chars().next()? {
            '.' => Self::Literal(rest(text)?),
            '*' => Self::Rest(rest(text)?),
            '!' => Self::Entry(rest(text)?),
            _ => {
                let (place, value) = text.split_once(':')?;
                Self::Capture(place.parse().ok()?, unescaped(value))
            }
        })
    }
}

impl Place {
    /// Returns the identity of the place below this one, which is the root, that a template names
    /// whose captures have these values, and the place.
    ///
    /// # Errors
    /// What there is not.
    pub(super) fn identity(
        &self,
        template: &str,
        values: &[&dyn ToString],
    ) -> Result<(String, &Self), String> {
        let mut values = values.iter().map(|value| value.to_string());
        let (mut id, mut place) = (String::new(), self);
        let parsed = template::parse(template);
        for segment in parsed.map_err(|why| format!("the template {template:?} {why}"))? {
            let mut next = || {
                let missing = || format!("no value of {segment} in {template} is given");
                values.next().ok_or_else(missing)
            };
            let step;
            (step, place) = match &segment {
                Segment::Literal(name) => {
                    let found = place.literals.iter().find(|(known, _)| known == name);
                    let (_, below) = found.ok_or_else(|| no_route(&segment, template))?;
                    (Step::Literal(name.clone()), below)
                }
                Segment::Capture { .. } => {
                    let value = next()?;
                    let mut captures = place.captures.iter().enumerate();
                    let is_it = |(_, capture): &(usize, &Capture)| capture.is(&segment);
                    let found = captures.find(|found| is_it(found) && (found.1.typed.fits)(&value));
                    let (at, capture) =
                        found.ok_or_else(|| no_value(&segment, template, &value))?;
                    (Step::Capture(at, value), &capture.place)
                }
                Segment::Rest { .. } => {
                    let rest = place.rest.as_ref().filter(|rest| rest.is(&segment));
                    let rest = rest.ok_or_else(|| no_route(&segment, template))?;
                    (Step::Rest(next()?), &rest.place)
                }
            };
            id = step.below(&id);
        }
        match values.next() {
            None => Ok((id, place)),
            Some(value) => Err(format!("{template} has no capture for the value {value:?}")),
        }
    }
}

fn no_route(segment: &Segment, template: &str) -> String {
    format!("no route leads to {segment} in {template}")
}

fn no_value(segment: &Segment, template: &str, value: &str) -> String {
    format!("no route leads to {segment} in {template} with the value {value:?}")
}

/// Where an identity leads to.
pub(super) struct Found<'a> {
    pub(super) place: &'a Place,
    pub(super) values: Vec<String>,
    /// The value of the last step, if that took all that is left.
    pub(super) rest: Option<String>,
    /// The last step, if it is an entry of the listing of `place`.
    pub(super) entry: Option<String>,
}

impl<'a> Found<'a> {
    /// Returns the place that takes all that is left behind this one, or is it already.
    pub(super) fn below(&self) -> Option<&'a Place> {
        match self.rest {
            Some(_) => Some(self.place),
            None => self.place.rest.as_ref().map(|rest| &rest.place),
        }
    }
}

/// Follows an identity from the root of the routes; none when it is not one of theirs.
pub(super) fn follow<'a>(root: &'a Place, id: &str) -> Option<Found<'a>> {
    let mut found = Found { place: root, values: Vec::new(), rest: None, entry: None };
    for step in id.split('/').filter(|step| !step.is_empty()) {
        if found.entry.is_some() {
            return None;
        }
        found.place = match Step::parse(step)? {
            Step::Literal(name) => {
                &found.place.literals.iter().find(|(known, _)| *known == name)?.1
            }
            Step::Capture(at, value) => {
                let capture = found.place.captures.get(at)?;
                // A key of the upstream's may be anything that the handler takes.
                if !(capture.typed.fits)(&value) {
                    return None;
                }
                found.values.push(value);
                &capture.place
            }
            Step::Rest(value) => {
                found.values.push(value.clone());
                found.rest = Some(value);
                &found.place.rest.as_ref()?.place
            }
            Step::Entry(name) => {
                found.entry = Some(name);
                found.place
            }
        };
    }
    Some(found)
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}

fn unescaped(text: &str) -> String {
    text.replace("%2F", "/").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_were_written() {
        for step in [
            Step::Literal("a".into()),
            Step::Capture(12, "50% of a/b:c".into()),
            Step::Rest("x/%2F/y".into()),
            Step::Entry("!.".into()),
        ] {
            let id = step.below("");
            assert!(!id.contains('/'), "{id}");
            assert_eq!(Step::parse(&id), Some(step));
        }
        assert_eq!(Step::Literal("b".into()).below(".a"), ".a/.b");
    }
}
