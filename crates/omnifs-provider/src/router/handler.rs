//! Handlers: plain functions whose parameters are the captures of their template.

use std::any::TypeId;
use std::str::FromStr;

use super::entry::{Entry, File, Listing};
use super::range::Range;
use crate::Error;

/// The type that a capture has to parse into.
#[derive(Debug, Clone, Copy)]
pub struct Typed {
    pub(super) id: TypeId,
    pub(super) name: &'static str,
    pub(super) fits: fn(&str) -> bool,
}

impl Typed {
    fn of<T: FromStr + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: std::any::type_name::<T>(),
            fits: |text| text.parse::<T>().is_ok(),
        }
    }

    /// Returns whether every text is one.
    pub(super) fn takes_all(&self) -> bool {
        self.id == TypeId::of::<String>()
    }
}

/// A function that answers for a route: as many parameters as the template has captures, in their
/// order, each of a type that is parsed from a text, and a result of `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the handler of a route",
    label = "this function does not fit",
    note = "a handler takes the captures of its template, in their order and none by reference, each \
            of a type that implements `FromStr` (as `String` and `u64` do), at most six; it returns \
            `Result<R, omnifs_provider::Error>`, where R is a `Listing` or a `Vec<Entry>` for a \
            directory, an `Option<Entry>` for a name, and a `String`, `&'static str`, `Vec<u8>` or \
            `File` for a file; that of a file may take a `Range` after its captures"
)]
pub trait Handler<T, Parameters>: 'static {
    /// Whether it answers for parts of a file.
    #[doc(hidden)]
    const RANGES: bool = false;

    /// Returns the types of its parameters that are captures.
    #[doc(hidden)]
    fn types() -> Vec<Typed>;

    /// Calls it; the values were seen to fit.
    #[doc(hidden)]
    fn call(&self, values: &[String], range: Range) -> Result<T, Error>;
}

fn value<T: FromStr>(values: &[String], place: usize) -> Result<T, Error> {
    let parsed = values.get(place).and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Error::new(format!("parameter {place} of a handler has no value")))
}

macro_rules! handlers {
    ($result:ty: $(($($parameter:ident $place:tt),*))*) => { $(
        impl<Function, Answer, $($parameter),*> Handler<$result, (Answer, $($parameter,)*)> for Function
        where
            Function: Fn($($parameter),*) -> Result<Answer, Error> + 'static,
            Answer: Into<$result>,
            $($parameter: FromStr + 'static,)*
        {
            fn types() -> Vec<Typed> {
                vec![$(Typed::of::<$parameter>()),*]
            }

            fn call(&self, _values: &[String], _range: Range) -> Result<$result, Error> {
                self($(value::<$parameter>(_values, $place)?),*).map(Into::into)
            }
        }
    )* };
}

handlers!(Listing: () (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));
handlers!(Option<Entry>: (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));
handlers!(File: () (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));

/// What tells the parameters of a handler that takes a [`Range`] from those of another one.
#[doc(hidden)]
#[derive(Debug)]
pub struct WithRange;

macro_rules! range_handlers {
    ($(($($parameter:ident $place:tt),*))*) => { $(
        impl<Function, Answer, $($parameter),*>
            Handler<File, (WithRange, (Answer, $($parameter,)*))> for Function
        where
            Function: Fn($($parameter,)* Range) -> Result<Answer, Error> + 'static,
            Answer: Into<File>,
            $($parameter: FromStr + 'static,)*
        {
            const RANGES: bool = true;

            fn types() -> Vec<Typed> {
                vec![$(Typed::of::<$parameter>()),*]
            }

            fn call(&self, _values: &[String], range: Range) -> Result<File, Error> {
                self($(value::<$parameter>(_values, $place)?,)* range).map(Into::into)
            }
        }
    )* };
}

range_handlers!(() (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));
